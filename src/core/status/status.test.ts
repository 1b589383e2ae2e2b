import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tell } from "../../testing/story.ts";
import type { Notice } from "../texts/events.ts";
import { prependEvents, type Transition } from "../turn/turn.ts";
import type { Alert } from "./canary.ts";
import { fromWire, toWire } from "./status.ts";
import type { WireStatus } from "./wire.ts";

const HINTS = { intervalMs: 15_000, iterations: 0, weights: [10, 20, 30, 40, 50], mirror: false };
const SEED = Number(process.env["SEED"] ?? 20261123);

/** As the API server stores it. */
const stored = (wire: WireStatus): WireStatus => JSON.parse(JSON.stringify(wire));
/** As it comes back when Flagger's own CRD is installed. */
const pruned = ({ aviary: _memory, ...rest }: WireStatus): WireStatus => stored(rest);

describe("the status on the wire", () => {
  it(`survives storage in every moment of a rollout (seed ${SEED})`, () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 400 }), fc.boolean(), (seconds, good) => {
        const story = tell({ analysis: { metrics: [{ name: "request-success-rate", threshold: 99 }] } });
        story.world.answer = () => ({ kind: "value", value: good ? 100 : 0 });
        story.run(60);
        story.world.revision = { spec: "v2", configs: { "configmap/a": "1" } };
        story.run(seconds);
        const again = fromWire(stored(toWire(story.status)), HINTS);
        // Times are stored in whole seconds; our own memory keeps milliseconds.
        expect({ ...again, writtenAt: 0 }).toEqual({ ...story.status, writtenAt: 0 });
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it("looks as Flagger's in the middle of a run", () => {
    const story = tell({});
    story.run(60);
    story.world.revision = { spec: "v2" };
    story.run(31);
    const { aviary: _memory, conditions, lastTransitionTime, ...wire } = toWire(story.status);
    expect(wire).toEqual({
      phase: "Progressing",
      failedChecks: 0,
      canaryWeight: 30,
      iterations: 0,
      lastAppliedSpec: "v2",
      lastPromotedSpec: "v1",
    });
    expect(lastTransitionTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(conditions).toEqual([
      {
        type: "Promoted",
        status: "Unknown",
        reason: "Progressing",
        message: "New revision detected, progressing canary analysis.",
        lastUpdateTime: "2026-01-01T00:01:00Z",
        lastTransitionTime: "2026-01-01T00:01:00Z",
      },
    ]);
  });
});

it("the former autoscaler is also read by the name that earlier builds gave it", () => {
  const names = {
    provider: "istio",
    service: "podinfo",
    target: { apiVersion: "apps/v1", kind: "Deployment", name: "p" },
  };
  const scaler = { kind: "ScaledObject", name: "podinfo" };
  const status = fromWire({ phase: "Succeeded", aviary: { names: { ...names, waker: scaler } } }, HINTS);
  expect(status.names).toEqual({ ...names, formerScaler: scaler });
  expect(toWire(status).aviary?.names).toEqual({ ...names, formerScaler: scaler });
});

describe("a status without our memory", () => {
  it.each<[string, WireStatus, object]>([
    ["at weight 30", { phase: "Progressing", canaryWeight: 30 }, { step: 3, stage: "prepared" }],
    ["before the first weight", { phase: "Progressing", canaryWeight: 0 }, { step: 0, stage: "preparing" }],
    ["between two weights of the plan", { phase: "Progressing", canaryWeight: 33 }, { step: 3 }],
    ["Q20: waiting for the promotion, weight zeroed", { phase: "WaitingPromotion", iterations: -1 }, { step: 5 }],
    ["promoting", { phase: "Promoting", canaryWeight: 50 }, { step: 5, primaryWeight: 0, skipping: false }],
    ["after a failed promotion", { phase: "Failed", canaryWeight: 100 }, { recovery: { kind: "restoring" } }],
    ["after a rollback", { phase: "Failed", canaryWeight: 0 }, { recovery: { kind: "none" } }],
  ])("is recovered %s", (_where, wire, expected) => {
    expect(fromWire(pruned(wire), HINTS)).toMatchObject(expected);
  });

  it("an A/B run is recovered by its iterations", () => {
    const hints = { ...HINTS, iterations: 10, weights: [] };
    expect(fromWire({ phase: "Progressing", iterations: 4 }, hints)).toMatchObject({ step: 4 });
  });

  it("is held for a whole interval after it was written: a restart shortens no step", () => {
    const wire: WireStatus = { phase: "Progressing", canaryWeight: 20, lastTransitionTime: "2026-01-01T00:00:00Z" };
    expect(fromWire(wire, HINTS)).toMatchObject({ hold: { kind: "until", at: Date.UTC(2026, 0, 1) + 15_000 } });
  });

  it("an unknown phase is refused with a remedy", () => {
    expect(() => fromWire({ phase: "Bogus" }, HINTS)).toThrow('status.phase "Bogus" is not a phase of a Canary');
  });
});

describe("alerts that are owed", () => {
  const alert = (message: string): Alert => ({ message, severity: "info", metadata: false });
  const many = Array.from({ length: 300 }, (_, i) => alert(String(i)));

  it.each<[what: string, planted: unknown, owed: readonly Alert[]]>([
    ["three hundred alerts are twenty, the oldest", many, many.slice(0, 20)],
    [
      "what is no alert is left out",
      [7, null, "x", { message: 1 }, { ...alert("a"), severity: "fatal" }, many[0]],
      [alert("0")],
    ],
    ["a text", "alerts", []],
    ["an object", { length: 3, 0: alert("a") }, []],
  ])("may be planted by the writer of a status: %s", (_, planted, owed) => {
    const wire = { phase: "Initialized", aviary: { owedAlerts: planted } } as WireStatus;
    expect(fromWire(wire, HINTS).owedAlerts).toEqual(owed);
  });

  it("are twenty at most when further ones come", () => {
    const { status } = tell({});
    const notice = { event: { type: "Normal", message: "m" }, alert: alert("new") } as unknown as Notice;
    const transition = { status: { ...status, owedAlerts: many.slice(0, 19) }, events: [] } as unknown as Transition;
    const after = prependEvents("Initialized", [notice, notice], transition);
    expect(after.status.owedAlerts).toEqual([...many.slice(0, 19), alert("new")]);
  });
});

/** The value as a field of so many objects within each other. */
const within = (depth: number, value: object): object =>
  Array.from({ length: depth }).reduce<object>((inner) => ({ inner }), value);

it.each<readonly [string, object]>([
  ["time", { lastTransitionTime: { toString: false } }],
  ["phase", { phase: { toString: false } }],
  ["weight", { phase: "Failed", canaryWeight: { toString: 0 } }],
  ["count of checks", { phase: "WaitingPromotion", failedChecks: { valueOf: null, toString: false } }],
  ["weight of the primary", { phase: "Promoting", aviary: { primaryWeight: { toString: 0 } } }],
  ["memory", { phase: "Progressing", aviary: [{ toString: 0 }] }],
  // To look at each part twice would take 2^300 steps.
  ["deep memory", { phase: "Progressing", aviary: { names: within(300, { toString: 0 }) } }],
  ["pause", { phase: "Progressing", aviary: { paused: { by: { toString: 0 }, until: { toString: 0 } } } }],
])("a status whose %s is neither text nor number is read or refused, and never an error of the program", (_, wire) => {
  const hints = { intervalMs: 15_000, iterations: 0, weights: [10, 20], mirror: false };
  try {
    expect(fromWire(wire as never, hints).writtenAt).toBe(0);
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
  }
});

/** The table of phases is the only list of them: what is derived from it, and what each phase remembers on the wire. */
import { describe, expect, it } from "vitest";
import { canaryCrd } from "../../crd/index.ts";
import { aCanary } from "../../testing/canary.ts";
import type { CanaryStatus } from "../status/canary.ts";
import { fromWire, toWire } from "../status/status.ts";
import type { WireMemory } from "../status/wire.ts";
import type { Position, Wait } from "./positions.ts";
import { PHASES, rulesOf, TRANSITIONS } from "./table.ts";

const HINTS = { intervalMs: 15_000, iterations: 0, weights: [10, 20], mirror: false };
const NOW = 1_767_225_600_000;
const CENTURY = 3_155_760_000_000;
const AWAY: Wait = { kind: "after-routes", notBefore: NOW };
const STEP = { step: 1, hold: AWAY, serving: "primary-alone", plan: "canary" } as const;

const POSITIONS: readonly Position[] = [
  { phase: "Initializing", stage: "copying" },
  { phase: "Initializing", stage: "renewing" },
  { phase: "Initializing", stage: "switching" },
  { phase: "Initialized", drain: { kind: "until", at: NOW } },
  { phase: "Waiting", hold: { kind: "until", at: NOW } },
  { phase: "Progressing", ...STEP, stage: "prepared" },
  { phase: "Progressing", ...STEP, step: 0, serving: "as-planned", stage: "preparing" },
  { phase: "Progressing", ...STEP, step: 0, serving: "as-planned", stage: "put-off" },
  { phase: "WaitingPromotion", ...STEP },
  { phase: "WaitingPromotion", ...STEP, serving: "canary-alone", outages: 1 },
  { phase: "Promoting", ...STEP, primaryWeight: 60, shiftedAt: NOW, failedSinceShift: true, skipping: false },
  { phase: "Finalising", hold: AWAY },
  { phase: "Succeeded", drain: AWAY, owesPostRollout: true, outcome: "unjudged" },
  { phase: "Succeeded", drain: AWAY, owesPostRollout: false, outcome: "reverted" },
  { phase: "Failed", drain: { kind: "none" }, owesPostRollout: true, recovery: { kind: "restoring" } },
  {
    ...{ phase: "Failed", drain: { kind: "none" }, owesPostRollout: false },
    recovery: { kind: "undoing", promotion: "the last one" },
  },
  { phase: "Terminating", handedBack: true },
  { phase: "Terminated" },
];

describe("the table of phases", () => {
  it("names each phase by its key, and every arrow leads to a phase of the table", () => {
    expect(PHASES.map((phase) => rulesOf(phase).name)).toEqual(PHASES);
    const ends = Object.values(TRANSITIONS).flat();
    expect(ends.filter((phase) => !PHASES.includes(phase))).toEqual([]);
  });

  it("is the enum of the CRD", () => {
    expect(JSON.stringify(canaryCrd())).toContain(JSON.stringify({ enum: PHASES }).slice(1, -1));
  });

  it.each(POSITIONS.map((position) => [position.phase, position] as const))(
    "remembers all of %s on the wire",
    (_phase, position) => {
      const status: CanaryStatus = { ...aCanary().status, writtenAt: NOW, ...position };
      expect(fromWire(JSON.parse(JSON.stringify(toWire(status))), HINTS)).toEqual(status);
    },
  );
});

describe("a memory that release 0.1.0 wrote", () => {
  it.each<[string, WireMemory, object]>([
    ["Initializing", { renew: true }, { stage: "renewing" }],
    ["Initializing", { renew: false, switching: true }, { stage: "switching" }],
    ["Initialized", { drainUntil: 0 }, { drain: { kind: "none" } }],
    ["Waiting", { holdUntil: NOW }, { hold: { kind: "until", at: NOW } }],
    ["Progressing", { step: 0, prepared: false }, { stage: "preparing" }],
    ["Progressing", { step: 0, prepared: false, putOff: true }, { stage: "put-off" }],
    ["Progressing", { step: 2, prepared: true }, { stage: "prepared" }],
    ["Failed", { restoring: false }, { recovery: { kind: "none" } }],
    ["Failed", { restoring: true }, { recovery: { kind: "restoring" } }],
    ["Failed", { restoring: true, undoing: "p1" }, { recovery: { kind: "undoing", promotion: "p1" } }],
    [
      "Failed",
      { restoring: true, undoing: "p1", undoingTo: "p0" },
      { recovery: { kind: "undoing", promotion: "p1", to: "p0" } },
    ],
    ["Finalising", { holdUntil: NOW + CENTURY }, { hold: AWAY }],
    [
      "Promoting",
      { primaryWeight: 60, doubted: true, holdUntil: 0 },
      { failedSinceShift: true, hold: { kind: "none" } },
    ],
    ["Terminating", { released: true }, { handedBack: true }],
    ["Failed", { said: "podinfo-primary not ready" }, { announced: { reason: "Unknown" } }],
    ["Succeeded", { said: "skipping canary run as object is suspended" }, { announced: { reason: "Suspended" } }],
  ])("is read in %s: %j", (phase, aviary, expected) => {
    expect(fromWire({ phase, aviary }, HINTS)).toMatchObject(expected);
  });
});

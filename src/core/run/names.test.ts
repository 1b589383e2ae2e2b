/** What a Canary names is edited: what it named before is left in order, and then the new names count. */
import { describe, expect, it } from "vitest";
import { aCanary, aSpec, type CanaryParts } from "../../testing/canary.ts";
import { MESH } from "../../testing/story.ts";
import { decide } from "../decide.ts";
import { desired, nextTurnAt } from "../desired.ts";
import { planFor } from "../plan/plan.ts";
import type { CanaryStatus } from "../status/canary.ts";
import type { Readings } from "../turn/observation.ts";
import { isAsk, type Transition } from "../turn/turn.ts";
import { NO_WAIT } from "../turn/waits.ts";
import { namesOf, specInForce } from "./names.ts";

const NOW = Date.UTC(2026, 0, 1);
const READY = { kind: "ready" } as const;
const OLD = aSpec();
const STEP = { step: 2, hold: NO_WAIT, serving: "as-planned", plan: "weights", stage: "prepared" };

const READINGS: Readings = {
  target: { revision: { spec: "v2" }, readiness: READY, available: 1, scaledDown: false },
  primary: { exists: true, readiness: READY, available: 1 },
  routesInForce: true,
};

function statusIn(position: object, core: object = {}): CanaryStatus {
  const { status } = aCanary();
  const common = { promotedSpec: "v1", applied: { spec: "v2" }, canaryWeight: 20, names: namesOf(OLD) };
  return { ...status, ...common, ...core, ...position } as CanaryStatus;
}

const progressing = (core: object = {}) => statusIn({ phase: "Progressing", ...STEP }, core);

function turn(status: CanaryStatus, parts: CanaryParts, readings: Partial<Readings> = {}, now = NOW): Transition {
  const { ref, uid } = aCanary();
  const spec = specInForce(aSpec(parts), status, false);
  const plan = planFor(spec, MESH);
  const observation = { readings: { ...READINGS, ...readings }, answers: [] };
  const decision = decide({ ref, uid, spec, plan, status, observation, alertsDelivered: 0, deleting: false, now });
  if (isAsk(decision)) throw new Error("nothing is to be asked");
  return decision;
}

const worldOf = ({ status }: Transition) => desired({ uid: "1", plan: planFor(OLD, MESH), suspended: false }, status);
const PROVIDER: CanaryParts = { spec: { provider: "kubernetes" } };
const SERVICE: CanaryParts = { service: { name: "web" } };
const TARGET: CanaryParts = {
  spec: { targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" } },
  service: { name: "podinfo" },
};

describe("routing that is edited in the middle of a run", () => {
  it.each([
    ["provider", PROVIDER],
    ["service.name", SERVICE],
  ])("%s: the run starts over, and the former routes are left first", (_, parts) => {
    const left = turn(progressing(), parts, { formerLeft: false });
    expect(left.status).toMatchObject({ phase: "Progressing", step: 0, canaryWeight: 0 });
    expect(left.events.map(({ reason }) => reason)).toEqual(["RoutingChanged"]);
    expect(worldOf(left)).toMatchObject({ leaving: true, target: "up" });

    const due = nextTurnAt(left, NOW) ?? 0;
    expect(due).toBeGreaterThan(NOW);
    // Neither before every proxy knows, nor before the former routes send nothing to the canary.
    expect(turn(left.status, parts, { formerLeft: true }, due - 1).status).toBe(left.status);
    expect(turn(left.status, parts, { formerLeft: false }, due).status).toBe(left.status);
    const settled = turn(left.status, parts, { formerLeft: true }, due);
    expect(settled.status.names).toEqual(namesOf(aSpec(parts)));
    expect(worldOf(settled)).not.toHaveProperty("leaving");
  });

  it("is left although the new names cannot be followed", () => {
    const left = turn(progressing(), PROVIDER, { formerLeft: false, problem: "no such kind" });
    expect(worldOf(left)).toMatchObject({ leaving: true });
    const said = turn(left.status, PROVIDER, { formerLeft: true, problem: "no such kind" }, NOW + 60_000);
    expect(said.events.map(({ message }) => message)).toEqual(["no such kind"]);
  });

  it.each([
    { phase: "Promoting", step: 2, hold: NO_WAIT, serving: "as-planned", primaryWeight: 0, skipping: false },
    { phase: "Finalising", hold: NO_WAIT },
    { phase: "Failed", recovery: { kind: "restoring" }, drain: NO_WAIT, owesPostRollout: false },
  ])("counts when $phase is over", (position) => {
    const spec = specInForce(aSpec(PROVIDER), statusIn(position), false);
    expect(namesOf(spec)).toEqual(namesOf(OLD));
  });

  it("changes nothing when it is edited back", () => {
    const left = turn(progressing(), PROVIDER, { formerLeft: false });
    const back = turn(left.status, {}, {}, NOW + 1);
    expect(back.status.names).toEqual(namesOf(OLD));
  });
});

describe("routing that is edited at rest", () => {
  it("counts at once: all traffic goes to the primary already", () => {
    const rest = statusIn({ phase: "Succeeded", drain: NO_WAIT, owesPostRollout: false, outcome: "promoted" });
    expect(turn(rest, PROVIDER, { formerLeft: true }).status.names).toEqual(namesOf(aSpec(PROVIDER)));
  });
});

describe("another target", () => {
  const rest = statusIn({ phase: "Succeeded", drain: NO_WAIT, owesPostRollout: false, outcome: "promoted" });

  it.each([
    ["at rest", rest],
    ["in a run", progressing()],
  ])("%s is initialised as a new one, and said to be another one", (_, status) => {
    const left = turn(status, TARGET, { formerLeft: false });
    expect(left.status).toMatchObject({ phase: "Initializing", stage: "copying", canaryWeight: 0 });
    expect(left.events[0]?.message).toBe(
      "Target of podinfo.test was changed from Deployment podinfo to Deployment web: Deployment podinfo-primary serves " +
        "until the new primary is ready, and is not deleted: delete it afterwards",
    );
    const settled = turn(left.status, TARGET, { primary: { ...READINGS.primary, exists: false } }, NOW + 60_000);
    expect(settled.status).toMatchObject({ phase: "Initializing", promotedSpec: "" });
    expect(worldOf(settled)).toMatchObject({ target: "as-is", traffic: "untouched" });
  });

  it("that has a primary already is judged before anything is copied", () => {
    const left = turn(progressing(), TARGET);
    const settled = turn(left.status, TARGET, {}, NOW + 60_000);
    expect(settled.status).toMatchObject({ phase: "Initialized", promotedSpec: "v1", names: namesOf(aSpec(TARGET)) });
  });
});

describe("the names", () => {
  it("are remembered from when the routes are ours", () => {
    const { names: _none, ...status } = progressing();
    const unnamed = { ...status, failedChecks: 0, applied: { spec: "v1" } } as CanaryStatus;
    expect(turn(unnamed, {}, {}).status.names).toEqual(namesOf(OLD));
  });

  it("change with the autoscaler when the former copy is deleted", () => {
    const scaled = aSpec({ spec: { autoscalerRef: { kind: "HorizontalPodAutoscaler", name: "podinfo" } } });
    const rest = statusIn(
      { phase: "Succeeded", drain: NO_WAIT, owesPostRollout: false, outcome: "promoted" },
      { names: namesOf(scaled) },
    );
    expect(turn(rest, {}, { formerLeft: true }).status.names).toEqual(namesOf(OLD));
  });
});

describe("an autoscaler that is named no more", () => {
  const KEDA: CanaryParts = { spec: { autoscalerRef: { kind: "ScaledObject", name: "podinfo" } } };
  const HPA: CanaryParts = { spec: { autoscalerRef: { kind: "HorizontalPodAutoscaler", name: "web" } } };
  const keda = { kind: "ScaledObject", name: "podinfo" };
  const before = () => progressing({ names: namesOf(aSpec(KEDA)) });

  it("is remembered as long as it scales the target", () => {
    const removed = turn(before(), {}, { formerLeft: true, formerScales: true });
    expect(removed.status.names).toEqual({ ...namesOf(OLD), formerScaler: keda });
    const later = turn(removed.status, {}, { formerScales: true });
    expect(later.status.names).toBe(removed.status.names);
    expect(turn(removed.status, {}).status.names).toEqual(namesOf(OLD));
  });

  it("is remembered beside the one that takes its place, and not when it is named again", () => {
    const replaced = turn(before(), HPA, { formerLeft: true, formerScales: true });
    expect(replaced.status.names).toEqual({ ...namesOf(aSpec(HPA)), formerScaler: keda });
    const removed = turn(replaced.status, {}, { formerLeft: true });
    expect(removed.status.names).toEqual(namesOf(OLD));
    expect(turn(replaced.status, KEDA, { formerLeft: true }).status.names).toEqual(namesOf(aSpec(KEDA)));
  });
});

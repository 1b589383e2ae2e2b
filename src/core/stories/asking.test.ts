/** Asking is a decision: an unanswered question never counts as a passed check. */
import { describe, expect, it } from "vitest";
import { aCanary, type CanaryParts } from "../../testing/canary.ts";
import { MESH } from "../../testing/story.ts";
import { decide } from "../decide.ts";
import type { Position } from "../phases/positions.ts";
import { planFor } from "../plan/plan.ts";
import type { CanaryStatus } from "../status/canary.ts";
import { takeTurnWith } from "../take-turn.ts";
import { promotionId } from "../turn/identity.ts";
import type { Answer, Answered, Probe, Readings } from "../turn/observation.ts";
import { type Decision, type DecisionInput, isAsk } from "../turn/turn.ts";
import { NO_WAIT } from "../turn/waits.ts";

const REF = { namespace: "test", name: "podinfo" };
const NOW = 1_767_225_600_000;
const READY = { kind: "ready" } as const;
const CHECKED: CanaryParts = {
  analysis: {
    metrics: [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "1m" }],
    webhooks: [
      { name: "start", type: "confirm-rollout", url: "http://gate/" },
      { name: "more", type: "confirm-traffic-increase", url: "http://gate/" },
      { name: "tidy", type: "post-rollout", url: "http://gate/" },
    ],
  },
};
const STEP = { step: 1, hold: { kind: "until", at: NOW - 1 }, serving: "as-planned" } as const;
const OWED = { drain: NO_WAIT, owesPostRollout: true };
const PASSED: Answer = { kind: "passed" };

function turnAt(position: Position, answers: readonly Answered[], readings: Partial<Readings> = {}): DecisionInput {
  const canary = aCanary(CHECKED);
  const applied = { spec: "v2" };
  const status = { ...canary.status, applied, promotedSpec: "v1", ...position } as CanaryStatus;
  const target = { revision: { spec: "v2" }, readiness: READY, available: 1, scaledDown: false };
  const copied = position.phase === "Promoting" ? { promotionId: promotionId("uid", applied) } : {};
  const primary = { exists: true, readiness: READY, available: 1, ...copied };
  return {
    ...{ ref: REF, uid: "uid", spec: canary.spec, plan: planFor(canary.spec, MESH), status },
    ...{ alertsDelivered: 0, deleting: false, now: NOW },
    observation: { readings: { target, primary, routesInForce: true, ...readings }, answers },
  };
}

function asked(decision: Decision): readonly string[] {
  if (!isAsk(decision)) throw new Error(`decided without asking: ${JSON.stringify(decision)}`);
  return decision.probes.map(nameOf);
}

function nameOf(probe: Probe): string {
  if (probe.kind === "hook") return `${probe.type} ${probe.hook.name}`;
  return probe.kind === "metric" ? `${probe.of} ${probe.metric.name}` : probe.kind;
}

const NOT_TARGET = { target: { revision: { spec: "v3" }, readiness: READY, available: 1, scaledDown: false } };
const PROMOTING = { phase: "Promoting", ...STEP, primaryWeight: 60, skipping: false } as const;

const ASKING: readonly [string, Position, Partial<Readings>, readonly string[]][] = [
  ["metric servers while initializing", { phase: "Initializing", stage: "copying" }, {}, ["metric-servers"]],
  ["the gate of a new revision", { phase: "Initialized", drain: NO_WAIT }, NOT_TARGET, ["confirm-rollout start"]],
  ["the gate again while waiting", { phase: "Waiting", hold: NO_WAIT }, NOT_TARGET, ["confirm-rollout start"]],
  [
    "checks, then the gate, at the end of a step",
    { phase: "Progressing", ...STEP, stage: "prepared" },
    {},
    ["canary request-success-rate", "confirm-traffic-increase more"],
  ],
  ["the checks of the primary while traffic returns to it", PROMOTING, {}, ["primary request-success-rate"]],
  ["hooks after a success", { phase: "Succeeded", outcome: "promoted", ...OWED }, {}, ["post-rollout tidy"]],
  ["hooks after a failure", { phase: "Failed", recovery: { kind: "none" }, ...OWED }, {}, ["post-rollout tidy"]],
];

describe("a decision that needs answers", () => {
  it.each(ASKING)("asks for %s when it has no answers", (_what, position, readings, wanted) => {
    expect(asked(decide(turnAt(position, [], readings)))).toEqual(wanted);
  });

  it.each(ASKING)("refuses %s with an answer to another question", (_what, position, readings) => {
    const other: Probe = { kind: "hook", hook: aHook("another"), type: "rollout", phase: "Progressing" };
    const turn = turnAt(position, [{ probe: other, answer: PASSED }], readings);
    expect(() => decide(turn)).toThrow(/was asked, and there is an answer to "hook rollout another"/);
  });

  it.each(ASKING)("is made %s when every question is answered", (_what, position, readings) => {
    const { observation, ...rest } = turnAt(position, [], readings);
    const { input } = takeTurnWith({ ...rest, readings: observation.readings }, passing);
    expect(input.observation.answers.map(({ probe }) => nameOf(probe))).toEqual(
      asked(decide(turnAt(position, [], readings))),
    );
  });

  it("is refused when the answers end before the question that settles the matter", () => {
    const position: Position = { phase: "Progressing", ...STEP, stage: "prepared" };
    const [first] = decisionProbes(turnAt(position, []));
    if (first === undefined) throw new Error("nothing was asked");
    const turn = turnAt(position, [{ probe: first, answer: { kind: "value", value: 100 } }]);
    expect(() => decide(turn)).toThrow(/confirm-traffic-increase more" was asked, and there is no answer/);
    const failing = turnAt(position, [{ probe: first, answer: { kind: "value", value: 50 } }]);
    expect(decide(failing)).toMatchObject({ status: { phase: "Progressing", step: 1, failedChecks: 1 } });
  });
});

describe("a decision that readings alone settle", () => {
  it.each<[string, Position, Partial<Readings>]>([
    ["routes that are not in force", { phase: "Progressing", ...STEP, stage: "prepared" }, { routesInForce: false }],
    ["a newer revision", { phase: "Progressing", ...STEP, stage: "prepared" }, NOT_TARGET],
    ["an edited strategy", { phase: "Progressing", ...STEP, stage: "prepared", plan: "ab-testing" }, {}],
    [
      "a hold that is not over",
      { phase: "Progressing", ...STEP, stage: "prepared", hold: { kind: "until", at: NOW + 1 } },
      {},
    ],
  ])("asks nothing: %s", (_what, position, readings) => {
    expect(isAsk(decide(turnAt(position, [], readings)))).toBe(false);
  });

  it("asks nothing when the threshold was reached before", () => {
    const turn = turnAt({ phase: "Progressing", ...STEP, stage: "prepared" }, []);
    const decision = decide({ ...turn, status: { ...turn.status, failedChecks: 5 } });
    expect(decision).toMatchObject({ status: { phase: "Failed" } });
  });
});

function decisionProbes(turn: DecisionInput): readonly Probe[] {
  const decision = decide(turn);
  return isAsk(decision) ? decision.probes : [];
}

function passing(probe: Probe): Answer {
  return probe.kind === "metric" ? { kind: "value", value: 100 } : PASSED;
}

function aHook(name: string) {
  return {
    name,
    type: "rollout",
    url: "http://gate/",
    muteAlert: false,
    timeout: "",
    retries: 0,
    disableTLS: false,
  } as const;
}

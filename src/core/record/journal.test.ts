import { expect, it } from "vitest";
import { type Story, tell } from "../../testing/story.ts";
import type { Serving } from "../phases/positions.ts";
import type { CanaryStatus } from "../status/canary.ts";
import { type JournalLine, replay } from "./journal.ts";

/** A run whose promotion fails: the primary gets its revision back. */
function failedPromotion(): Story {
  const story = tell({ analysis: { stepWeights: [50] } });
  story.run(30);
  story.world.revision = { spec: "v2" };
  story.world.onPromoted = () => {
    story.world.primary = { kind: "stuck", detail: "crash loop" };
  };
  story.run(60);
  story.world.primary = { kind: "ready" };
  story.run(60);
  return story;
}

function linesOf(story: Story, written: (status: CanaryStatus) => unknown): readonly JournalLine[] {
  return story.turns.map(({ input: { observation, status, ...situation }, transition }) => {
    const answers = observation.answers.map(({ answer }) => answer);
    const line = { ...situation, readings: observation.readings, status: written(status), answers };
    return JSON.parse(JSON.stringify({ ...line, next: written(transition.status) }));
  });
}

/** As releases wrote it that kept flags. */
function withFlags(status: CanaryStatus): unknown {
  if (status.phase === "Failed") {
    const { recovery, ...rest } = status;
    const undoing = recovery.kind === "undoing" ? { undoing: recovery.promotion } : {};
    return { ...rest, restoring: recovery.kind !== "none", ...undoing };
  }
  if (!("serving" in status)) return status;
  const { serving, ...onStep } = status;
  const away =
    serving === "canary-alone" ? { withheld: false, standsIn: true } : { withheld: serving === "primary-alone" };
  if (onStep.phase !== "Progressing") return { ...onStep, ...away };
  const { stage, ...rest } = onStep;
  return { ...rest, ...away, prepared: stage === "prepared", ...(stage === "put-off" ? { putOff: true } : {}) };
}

it("a journal with the flags of an older release leads to the decisions of today's journal", () => {
  const story = failedPromotion();
  const phases = new Set(story.turns.map(({ transition }) => transition.status.phase));
  expect([...phases]).toEqual(expect.arrayContaining(["Progressing", "Promoting", "Failed"]));
  const today = replay(linesOf(story, (status) => status));
  expect(today.every(({ transition, next }) => transition !== undefined && isSame(transition.status, next))).toBe(true);
  expect(replay(linesOf(story, withFlags))).toEqual(today);
});

it.each<[string, object, CanaryStatus]>([
  ["without a pod of the canary", { withheld: true }, aStep("primary-alone")],
  ["without a pod of the primary", { withheld: false, standsIn: true }, aStep("canary-alone")],
])("a step %s is read from the flags of an older release", (_, flags, expected) => {
  const [line] = linesOf(failedPromotion(), (status) => status);
  const { serving: _today, ...older } = expected as CanaryStatus & { serving: unknown };
  const [turn] = replay([{ ...(line as JournalLine), next: { ...older, ...flags } as unknown as CanaryStatus }]);
  expect(turn?.next).toEqual(expected);
});

it("the former autoscaler is read by the name that earlier builds gave it", () => {
  const names = { provider: "istio", service: "p", target: { apiVersion: "apps/v1", kind: "Deployment", name: "p" } };
  const scaler = { kind: "ScaledObject", name: "p" };
  const [line] = linesOf(failedPromotion(), (status) => ({ ...status, names: { ...names, waker: scaler } }));
  const [turn] = replay([line as JournalLine]);
  expect(turn?.input.status.names).toEqual({ ...names, formerScaler: scaler });
});

function aStep(serving: Serving): CanaryStatus {
  const position = { phase: "WaitingPromotion", step: 1, hold: { kind: "none" } } as const;
  return { ...failedPromotion().status, ...position, serving } as CanaryStatus;
}

const isSame = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

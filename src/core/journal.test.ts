import { expect, it } from "vitest";
import { type Story, tell } from "../testing/story.ts";
import type { CanaryStatus } from "./canary.ts";
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
  if (status.phase !== "Progressing") return status;
  const { stage, ...rest } = status;
  return { ...rest, prepared: stage === "prepared", ...(stage === "put-off" ? { putOff: true } : {}) };
}

it("a journal with the flags of an older release leads to the decisions of today's journal", () => {
  const story = failedPromotion();
  const phases = new Set(story.turns.map(({ transition }) => transition.status.phase));
  expect([...phases]).toEqual(expect.arrayContaining(["Progressing", "Promoting", "Failed"]));
  const today = replay(linesOf(story, (status) => status));
  expect(today.every(({ transition, next }) => transition !== undefined && isSame(transition.status, next))).toBe(true);
  expect(replay(linesOf(story, withFlags))).toEqual(today);
});

const isSame = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

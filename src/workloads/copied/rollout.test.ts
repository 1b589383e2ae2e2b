import { describe, expect, it } from "vitest";
import type { CanaryStatus } from "../../core/status/canary.ts";
import { inPhase } from "../../testing/desired-state.ts";
import { giveUpAt } from "./rollout.ts";

const MINUTE = 60_000;
const PARTS = { analysis: { interval: "1m" }, spec: { progressDeadlineSeconds: 120 } };

describe("a rollout that makes no progress is given up", () => {
  it.each<[string, Parameters<typeof inPhase>[0], Partial<CanaryStatus>, number | undefined]>([
    ["after its deadline", "Progressing", { phaseSince: MINUTE, writtenAt: MINUTE }, 3 * MINUTE],
    [
      "not because a pod is missing late in a long run",
      "Progressing",
      { phaseSince: 0, hold: { kind: "until", at: 60 * MINUTE } },
      61 * MINUTE,
    ],
    [
      "not while one pod after the other is replaced",
      "Promoting",
      { phaseSince: 0, writtenAt: 9 * MINUTE },
      11 * MINUTE,
    ],
    ["though pods come and go again and again", "Promoting", { phaseSince: 0, writtenAt: 500 * MINUTE }, 20 * MINUTE],
    [
      "while it waits for approval",
      "Waiting",
      { phaseSince: MINUTE, hold: { kind: "none" }, writtenAt: 0 },
      3 * MINUTE,
    ],
    ["never at rest", "Succeeded", { phaseSince: MINUTE }, undefined],
  ])("%s", (_what, phase, status, time) => {
    const canary = inPhase(phase, PARTS, { writtenAt: 0, hold: { kind: "none" }, ...status } as Partial<CanaryStatus>);
    expect(giveUpAt(canary)).toBe(time);
  });
});

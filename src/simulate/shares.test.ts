import { describe, expect, it } from "vitest";
import { caseShares, dealOut, type Outcome, type RunShare, runShare, type Share, storyShares } from "./shares.ts";
import { STORIES } from "./stories.ts";

const NOT_ABORTED = new AbortController().signal;
const seedOf = (share: Share | undefined): number => (share?.kind === "cases" ? share.seed : -1);

/** Runners that answer when they are told to, in any order. */
function createRunners(count: number) {
  const asked = new Map<number, (outcome: Outcome) => void>();
  const run: RunShare = (share) => new Promise((resolve) => void asked.set(seedOf(share), resolve));
  return {
    runners: Array.from({ length: count }, () => run),
    asked: () => [...asked.keys()],
    async answer(seed: number, runs = 20) {
      asked.get(seed)?.({ runs, failures: [] });
      asked.delete(seed);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

describe("a campaign in shares", () => {
  it("has every seed once", () => {
    expect(caseShares(7, 45)).toEqual([
      { kind: "cases", seed: 7, count: 20 },
      { kind: "cases", seed: 27, count: 20 },
      { kind: "cases", seed: 47, count: 5 },
    ]);
    expect(storyShares()).toHaveLength(Object.keys(STORIES).length);
  });

  it("gives a free runner the next share, and tells in the order of the shares", async () => {
    const { runners, asked, answer } = createRunners(2);
    const told: number[] = [];
    const done = dealOut(caseShares(0, 80), runners, NOT_ABORTED, ({ runs }) => void told.push(runs));
    await answer(20, 2);
    await answer(40, 3);
    expect([asked(), told]).toEqual([[0, 60], []]);
    await answer(0, 1);
    expect(told).toEqual([1, 2, 3]);
    await answer(60, 4);
    await done;
    expect(told).toEqual([1, 2, 3, 4]);
  });

  it("begins no share after an interruption, and tells of those that had begun", async () => {
    const { runners, asked, answer } = createRunners(2);
    const stop = new AbortController();
    const told: number[] = [];
    const done = dealOut(caseShares(0, 200), runners, stop.signal, ({ runs }) => void told.push(runs));
    stop.abort();
    await answer(20, 5);
    await answer(0, 20);
    await done;
    expect([asked(), told]).toEqual([[], [20, 5]]);
  });

  it("ends with the error of a runner", async () => {
    const fails: RunShare = () => Promise.reject(new Error("out of memory"));
    await expect(dealOut(caseShares(0, 80), [fails, fails], NOT_ABORTED, () => undefined)).rejects.toThrow(
      "out of memory",
    );
  });

  it("runs a share, and its outcome can go to another thread", async () => {
    const outcome = await runShare({ kind: "cases", seed: 3, count: 2 }, NOT_ABORTED);
    expect(structuredClone(outcome)).toEqual({ runs: 2, failures: [] });
    await expect(runShare({ kind: "story", story: "none" }, NOT_ABORTED)).rejects.toThrow('there is no story "none"');
  });
});

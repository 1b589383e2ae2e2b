/**
 * A campaign in shares, which several threads may run at the same time. What comes of the shares is told in their
 * order, so that a report is the same for any number of threads.
 */
import { type CaseFailure, runCases, type StoryFailure, tryEveryFault } from "./campaign.ts";
import type { Scenario } from "./scenario.ts";
import { STORIES } from "./stories.ts";

/** A part of a campaign. */
export type Share =
  | { readonly kind: "cases"; readonly seed: number; readonly count: number }
  /** Every single fault at every call of the story. */
  | { readonly kind: "story"; readonly story: string };

/** What came of a share, or of the part of it that was run before an interruption. It goes from thread to thread. */
export interface Outcome {
  readonly runs: number;
  readonly failures: readonly (CaseFailure | StoryFailure)[];
}

/** Runs one share at a time. @throws Error when it cannot go on */
export type RunShare = (share: Share) => Promise<Outcome>;

/** Few enough that the last shares end at about the same time, and an interruption waits for a moment only. */
const CASES = 20;

export function caseShares(seed: number, runs: number): readonly Share[] {
  return Array.from({ length: Math.ceil(runs / CASES) }, (_, i) => {
    const begun = i * CASES;
    return { kind: "cases", seed: seed + begun, count: Math.min(CASES, runs - begun) };
  });
}

export function storyShares(): readonly Share[] {
  return Object.keys(STORIES).map((story) => ({ kind: "story", story }));
}

/** In this thread. It stops early when `signal` is aborted. */
export async function runShare(share: Share, signal: AbortSignal): Promise<Outcome> {
  const failures: (CaseFailure | StoryFailure)[] = [];
  const keep = (failure: CaseFailure | StoryFailure) => void failures.push(failure);
  const runs =
    share.kind === "cases"
      ? await runCases(share.seed, share.count, signal, keep)
      : await tryEveryFault(share.story, storyOf(share.story), keep, { signal });
  return { runs, failures };
}

function storyOf(name: string): Scenario {
  const scenario = STORIES[name];
  if (scenario === undefined) throw new Error(`there is no story "${name}"`);
  return scenario;
}

/**
 * Deals the shares out, each to the first runner that is free. Ends when all are run, or when those are that had begun
 * before `signal` was aborted.
 * @param tell is called in the order of the shares
 * @throws what a runner throws
 */
export async function dealOut(
  shares: readonly Share[],
  runners: readonly RunShare[],
  signal: AbortSignal,
  tell: (outcome: Outcome) => void,
): Promise<void> {
  const outcomes = new Map<number, Outcome>();
  let next = 0;
  let told = 0;
  async function work(run: RunShare): Promise<void> {
    while (!signal.aborted) {
      const at = next;
      const share = shares[at];
      if (share === undefined) return;
      next += 1;
      outcomes.set(at, await run(share));
      for (let first = outcomes.get(told); first !== undefined; first = outcomes.get(told)) {
        outcomes.delete(told);
        told += 1;
        tell(first);
      }
    }
  }
  await Promise.all(runners.map(work));
}

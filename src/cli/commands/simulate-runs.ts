/**
 * `aviary simulate --runs N` and `--stories`: many runs, in which every rule of docs/reference/invariants.md must hold.
 */
import { errorText } from "../../error-text.ts";
import { type CaseFailure, describeKept, judgeCase, parseKept, type StoryFailure } from "../../simulate/campaign.ts";
import { generateCase } from "../../simulate/generate.ts";
import type { Violation } from "../../simulate/invariants/invariant.ts";
import { caseShares, type Share, storyShares } from "../../simulate/shares.ts";
import { createTimeline } from "../../simulate/timeline.ts";
import { type CommandContext, type ExitCode, UserError } from "../command.ts";
import { describeTimeline } from "./simulate-report.ts";
import { runShares } from "./simulate-threads.ts";

type Out = Pick<CommandContext, "out" | "signal">;

export interface RunsWanted {
  readonly runs: number;
  readonly seed: number;
  /** As written by a failure, to replay it. */
  readonly keep: string | undefined;
  readonly jobs: number;
}

/** Random runs from `seed` on; one run is shown whole. */
export async function simulateRuns({ runs, seed, keep, jobs }: RunsWanted, { out, signal }: Out): Promise<ExitCode> {
  if (runs === 1) return replay(seed, keep, out);
  return campaign(caseShares(seed, runs), jobs, { out, signal }, ` of ${runs}`);
}

/** Every story with every single fault at every call. */
export function simulateStories(jobs: number, out: Out): Promise<ExitCode> {
  return campaign(storyShares(), jobs, out);
}

/** Tells of failures in the order of the runs. An interrupted campaign says how far it came, and is no success. */
async function campaign(shares: readonly Share[], jobs: number, { out, signal }: Out, planned = ""): Promise<ExitCode> {
  let [runs, violations] = [0, 0];
  await runShares(shares, jobs, signal, (outcome) => {
    runs += outcome.runs;
    violations += outcome.failures.length;
    for (const failure of outcome.failures) out("story" in failure ? describeStory(failure) : describeCase(failure));
  });
  if (signal.aborted) out(`interrupted after ${runs}${planned} runs, ${violations} violations\n`);
  else out(`${runs} runs, ${violations} violations\n`);
  return signal.aborted ? 130 : violations === 0 ? 0 : 1;
}

async function replay(seed: number, keep: string | undefined, out: Out["out"]): Promise<ExitCode> {
  const given = generateCase(seed);
  const timeline = createTimeline();
  const { violations } = await judgeCase(given, keep === undefined ? undefined : readKept(keep), [timeline.watch]);
  out(
    `canary ${JSON.stringify(given.scenario.canary.spec)}\nbehaviours ${JSON.stringify(given.scenario.behaviours)}\n\n`,
  );
  out(describeTimeline(timeline.read()));
  for (const violation of violations) out(`${describeViolation(violation)}\n`);
  out(`1 runs, ${violations.length} violations\n`);
  return violations.length === 0 ? 0 : 1;
}

function readKept(keep: string) {
  try {
    return parseKept(keep);
  } catch (error) {
    throw new UserError(errorText(error), 2);
  }
}

function describeCase({ seed, kept, violation }: CaseFailure): string {
  const replayed = `aviary simulate --runs 1 --seed ${seed} --keep ${describeKept(kept)}`;
  return `seed ${seed}: ${describeViolation(violation)}\n  replay: ${replayed}\n`;
}

function describeStory({ story, call, fault, violation }: StoryFailure): string {
  const where = call === undefined ? "in calm weather" : `${fault} at call ${call.index} (${call.what})`;
  return `${story}, ${where}: ${describeViolation(violation)}\n`;
}

function describeViolation({ invariant, at, text }: Violation): string {
  return `${invariant} at ${Math.round(at / 100) / 10}s: ${text}`;
}

/**
 * `aviary simulate --runs N` and `--stories`: many runs, in which every rule of docs/reference/invariants.md must hold.
 */
import { errorText } from "../../error-text.ts";
import {
  describeKept,
  judgeCase,
  parseKept,
  runCases,
  type StoryFailure,
  type Tally,
  tryEveryFault,
} from "../../simulate/campaign.ts";
import { generateCase } from "../../simulate/generate.ts";
import type { Violation } from "../../simulate/invariants/invariant.ts";
import { STORIES } from "../../simulate/stories.ts";
import { createTimeline } from "../../simulate/timeline.ts";
import { type CommandContext, type ExitCode, UserError } from "../command.ts";
import { describeTimeline } from "./simulate-report.ts";

type Out = Pick<CommandContext, "out" | "signal">;

export interface RunsWanted {
  readonly runs: number;
  readonly seed: number;
  /** As written by a failure, to replay it. */
  readonly keep: string | undefined;
}

/** Random runs from `seed` on; one run is shown whole. */
export async function simulateRuns({ runs, seed, keep }: RunsWanted, { out, signal }: Out): Promise<ExitCode> {
  if (runs === 1) return replay(seed, keep, out);
  const done = await runCases(seed, runs, signal, ({ given, kept, violation }) => {
    out(`seed ${given.seed}: ${describeViolation(violation)}\n`);
    out(`  replay: aviary simulate --runs 1 --seed ${given.seed} --keep ${describeKept(kept)}\n`);
  });
  return ending(done, signal, out, ` of ${runs}`);
}

/** An interrupted campaign says how far it came, and is no success. */
function ending({ runs, violations }: Tally, signal: AbortSignal, out: Out["out"], planned = ""): ExitCode {
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

/** Every story with every single fault at every call. */
export async function simulateStories({ out, signal }: Out): Promise<ExitCode> {
  let [runs, violations] = [0, 0];
  const tell = ({ story, call, fault, violation }: StoryFailure) => {
    violations += 1;
    const where = call === undefined ? "in calm weather" : `${fault} at call ${call.index} (${call.what})`;
    out(`${story}, ${where}: ${describeViolation(violation)}\n`);
  };
  for (const [story, scenario] of Object.entries(STORIES)) {
    if (signal.aborted) break;
    runs += await tryEveryFault(story, scenario, tell, { signal });
  }
  return ending({ runs, violations }, signal, out);
}

function describeViolation({ invariant, at, text }: Violation): string {
  return `${invariant} at ${Math.round(at / 100) / 10}s: ${text}`;
}

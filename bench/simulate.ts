/**
 * Simulated rollouts per second: as `aviary simulate --runs` gives them to its user, on all cores and with the start of
 * the process; and of CPU, which is what one turn of the engine costs. Of one build or of two.
 *
 * BENCH_BESIDE names the folder of another build (`dist-bench` of another commit). Both builds then take their batches
 * in turns, so that other work on the machine slows both alike, and their ratio is a figure, too. A short run would
 * measure the compiler: V8 goes on optimizing for some 800 rollouts, which are not counted.
 */
import { type ChildProcess, execFile, fork } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { nextMessage } from "../src/async/next-message.ts";
import { PROJECT_ROOT } from "../src/project-root.ts";
import type { Figure } from "./figure.ts";

const run = promisify(execFile);

const WARM_UP = 800;
const BATCHES = 150;
const RUNS = 8;
/** The command runs so many rollouts, so many times. */
const COMMAND_RUNS = 1500;
const COMMANDS = 3;
/** Issue 12: twice as many as commit 11e905f. */
const AIM = 2;

export async function benchSimulation(): Promise<readonly Figure[]> {
  const own = join(PROJECT_ROOT, "dist-bench");
  const other = process.env["BENCH_BESIDE"];
  const builds = other === undefined ? [own] : [own, other];
  const command = figures("rollouts per second of aviary simulate --runs", await measureCommand(builds), AIM);
  return [...command, ...figures("simulated rollouts per second of CPU", await measure(builds))];
}

/** A rate of one machine at one moment has no aim; the comparison of two builds may have one. */
function figures(what: string, [ours = 0, theirs]: readonly number[], aim?: number): readonly Figure[] {
  const rate = (of: string, perSecond: number) => ({ what: of, measured: perSecond.toFixed(0), aim: "", met: true });
  if (theirs === undefined) return [rate(what, ours)];
  const ratio = ours / theirs;
  const aimed = aim === undefined ? { aim: "", met: true } : { aim: `${aim} times`, met: ratio >= aim };
  const compared = { what: "the first beside the second", measured: `${ratio.toFixed(2)} times`, ...aimed };
  return [rate(what, ours), rate("the same of the other build", theirs), compared];
}

/** @returns rollouts per second of the command, for each build */
async function measureCommand(builds: readonly string[]): Promise<readonly number[]> {
  const took: number[][] = builds.map(() => []);
  for (let i = 0; i < COMMANDS; i += 1) {
    for (const [at, build] of builds.entries()) {
      const begun = performance.now();
      await run(process.execPath, [join(build, "src/main.js"), "simulate", "--runs", String(COMMAND_RUNS)]);
      took[at]?.push(performance.now() - begun);
    }
  }
  return took.map((times) => (COMMAND_RUNS / median(times)) * 1000);
}

/** @returns rollouts per second of CPU in the median batch of each build */
async function measure(builds: readonly string[]): Promise<readonly number[]> {
  const processes = builds.map((build) => fork(join(PROJECT_ROOT, "dist-bench/bench/simulate-process.js"), [build]));
  try {
    for (const child of processes) await next(child);
    for (const child of processes) await simulate(child, WARM_UP);
    const taken: number[][] = builds.map(() => []);
    for (let batch = 0; batch < BATCHES; batch += 1) {
      for (const [i, child] of processes.entries()) taken[i]?.push(await simulate(child, RUNS));
    }
    return taken.map((batches) => (RUNS / median(batches)) * 1e6);
  } finally {
    for (const child of processes) child.kill();
  }
}

async function simulate(child: ChildProcess, count: number): Promise<number> {
  child.send(count);
  return (await next(child)) as number;
}

const next = (child: ChildProcess) => nextMessage(child, "the simulating process");

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

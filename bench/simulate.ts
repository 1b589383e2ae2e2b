/**
 * Simulated rollouts per second of CPU: the whole engine, from the first turn to the last, of one build or of two.
 *
 * BENCH_BESIDE names the folder of another build (`dist-bench` of another commit). Both builds then take their batches
 * in turns, so that other work on the machine slows both alike, and their ratio is a figure, too. A short run would
 * measure the compiler: V8 goes on optimizing for some 800 rollouts, which are not counted.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { PROJECT_ROOT } from "../src/project-root.ts";
import type { Figure } from "./figure.ts";

const WARM_UP = 800;
const BATCHES = 150;
const RUNS = 8;
/** Issue 12: twice as many as commit 11e905f. */
const AIM = 2;

export async function benchSimulation(): Promise<readonly Figure[]> {
  const own = join(PROJECT_ROOT, "dist-bench");
  const other = process.env["BENCH_BESIDE"];
  const builds = other === undefined ? [own] : [own, other];
  const [ours = 0, theirs] = await measure(builds);
  const rates = [rate("simulated rollouts per second of CPU", ours)];
  if (theirs === undefined) return rates;
  const ratio = theirs / ours;
  const compared = { measured: `${ratio.toFixed(2)} times`, aim: `${AIM} times`, met: ratio >= AIM };
  return [...rates, rate(`the same of ${other}`, theirs), { what: "the first beside the second", ...compared }];
}

/** A rate of one machine at one moment has no aim; the comparison of two builds has one. */
function rate(what: string, cpuPerBatch: number): Figure {
  return { what, measured: String(Math.round((RUNS / cpuPerBatch) * 1e6)), aim: "", met: true };
}

/** @returns microseconds of CPU for the median batch of each build */
async function measure(builds: readonly string[]): Promise<readonly number[]> {
  const processes = builds.map((build) => fork(join(PROJECT_ROOT, "dist-bench/bench/simulate-process.js"), [build]));
  try {
    for (const child of processes) await next(child);
    for (const child of processes) await simulate(child, WARM_UP);
    const taken: number[][] = builds.map(() => []);
    for (let batch = 0; batch < BATCHES; batch += 1) {
      for (const [i, child] of processes.entries()) taken[i]?.push(await simulate(child, RUNS));
    }
    return taken.map(median);
  } finally {
    for (const child of processes) child.kill();
  }
}

async function simulate(child: ChildProcess, count: number): Promise<number> {
  child.send(count);
  return (await next(child)) as number;
}

/** @throws Error when the process ends instead, e.g. because its build has no simulator */
async function next(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController();
  const exit = once(child, "exit", { signal: ended.signal }).then(([code]: unknown[]) => {
    throw new Error(`the simulating process ended with code ${code}`);
  });
  const message = once(child, "message", { signal: ended.signal }).then(([answer]: unknown[]) => answer);
  return Promise.race([message, exit]).finally(() => {
    ended.abort();
    for (const left of [exit, message]) left.catch(() => undefined); // one of the two was waited for
  });
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

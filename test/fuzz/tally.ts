/**
 * Counts the random inputs of a suite, and prints how many ran and how long the slowest of them held the event loop.
 */
import { performance } from "node:perf_hooks";
import { afterAll } from "vitest";

export interface Tally {
  /** Runs `check` on one input and counts it. */
  of<T>(check: (input: T) => void): (input: T) => void;
  /** Counts inputs that were handled elsewhere. */
  add(inputs: number): void;
}

/**
 * The line is printed when the tests of `suite` are over. It is for people: no test fails for the time that an input
 * took.
 */
export function tally(suite: string): Tally {
  let inputs = 0;
  let slowestMs = 0;
  afterAll(() => {
    const slowest = slowestMs === 0 ? "" : `, the slowest took ${slowestMs.toFixed(0)} ms`;
    process.stdout.write(`fuzz: ${suite}: ${inputs} inputs${slowest}\n`);
  });
  return {
    of: (check) => (input) => {
      const began = performance.now();
      check(input);
      slowestMs = Math.max(slowestMs, performance.now() - began);
      inputs++;
    },
    add: (more) => {
      inputs += more;
    },
  };
}

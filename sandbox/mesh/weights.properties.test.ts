import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { choose } from "./routes/route.ts";
import { splitOf } from "./routes/split.ts";

/** A small generator of chance with a seed (mulberry32), so that a failure can be repeated. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const weights = fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 2, maxLength: 5 });
const REQUESTS = 4_000;

function counts(given: readonly number[], seed: number): number[] {
  const routes = given.map((weight, i) => ({ destination: { host: `v${i}` }, weight }));
  const split = splitOf(routes, "test");
  const random = chance(seed);
  const found = given.map(() => 0);
  for (let i = 0; i < REQUESTS; i += 1) {
    const name = choose(split, random)?.service;
    if (name !== undefined) found[Number(name.slice("test/v".length))]! += 1;
  }
  return found;
}

describe("weights", () => {
  it("are kept within five standard deviations, and exactly at zero and all", () => {
    fc.assert(
      fc.property(weights, fc.integer(), (given, seed) => {
        const total = given.reduce((sum, weight) => sum + weight, 0);
        const found = counts(given, seed);
        if (total === 0) return expect(found.every((count) => count === 0)).toBe(true);
        for (const [i, weight] of given.entries()) {
          const share = weight / total;
          const slack = 5 * Math.sqrt(REQUESTS * share * (1 - share));
          expect(Math.abs((found[i] ?? 0) - REQUESTS * share)).toBeLessThanOrEqual(slack);
        }
      }),
      { seed: 20_240_101, numRuns: 150 },
    );
  });

  it("mean nothing for a lone destination", () => {
    fc.assert(
      fc.property(fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined }), (weight) => {
        const split = splitOf([{ destination: { host: "only" }, weight }], "test");
        expect(choose(split, () => 0.999)?.service).toBe("test/only");
      }),
      { seed: 1 },
    );
  });
});

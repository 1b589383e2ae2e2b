import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aSpec } from "../../testing/canary.ts";
import { MESH, PLAIN } from "../../testing/story.ts";
import { canaryWeights, nextWeight, planFor } from "./plan.ts";

const SEED = Number(process.env["SEED"] ?? 20261123);

describe("weights", () => {
  it.each([
    ["steps of 10 up to 50", { stepWeight: 10, maxWeight: 50 }, [10, 20, 30, 40, 50]],
    ["Q29: the last step may overshoot", { stepWeight: 20, maxWeight: 50 }, [20, 40, 60]],
    ["half, then all", { stepWeight: 50, maxWeight: 100 }, [50, 100]],
    ["no maximum means 100", { stepWeight: 40, maxWeight: 0 }, [40, 80, 100]],
    ["Q28: a maximum beyond 100 is 100", { stepWeight: 60, maxWeight: 150 }, [60, 100]],
    ["a list, its last cut off at 100", { stepWeights: [1, 2, 10, 200], stepWeight: undefined }, [1, 2, 10, 100]],
    ["a list", { stepWeights: [1, 2, 10, 80] }, [1, 2, 10, 80]],
  ])("%s", (_what, analysis, weights) => {
    expect(canaryWeights(aSpec({ analysis }))).toEqual(weights);
  });

  it("Q27: a weight that is not in the list goes to the next larger one", () => {
    const spec = aSpec({ analysis: { stepWeights: [5, 20, 60] } });
    expect([0, 5, 7, 20, 59, 60].map((weight) => nextWeight(spec, weight))).toEqual([5, 20, 20, 60, 60, undefined]);
  });
});

describe("a plan of any spec", () => {
  const analysis = fc.record({
    stepWeight: fc.integer({ min: 1, max: 120 }),
    maxWeight: fc.integer({ min: 0, max: 150 }),
    stepWeightPromotion: fc.integer({ min: 0, max: 150 }),
    iterations: fc.integer({ min: 0, max: 8 }),
    mirror: fc.boolean(),
    match: fc.constantFrom([], [{ headers: { a: { exact: "b" } } }]),
  });

  it(`ends, and every step's weights sum to 100 (seed ${SEED})`, () => {
    fc.assert(
      fc.property(analysis, fc.constantFrom(MESH, PLAIN), (given, router) => {
        const plan = planFor(
          aSpec({ analysis: given, spec: { provider: router.weights ? "istio" : "kubernetes" } }),
          router,
        );
        expect(plan.steps.length).toBeGreaterThan(0);
        for (const { routes, announcement } of plan.steps) {
          expect(routes.primary + routes.canary).toBe(100);
          expect(Math.min(routes.primary, routes.canary)).toBeGreaterThanOrEqual(0);
          // Mirrored requests are copies: the canary answers no user at the same time.
          if (routes.mirror) expect(routes.canary).toBe(0);
          if (!router.weights) expect(routes.canary).toBe(0);
          if (announcement.kind === "weight") expect(announcement.weight).toBe(routes.canary);
        }
        const weights = plan.steps.map(({ weight }) => weight);
        expect([...weights].sort((a, b) => a - b)).toEqual(weights);
        if (router.weights) expect(plan.promotionWeights.at(-1)).toBe(100);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
});

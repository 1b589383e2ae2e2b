/**
 * Strategy as data: what a Canary will go through, compiled before it starts.
 *
 *   canary       [mirror] 10 20 30 40 50          -> promotion
 *   ab-testing   1/3 2/3 3/3  (matched requests)  -> promotion
 *   blue-green   1/3 2/3 3/3  switch              -> promotion
 *
 * A step holds its routes for one analysis interval and is judged at its end; its gates are asked before it is entered.
 */

import type { CanarySpec, HookType, Strategy } from "../spec/spec.ts";
import type { Routes } from "../status/canary.ts";

/** What a router can do; the plan never names a router. */
export interface Capabilities {
  readonly weights: boolean;
  readonly mirror: boolean;
  readonly headerMatch: boolean;
  readonly sessionAffinity: boolean;
}

/** The event with which a step begins. */
export type Announcement =
  | { readonly kind: "weight"; readonly weight: number }
  | { readonly kind: "iteration"; readonly iteration: number; readonly total: number }
  | { readonly kind: "switch"; readonly mirrored: boolean }
  | { readonly kind: "silent" };

/** One step of a plan. */
export interface Step {
  readonly routes: Routes;
  readonly announcement: Announcement;
  /** `status.canaryWeight` while on this step; only progressive runs record one. */
  readonly weight: number;
  /** `status.iterations` while on this step. */
  readonly iterations: number;
  /** Asked in this order before the step is entered. */
  readonly gates: readonly HookType[];
}

/** What a Canary goes through from a new revision to its promotion. */
export interface Plan {
  /**
   * Identifies the step numbering. When an edit changes the name, stored step numbers are invalid and the analysis
   * restarts.
   */
  readonly name: string;
  /** What is run. It differs from the spec's where the provider cannot split traffic. */
  readonly strategy: Strategy;
  readonly steps: readonly Step[];
  /** Asked before the tested revision is copied to the primary. */
  readonly promotionGates: readonly HookType[];
  /**
   * Weights of the primary, in order, while traffic goes back to it; the last is 100. Empty: the provider shifts none.
   */
  readonly promotionWeights: readonly number[];
  /** What the provider cannot do, and what Aviary does instead (Q32). */
  readonly warnings: readonly string[];
}

/** Percent. */
export const TOTAL_WEIGHT = 100;

/** Iterations of a run whose provider cannot shift weights and whose spec gives no iterations. */
const FALLBACK_ITERATIONS = 10;

/** Compiles the strategy of a spec for a router. */
export function planFor(spec: CanarySpec, router: Capabilities): Plan {
  const { iterations, warnings, strategy } = effectiveStrategy(spec, router);
  const promotionWeights = promotionWeightsFor(spec, router);
  if (strategy === "ab-testing") {
    return {
      name: strategy,
      strategy,
      steps: abTestingSteps(iterations),
      promotionGates: ["confirm-promotion"],
      promotionWeights,
      warnings,
    };
  }
  if (strategy === "blue-green") {
    return {
      // The step after the last test moves the users.
      name: router.weights ? `${strategy} ${iterations}` : strategy,
      strategy,
      steps: blueGreenSteps(iterations, spec.analysis.mirror && router.mirror, router.weights),
      promotionGates: ["confirm-promotion"],
      promotionWeights,
      warnings,
    };
  }
  return {
    name: strategy,
    strategy,
    steps: canarySteps(spec, spec.analysis.mirror && router.mirror),
    // The traffic gate is asked on the way to the promotion, too: promoting is the last increase.
    promotionGates: ["confirm-traffic-increase", "confirm-promotion"],
    promotionWeights,
    warnings,
  };
}

/** Without weights (plain Kubernetes) only blue/green is possible; any other strategy is replaced, with a notice. */
function effectiveStrategy(spec: CanarySpec, router: Capabilities) {
  const { analysis, strategy } = spec;
  if (router.weights) return { strategy, iterations: analysis.iterations, warnings: [] };
  const warnings: string[] = [];
  if (analysis.match.length > 0) {
    warnings.push(`A/B testing is not supported when using the ${spec.provider} provider`);
  }
  if (analysis.iterations < 1) {
    warnings.push(`Progressive traffic is not supported when using the ${spec.provider} provider`);
    warnings.push(`Setting canaryAnalysis.iterations: ${FALLBACK_ITERATIONS}`);
  }
  const iterations = analysis.iterations < 1 ? FALLBACK_ITERATIONS : analysis.iterations;
  return { strategy: "blue-green" as const, iterations, warnings };
}

function canarySteps(spec: CanarySpec, mirror: boolean): Step[] {
  const mirrored: Step = {
    routes: { primary: TOTAL_WEIGHT, canary: 0, mirror: true },
    announcement: { kind: "weight", weight: 0 },
    weight: 0,
    iterations: 0,
    gates: ["confirm-traffic-increase"],
  };
  const weighted = canaryWeights(spec).map(
    (weight, i): Step => ({
      routes: { primary: TOTAL_WEIGHT - weight, canary: weight, mirror: false },
      announcement: { kind: "weight", weight },
      weight,
      iterations: 0,
      // No gate is asked on the way out of the mirror step: the increase was approved on the way into it.
      gates: mirror && i === 0 ? [] : ["confirm-traffic-increase"],
    }),
  );
  return mirror ? [mirrored, ...weighted] : weighted;
}

/** Ascending canary weights of a progressive run. The last may overshoot maxWeight (Q29), never 100. */
export function canaryWeights(spec: CanarySpec): number[] {
  const max = maxWeightOf(spec);
  const weights: number[] = [];
  for (let weight = 0; weight < max; ) {
    const next = nextWeight(spec, weight);
    if (next === undefined) break;
    weights.push(next);
    weight = next;
  }
  return weights;
}

/** The weight at which a progressive run promotes: 1 to 100 (Q28). */
export function maxWeightOf(spec: CanarySpec): number {
  const { stepWeights, maxWeight } = spec.analysis;
  const last = stepWeights.at(-1);
  if (last !== undefined) return Math.min(TOTAL_WEIGHT, last);
  return maxWeight > 0 ? Math.min(TOTAL_WEIGHT, maxWeight) : TOTAL_WEIGHT;
}

/** The weight after `weight`; undefined when there is none. A weight not in the list goes to the next larger (Q27). */
export function nextWeight(spec: CanarySpec, weight: number): number | undefined {
  const { stepWeight, stepWeights } = spec.analysis;
  if (stepWeight > 0) return weight >= TOTAL_WEIGHT ? undefined : Math.min(TOTAL_WEIGHT, weight + stepWeight);
  const larger = stepWeights.filter((listed) => listed > weight);
  return larger.length === 0 ? undefined : Math.min(TOTAL_WEIGHT, Math.min(...larger));
}

function abTestingSteps(iterations: number): Step[] {
  return countTo(iterations).map((iteration) => ({
    routes: { primary: 0, canary: TOTAL_WEIGHT, mirror: false },
    announcement: { kind: "iteration", iteration, total: iterations },
    weight: 0,
    iterations: iteration,
    gates: [],
  }));
}

function blueGreenSteps(iterations: number, mirror: boolean, weights: boolean): Step[] {
  const tests = countTo(iterations).map(
    (iteration): Step => ({
      routes: { primary: TOTAL_WEIGHT, canary: 0, mirror },
      announcement: { kind: "iteration", iteration, total: iterations },
      weight: 0,
      iterations: iteration,
      gates: [],
    }),
  );
  const green: Step = {
    routes: weights
      ? { primary: 0, canary: TOTAL_WEIGHT, mirror: false }
      : { primary: TOTAL_WEIGHT, canary: 0, mirror: false },
    weight: 0,
    announcement: weights ? { kind: "switch", mirrored: mirror } : { kind: "silent" },
    iterations: iterations + 1,
    // Asked here and again on the way to the promotion (Q30).
    gates: ["confirm-promotion"],
  };
  return [...tests, green];
}

function promotionWeightsFor(spec: CanarySpec, router: Capabilities): number[] {
  const step = spec.analysis.stepWeightPromotion;
  if (!router.weights) return [];
  if (step <= 0) return [TOTAL_WEIGHT];
  const before = spec.strategy === "canary" ? TOTAL_WEIGHT - (canaryWeights(spec).at(-1) ?? 0) : 0;
  const weights: number[] = [];
  for (let weight = before; weight < TOTAL_WEIGHT; ) {
    weight = Math.min(TOTAL_WEIGHT, weight + step);
    weights.push(weight);
  }
  return weights.length === 0 ? [TOTAL_WEIGHT] : weights;
}

function countTo(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i + 1);
}

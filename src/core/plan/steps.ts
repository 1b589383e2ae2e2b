/** Which step a run stands on, which is next, and the traffic of a step. */
import type { Routes } from "../status/canary.ts";
import { type Plan, type Step, TOTAL_WEIGHT } from "./plan.ts";

/** The routes outside of runs. */
export const ALL_TO_PRIMARY: Routes = { primary: TOTAL_WEIGHT, canary: 0, mirror: false };

/** The routes while the primary has no pods, or none that may serve. */
export const EVERYONE_TO_CANARY: Routes = { primary: 0, canary: TOTAL_WEIGHT, mirror: false, everyone: true };

/** The step a run stands on; undefined before the first. When the plan got shorter meanwhile, this is its last step. */
export function currentStep(plan: Plan, step: number): Step | undefined {
  return step === 0 ? undefined : plan.steps[Math.min(step, plan.steps.length) - 1];
}

/**
 * The index of the step to enter next; undefined: promote. When the weights were edited in the middle of a run, the
 * next one is the smallest that is larger than what the canary has (Q27).
 */
export function nextStepIndex(plan: Plan, step: number, canaryWeight: number): number | undefined {
  const current = currentStep(plan, step);
  if (current !== undefined && current.announcement.kind === "weight" && current.weight !== canaryWeight) {
    const larger = plan.steps.findIndex(({ weight }) => weight > canaryWeight);
    return larger === -1 ? undefined : larger;
  }
  return step < plan.steps.length ? step : undefined;
}

/** A progressive step keeps the recorded weight, so that editing the spec moves no traffic before the next check. */
export function stepRoutes(step: Step | undefined, canaryWeight: number): Routes {
  if (step === undefined) return ALL_TO_PRIMARY;
  if (step.announcement.kind !== "weight") return step.routes;
  return { ...split(canaryWeight), mirror: step.routes.mirror && canaryWeight === 0 };
}

/** A split by weight. @param canary percent */
export function split(canary: number): Routes {
  return { primary: TOTAL_WEIGHT - canary, canary, mirror: false };
}

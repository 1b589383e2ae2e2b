/** The traffic that a status promises. Everything that shows or sets weights asks here. */
import type { CanaryStatus, Routes, StatusIn } from "./canary.ts";
import type { Readings } from "./observation.ts";
import { type Plan, type Step, TOTAL_WEIGHT } from "./plan.ts";

export const ALL_TO_PRIMARY: Routes = { primary: TOTAL_WEIGHT, canary: 0, mirror: false };

/** @returns undefined while the engine does not own the routes: before the first initialisation, and while leaving */
export function routesFor(plan: Plan, status: CanaryStatus): Routes | undefined {
  switch (status.phase) {
    case "Initializing":
      return status.switching === true ? ALL_TO_PRIMARY : undefined;
    case "":
    case "Terminating":
    case "Terminated":
      return undefined;
    case "Failed":
      // Never initialised: nothing was ever switched to the primary.
      return status.promotedSpec === "" ? undefined : split(status.canaryWeight);
    case "Initialized":
    case "Succeeded":
    case "Finalising":
    case "Waiting":
      return ALL_TO_PRIMARY;
    case "Progressing":
    case "WaitingPromotion":
      return status.withheld ? ALL_TO_PRIMARY : onStep(currentStep(plan, status.step), status.canaryWeight);
    case "Promoting":
      if (status.skipping || status.withheld) return ALL_TO_PRIMARY;
      if (status.primaryWeight > 0) return split(TOTAL_WEIGHT - status.primaryWeight);
      return whereItEnded(plan, status);
  }
}

/** At rest with traffic on a canary that lost its pods, while the primary has some. */
export function isDeserted({ phase, canaryWeight }: CanaryStatus, { target, primary }: Readings): boolean {
  return phase === "Failed" && canaryWeight > 0 && target.available === 0 && primary.available > 0;
}

/** The traffic stays as the run left it, also when the strategy is edited meanwhile. */
function whereItEnded(plan: Plan, { plan: name, step, canaryWeight }: StatusIn<"Promoting">): Routes {
  if (name === undefined || name === plan.name) {
    return { ...onStep(currentStep(plan, step), canaryWeight), mirror: false };
  }
  // Only progressive runs record a weight; the others end with all of the traffic.
  return split(canaryWeight > 0 ? canaryWeight : TOTAL_WEIGHT);
}

/** The step a run stands on; undefined before the first. A plan that got shorter meanwhile ends at its last step. */
export function currentStep(plan: Plan, step: number): Step | undefined {
  return step === 0 ? undefined : plan.steps[Math.min(step, plan.steps.length) - 1];
}

/**
 * The index of the step to enter next; undefined: promote. When the weights were edited in the middle of a run, the next
 * one is the smallest that is larger than what the canary has (Q27).
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
function onStep(step: Step | undefined, canaryWeight: number): Routes {
  if (step === undefined) return ALL_TO_PRIMARY;
  if (step.announcement.kind !== "weight") return step.routes;
  return { ...split(canaryWeight), mirror: step.routes.mirror && canaryWeight === 0 };
}

function split(canary: number): Routes {
  return { primary: TOTAL_WEIGHT - canary, canary, mirror: false };
}

/** The canary goes through the steps of its plan. */
import { analyse, onStepRoutes } from "./analysis.ts";
import { stageFrom } from "./flags.ts";
import { readOnStep, writeOnStep } from "./memory.ts";
import { type PhaseRules, PRESENT } from "./phase.ts";

export const progressing: PhaseRules<"Progressing"> = {
  name: "Progressing",
  // To Succeeded: the target holds the promoted revision again.
  // Back to Initializing: the Canary names another target.
  arrows: ["Initializing", "WaitingPromotion", "Promoting", "Succeeded", "Failed", "Terminating"],
  running: true,
  decide: analyse,
  routes: onStepRoutes,
  desired: () => ({ target: "up", primary: PRESENT }),
  condition: () => ({ status: "Unknown", message: "New revision detected, progressing canary analysis." }),
  memory: {
    read(memory, known) {
      const onStep = readOnStep("Progressing", memory, known);
      return { phase: "Progressing", ...onStep, stage: stageFrom(memory ?? {}, onStep.step) };
    },
    // The wire keeps two flags, so that every release reads it.
    write: ({ stage, ...onStep }) => ({
      ...writeOnStep(onStep),
      prepared: stage === "prepared",
      ...(stage === "put-off" ? { putOff: true } : {}),
    }),
  },
};

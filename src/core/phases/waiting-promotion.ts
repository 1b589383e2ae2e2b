/** The steps are done, and the promotion waits for the confirm-promotion gate; checks go on. */
import { analyse, onStepRoutes } from "./analysis.ts";
import { readOnStep, writeOnStep } from "./memory.ts";
import { type PhaseRules, PRESENT } from "./phase.ts";

export const waitingPromotion: PhaseRules<"WaitingPromotion"> = {
  name: "WaitingPromotion",
  // Back to Progressing: a newer revision restarts the analysis.
  // Back to Initializing: the Canary names another target.
  arrows: ["Initializing", "Progressing", "Promoting", "Succeeded", "Failed", "Terminating"],
  running: true,
  decide: analyse,
  routes: onStepRoutes,
  desired: () => ({ target: "up", primary: PRESENT }),
  condition: () => ({ status: "Unknown", message: "Waiting for approval." }),
  memory: {
    read: (memory, known) => ({ phase: "WaitingPromotion", ...readOnStep("WaitingPromotion", memory, known) }),
    write: writeOnStep,
  },
};

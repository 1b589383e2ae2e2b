/** At rest after a promotion. */
import { ALL_TO_PRIMARY } from "../plan/steps.ts";
import { readDrain, writeDrain } from "./memory.ts";
import { type PhaseRules, PRESENT } from "./phase.ts";
import { decideAtRest } from "./rest.ts";

export const succeeded: PhaseRules<"Succeeded"> = {
  name: "Succeeded",
  // Back to Initializing: the Canary names another target.
  arrows: ["Initializing", "Waiting", "Progressing", "Failed", "Terminating"],
  running: false,
  decide: decideAtRest,
  routes: () => ALL_TO_PRIMARY,
  desired: ({ drain }) => ({ target: drain.kind === "none" ? "down" : "as-is", primary: PRESENT }),
  condition: (_kind, { outcome }) => ({
    status: "True",
    message:
      outcome === "reverted"
        ? // Aviary's own: what the target holds is what was promoted before.
          "Target reverted to the promoted revision, nothing was promoted."
        : "Canary analysis completed successfully, promotion finished.",
  }),
  memory: {
    read: (memory, known) => ({
      phase: "Succeeded",
      ...readDrain(memory, known),
      owesPostRollout: memory?.owesPostRollout ?? false,
      outcome: memory?.reverted === true ? "reverted" : memory?.skipped === true ? "unjudged" : "promoted",
    }),
    // The wire keeps the two flags of release 0.1.0, so that every release reads it.
    write: ({ owesPostRollout, outcome, ...draining }) => ({
      ...writeDrain(draining),
      owesPostRollout,
      skipped: outcome === "unjudged",
      ...(outcome === "reverted" ? { reverted: true } : {}),
    }),
  },
};

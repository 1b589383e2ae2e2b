/** At rest after the initialisation: the primary serves, the target is scaled down, and a new revision begins a run. */
import { ALL_TO_PRIMARY } from "../plan/steps.ts";
import { readDrain, writeDrain } from "./memory.ts";
import { type PhaseRules, PRESENT } from "./phase.ts";
import { decideAtRest } from "./rest.ts";

export const initialized: PhaseRules<"Initialized"> = {
  name: "Initialized",
  // A change is seen: asked for approval, begun at once, or refused because the primary is broken.
  // Back to Initializing: the Canary names another target.
  arrows: ["Initializing", "Waiting", "Progressing", "Failed", "Terminating"],
  running: false,
  decide: decideAtRest,
  routes: () => ALL_TO_PRIMARY,
  desired: ({ drain }) => ({ target: drain.kind === "none" ? "down" : "as-is", primary: PRESENT }),
  condition: (kind) => ({ status: "True", message: `${kind} initialization completed.` }),
  memory: {
    read: (memory, known) => ({ phase: "Initialized", ...readDrain(memory, known) }),
    write: writeDrain,
  },
};

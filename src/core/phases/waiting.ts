/** A new revision waits for the confirm-rollout gate. */

import { ALL_TO_PRIMARY } from "../plan/steps.ts";
import { recordRecreatedPrimary } from "../run/recreated-primary.ts";
import { endWaiting } from "../run/revert.ts";
import { unchanged } from "../turn/turn.ts";
import { isOver } from "../turn/waits.ts";
import { readHold, writeHold } from "./memory.ts";
import { type PhaseRules, PRESENT } from "./phase.ts";
import { beginWhenAllowed } from "./rest.ts";

export const waiting: PhaseRules<"Waiting"> = {
  name: "Waiting",
  // To Succeeded: the target holds the promoted revision again, so there is nothing to release any more.
  // Back to Initializing: the Canary names another target.
  arrows: ["Initializing", "Progressing", "Succeeded", "Failed", "Terminating"],
  running: false,
  decide: (turn, { hold }) =>
    recordRecreatedPrimary(turn, false) ??
    endWaiting(turn) ??
    (isOver(hold, turn.now) ? beginWhenAllowed(turn) : unchanged(turn)),
  routes: () => ALL_TO_PRIMARY,
  desired: () => ({ target: "as-is", primary: PRESENT }),
  condition: () => ({ status: "Unknown", message: "Waiting for approval." }),
  memory: {
    read: (memory) => ({ phase: "Waiting", hold: readHold(memory) }),
    write: ({ hold }) => writeHold(hold),
  },
};

/**
 * At rest after a rollback; or on the way there, while the primary gets its last promoted revision back (`recovery`).
 */
import { TOTAL_WEIGHT } from "../plan/plan.ts";
import { EVERYONE_TO_CANARY, split } from "../plan/steps.ts";
import { undoneTo } from "../run/recovery.ts";
import { recoveryFrom } from "./flags.ts";
import { readDrain, writeDrain } from "./memory.ts";
import { type PhaseRules, PRESENT } from "./phase.ts";
import { promotedPrimary, promotionToRestore } from "./promoted-primary.ts";
import { decideAtRest } from "./rest.ts";

export const failed: PhaseRules<"Failed"> = {
  name: "Failed",
  // Back to Initializing: the primary never came up at all, and the target has been mended since.
  arrows: ["Initializing", "Initialized", "Waiting", "Progressing", "Terminating"],
  running: false,
  decide: decideAtRest,
  // Never initialised: nothing was ever switched to the primary.
  routes: (_plan, { promotedSpec, canaryWeight }) => {
    if (promotedSpec === "") return undefined;
    return canaryWeight === TOTAL_WEIGHT ? EVERYONE_TO_CANARY : split(canaryWeight);
  },
  desired(status, uid) {
    // Never initialised: users are still served by the target (Q19).
    if (status.promotedSpec === "") return { target: "as-is", primary: PRESENT };
    if (status.recovery.kind === "none")
      return { target: status.drain.kind === "none" ? "down" : "as-is", primary: PRESENT };
    // The canary must cover first, see cover.ts. Until then the primary stays as the promotion left it.
    if (status.drain.kind !== "none") return { target: "up", primary: promotedPrimary(status, uid) };
    const from = promotionToRestore(status, uid) ?? "";
    const to = undoneTo(status);
    const primary = { kind: "restored", from, ...(to === undefined ? {} : { to }) } as const;
    return { target: status.canaryWeight > 0 ? "up" : "as-is", primary };
  },
  // Flagger writes this message after a failed promotion, too, though nothing was scaled to zero then (Q6).
  condition: (kind) => ({ status: "False", message: `Canary analysis failed, ${kind} scaled to zero.` }),
  memory: {
    read: (memory, known) => ({
      phase: "Failed",
      ...readDrain(memory, known),
      owesPostRollout: memory?.owesPostRollout ?? false,
      // Flagger leaves weight 100 in `Failed` only after a failed promotion.
      recovery: recoveryFrom({ restoring: known.core.canaryWeight > 0, ...memory }),
    }),
    // The wire keeps a flag and the promotion, so that every release reads it.
    write: ({ owesPostRollout, recovery, ...draining }) => ({
      ...writeDrain(draining),
      restoring: recovery.kind !== "none",
      owesPostRollout,
      ...(recovery.kind === "undoing" ? { undoing: recovery.promotion } : {}),
      ...(recovery.kind === "undoing" && recovery.to !== undefined ? { undoingTo: recovery.to } : {}),
    }),
  },
};

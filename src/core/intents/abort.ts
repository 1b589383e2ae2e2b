import { failPromotion } from "../phases/promotion-ends.ts";
import { EVENTS } from "../texts/events.ts";
import { rollBack } from "../turn/turn.ts";
import { applied, type Intent } from "./intent.ts";

/** Rolls back now. A promotion under way ends as one that failed: the primary gets its last promoted revision back. */
export const abort: Intent = {
  phases: ["Waiting", "Progressing", "WaitingPromotion", "Promoting", "Finalising"],
  apply(turn, { by, reason }) {
    const end = { kind: "abort", by, ...(reason === undefined ? {} : { reason }) } as const;
    const isPromotion = turn.status.phase === "Promoting" || turn.status.phase === "Finalising";
    if (isPromotion) {
      return applied("the promotion is rolled back", failPromotion(turn, `aborted by ${by}`, end));
    }
    const message = turn.canaryShare > 0 ? `weight ${turn.canaryShare} -> 0, rolled back` : "rolled back";
    return applied(message, rollBack(turn, end, EVENTS.aborted(turn, by)));
  },
};

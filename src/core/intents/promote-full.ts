import { skipToPromotion, startPromotion } from "../phases/analysis.ts";
import { applied, type Intent, obstacleTo, refused, withoutPause } from "./intent.ts";

/** Begins the promotion now. The remaining steps, gates and checks are skipped. The rules of safe promotion hold. */
export const promoteFull: Intent = {
  phases: ["Progressing", "WaitingPromotion"],
  apply(turn) {
    const { status } = turn;
    if (status.phase !== "Progressing" && status.phase !== "WaitingPromotion") return refused("no run is under way");
    const obstacle = obstacleTo(turn);
    if (obstacle !== undefined) return refused(obstacle);
    const next = turn.canaryShare === 0 ? skipToPromotion(turn, status) : startPromotion(turn, status, []);
    return applied("the promotion begins, without the rest of the checks", withoutPause(next));
  },
};

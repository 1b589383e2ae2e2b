import { advance } from "../phases/analysis.ts";
import { applied, type Intent, obstacleTo, refused, withoutPause } from "./intent.ts";

/**
 * Enters the next step now. The hold, the gates and the checks of the present step are skipped. The next step is
 * judged.
 */
export const promote: Intent = {
  phases: ["Progressing", "WaitingPromotion"],
  apply(turn) {
    const { status } = turn;
    if (status.phase !== "Progressing" && status.phase !== "WaitingPromotion") return refused("no run is under way");
    const obstacle = obstacleTo(turn);
    if (obstacle !== undefined) return refused(obstacle);
    const next = advance(turn, status, []);
    const to = next.status;
    const message =
      to.phase === "Promoting" ? "the promotion begins" : `step ${status.step} -> ${"step" in to ? to.step : ""}`;
    return applied(message, withoutPause(next));
  },
};

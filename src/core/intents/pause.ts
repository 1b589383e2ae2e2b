import { updateCommon } from "../turn/turn.ts";
import { applied, type Intent, refused } from "./intent.ts";

/** The run stays on its step and at its weight. Checks go on, and still roll back, unless they are frozen, too. */
export const pause: Intent = {
  phases: ["Waiting", "Progressing", "WaitingPromotion", "Promoting"],
  apply(turn, { by, reason, forMs, freezeChecks }) {
    if (turn.status.paused !== undefined) return refused(`already paused by ${turn.status.paused.by}`);
    const paused = {
      by,
      at: turn.now,
      ...(reason === undefined ? {} : { reason }),
      ...(forMs === undefined ? {} : { until: turn.now + forMs }),
      ...(freezeChecks === true ? { freezeChecks } : {}),
    };
    const checks = freezeChecks === true ? "checks are frozen" : "checks go on";
    return applied(`paused at ${turn.canaryShare} %, ${checks}`, updateCommon(turn, { paused }));
  },
};

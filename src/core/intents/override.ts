import { liftedBy } from "../people/override.ts";
import type { Freeze } from "../people/steering.ts";
import { isRunning } from "../phases/table.ts";
import { revisionChanged } from "../run/change.ts";
import { type Turn, updateCommon } from "../turn/turn.ts";
import { applied, type Intent, refused } from "./intent.ts";

/**
 * One revision may go on though a freeze is in force: an urgent fix. The override holds for that freeze and revision
 * alone and ends with the run (`people/override.ts`). Checks, gates and every other rule stay.
 */
export const override: Intent = {
  phases: ["Initialized", "Waiting", "Progressing", "WaitingPromotion", "Promoting", "Succeeded", "Failed"],
  apply(turn, { by, reason = "" }) {
    const { status, freeze, now } = turn;
    const before = status.override;
    if (freeze === undefined) {
      return refused(before === undefined ? "nothing is frozen" : `already overridden by ${before.by}`);
    }
    if (reason.trim() === "") return refused("an override needs a reason");
    const revision = isRunning(status.phase) ? status.applied : turn.observation.readings.target.revision;
    const needless = needlessFor(turn, freeze);
    if (needless !== undefined || revision === undefined) return refused(needless ?? "no revision waits");
    const also = liftedBy(before);
    const given = { by, reason, at: now, freeze: freeze.name, revision, ...(also.length === 0 ? {} : { also }) };
    return applied(
      `goes on though frozen by ${freeze.by} (${freeze.name}): ${reason}`,
      updateCommon(turn, { override: given }),
    );
  },
};

/** Why the freeze holds nothing of this Canary. */
function needlessFor({ status, observation }: Turn, freeze: Freeze): string | undefined {
  if (isRunning(status.phase)) {
    return freeze.runs === "hold" ? undefined : `${freeze.name} lets runs that are under way finish`;
  }
  // After a failure the same revision may be meant: `retry` is the next verb.
  if (status.phase === "Waiting" || status.phase === "Failed") return undefined;
  return revisionChanged(status, observation.readings.target.revision) ? undefined : "no new revision waits";
}

import { beginWhenAllowed } from "../phases/rest.ts";
import { sameRevision } from "../run/change.ts";
import { isRecovering } from "../run/recovery.ts";
import { applied, type Intent, refused } from "./intent.ts";

/** Releases the failed revision again, without a change of the target. Its confirm-rollout gates are asked. */
export const retry: Intent = {
  phases: ["Failed"],
  apply(turn) {
    const { status, observation, freeze } = turn;
    const { target, primary } = observation.readings;
    if (isRecovering(status)) return refused("the primary is being restored, try again later");
    if (status.promotedSpec === "") return refused("the Canary was never initialised: mend the target");
    if (primary.readiness.kind !== "ready") return refused("the primary is not ready");
    if (freeze !== undefined) return refused(`frozen by ${freeze.by} (${freeze.name})`);
    if (sameRevision({ ...status.applied, spec: status.promotedSpec }, target.revision)) {
      return refused("the target holds the promoted revision, there is nothing to release");
    }
    return applied("the revision is released again", beginWhenAllowed(turn));
  },
};

import { EVENTS } from "../events.ts";
import { isRecovering } from "../recovery.ts";
import { endRun, enterPhase } from "../turn.ts";
import { NO_WAIT } from "../waits.ts";
import { applied, type Intent, refused } from "./intent.ts";

const INSTEAD = "revert the target instead (kubectl rollout undo, or in Git)";

/**
 * The primary gets an earlier promoted revision back, as after a promotion that failed. The target is not changed, so a GitOps agent
 * has nothing to revert. The target's revision counts as one that failed. The primary keeps the traffic all the time.
 */
export const undo: Intent = {
  phases: ["Succeeded", "Initialized", "Failed"],
  apply(turn, { by, reason, toRun }) {
    const { status, observation } = turn;
    const { target, primary } = observation.readings;
    const { previous, promotionId: carried } = primary;
    if (isRecovering(status)) return refused("the primary gets an earlier revision back already");
    if (previous === undefined || carried === undefined) return refused(`no earlier revision is kept: ${INSTEAD}`);
    // Only the last promotion can be undone (ADR 0017).
    if (toRun !== undefined) return refused(`the revision of run ${toRun} is not kept: ${INSTEAD}`);
    if (primary.gap === true && primary.available > 0 && target.available === 0) {
      return refused(`all pods of the primary would be replaced at once, and users get no answer: ${INSTEAD}`);
    }
    const restoring = {
      phase: "Failed",
      recovery: { kind: "undoing", promotion: carried },
      owesPostRollout: false,
      drain: NO_WAIT,
    } as const;
    const changes = { failedChecks: 0, iterations: 0, canaryWeight: 0, promotedSpec: previous.spec };
    const end = { kind: "undo", by, ...(reason === undefined ? {} : { reason }) } as const;
    const undone = enterPhase(turn, restoring, changes, EVENTS.undone(turn, by));
    return applied("the primary gets its earlier revision back, the target stays as it is", endRun(turn, end, undone));
  },
};

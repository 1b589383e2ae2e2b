/**
 * The target holds the promoted revision again while another one is released: people roll back by hand that way
 * (`kubectl rollout undo`). There is nothing left to judge or to copy, so the run ends at once, as one that promoted what it has.
 */
import { type CanaryStatus, isRunning } from "./canary.ts";
import { revisionChanged, sameRevision } from "./change.ts";
import { EVENTS } from "./events.ts";
import { promotionId } from "./identity.ts";
import { routesFor } from "./routes.ts";
import { type AdvanceInput, drainMs, enter, owesPostRollout, type Transition } from "./turn.ts";

/** @returns undefined when the target holds what is released, or something that the primary does not run */
export function endReverted(turn: AdvanceInput): Transition | undefined {
  const { revision } = turn.observation.readings.target;
  if (sameRevision(turn.status.applied, revision) || !runsAlready(turn)) return undefined;
  // A run that starts over had traffic a moment ago.
  const served =
    (routesFor(turn.plan, turn.status)?.canary ?? 0) > 0 || turn.now < turn.status.phaseSince + drainMs(turn.spec);
  return enter(
    turn,
    {
      phase: "Succeeded",
      skipped: false,
      reverted: true,
      owesPostRollout: owesPostRollout(turn.spec),
      drainUntil: served ? turn.now + drainMs(turn.spec) : 0,
    },
    { failedChecks: 0, canaryWeight: 0, iterations: 0, applied: revision, promotedSpec: revision.spec },
    EVENTS.reverted(turn),
  );
}

/** What waits for approval is gone: the Canary rests as it did before, and nobody has to approve of anything. */
export function endWaiting(turn: AdvanceInput): Transition | undefined {
  const { status } = turn;
  const { revision } = turn.observation.readings.target;
  if (status.foreign === true || revisionChanged(status, revision)) return undefined;
  const rest =
    revision.spec === status.promotedSpec
      ? ({ phase: "Succeeded", skipped: false, reverted: true, owesPostRollout: false, drainUntil: 0 } as const)
      : ({ phase: "Failed", restoring: false, owesPostRollout: false, drainUntil: 0 } as const);
  return enter(turn, rest, { canaryWeight: 0, iterations: 0, applied: revision }, EVENTS.reverted(turn));
}

/** Whether the primary runs the target's present revision, its configuration included. */
function runsAlready({ uid, status, observation }: AdvanceInput): boolean {
  const { primary, target } = observation.readings;
  const { revision } = target;
  if (primary.promotionId === promotionId(uid, revision)) return true;
  // A primary that another Flagger made, and kinds without a copy, do not say; the configuration of a run is not that of the one before.
  const untracked = Object.keys({ ...status.applied?.configs, ...revision.configs }).length === 0;
  return untracked && revision.spec === status.promotedSpec && !carriesRun(uid, status, primary.promotionId);
}

/** The run's revision has been copied already. */
function carriesRun(uid: string, { applied, phase }: CanaryStatus, carried: string | undefined): boolean {
  return isRunning(phase) && applied !== undefined && carried === promotionId(uid, applied);
}

/**
 * The target holds the promoted revision again while another one is released: people roll back by hand that way
 * (`kubectl rollout undo`). There is nothing left to judge or to copy, so the run ends at once, in phase Succeeded.
 */

import type { CanaryStatus } from "../status/canary.ts";
import { EVENTS } from "../texts/events.ts";
import { promotionId } from "../turn/identity.ts";
import {
  canaryDrain,
  type DecisionInput,
  endRun,
  enterPhase,
  owesPostRollout,
  type Transition,
  type Turn,
} from "../turn/turn.ts";
import { NO_WAIT } from "../turn/waits.ts";
import { revisionChanged, sameRevision } from "./change.ts";
import { NO_RECOVERY } from "./recovery.ts";

/** @returns undefined when the target holds what is released, or something that the primary does not run */
export function endReverted(turn: Turn): Transition | undefined {
  const { revision } = turn.observation.readings.target;
  if (sameRevision(turn.status.applied, revision) || !runsAlready(turn)) return undefined;
  const ended = enterPhase(
    turn,
    {
      phase: "Succeeded",
      outcome: "reverted",
      owesPostRollout: owesPostRollout(turn.spec),
      drain: canaryDrain(turn),
    },
    { failedChecks: 0, canaryWeight: 0, iterations: 0, applied: revision, promotedSpec: revision.spec },
    EVENTS.reverted(turn),
  );
  return endRun(turn, { kind: "reverted" }, ended);
}

/**
 * The revision that waited for approval is gone: the Canary rests as it did before, and no approval is needed any more.
 */
export function endWaiting(turn: DecisionInput): Transition | undefined {
  const { status } = turn;
  const { revision } = turn.observation.readings.target;
  if (status.foreign === true || revisionChanged(status, revision)) return undefined;
  const rest =
    revision.spec === status.promotedSpec
      ? ({ phase: "Succeeded", outcome: "reverted", owesPostRollout: false, drain: NO_WAIT } as const)
      : ({ phase: "Failed", recovery: NO_RECOVERY, owesPostRollout: false, drain: NO_WAIT } as const);
  return enterPhase(turn, rest, { canaryWeight: 0, iterations: 0, applied: revision }, EVENTS.reverted(turn));
}

/** Whether the primary runs the target's present revision, its configuration included. */
function runsAlready({ uid, status, observation }: DecisionInput): boolean {
  const { primary, target } = observation.readings;
  const { revision } = target;
  if (primary.promotionId === promotionId(uid, revision)) return true;
  // A primary that another Flagger made, and kinds without a copy, carry no identity. Configurations may differ between
  // runs.
  const untracked = Object.keys({ ...status.applied?.configs, ...revision.configs }).length === 0;
  return untracked && revision.spec === status.promotedSpec && !carriesRun(uid, status, primary.promotionId);
}

/** The run's revision has been copied already. */
function carriesRun(uid: string, { applied }: CanaryStatus, carried: string | undefined): boolean {
  return applied !== undefined && carried === promotionId(uid, applied);
}

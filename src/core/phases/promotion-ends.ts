/** How a promotion ends: well, or with the primary getting its last promoted revision back. */
import type { End } from "../cause.ts";
import { mustCover } from "../cover.ts";
import { EVENTS } from "../events.ts";
import { TOTAL_WEIGHT } from "../plan.ts";
import {
  drainDelayMs,
  endRun,
  enterPhase,
  owesPostRollout,
  prependEvents,
  type Transition,
  type Turn,
} from "../turn.ts";
import { NO_WAIT, waitUntil } from "../waits.ts";

export function succeed(turn: Turn, skipped: boolean): Transition {
  const owed = owesPostRollout(turn.spec);
  const notices = owed ? [] : [skipped ? EVENTS.promotedUnjudged(turn) : EVENTS.promoted(turn)];
  // Unjudged, it may have been so quick that the routes of the initialisation are hardly known everywhere.
  const drain = skipped ? waitUntil(turn.now + drainDelayMs(turn.spec)) : NO_WAIT;
  const entered = enterPhase(
    turn,
    { phase: "Succeeded", skipped, owesPostRollout: owed, drain },
    { canaryWeight: 0, iterations: 0, promotedSpec: turn.status.applied?.spec ?? "" },
    ...notices,
  );
  return endRun(turn, { kind: skipped ? "promoted-unjudged" : "promoted" }, entered);
}

/** The healthy copy is the canary, if it can serve at all: it takes everything, and the primary is restored. */
export function failPromotion(
  turn: Turn,
  detail: string,
  end: End = { kind: "primary-not-ready", detail },
): Transition {
  const { target, primary } = turn.observation.readings;
  // What pods the primary has serve until proxies know that the canary covers: only then they are replaced.
  const waits = mustCover(turn) && primary.available > 0;
  const drain = waits ? waitUntil(turn.now + drainDelayMs(turn.spec)) : NO_WAIT;
  // `applied` stays what failed: a newer revision that the target may hold by now is still to come.
  const failed = enterPhase(
    turn,
    { phase: "Failed", restoring: true, owesPostRollout: owesPostRollout(turn.spec), drain },
    { failedChecks: 0, iterations: 0, canaryWeight: target.available > 0 ? TOTAL_WEIGHT : 0 },
  );
  return endRun(turn, end, prependEvents(turn.status.phase, [EVENTS.promotionFailed(turn, detail)], failed));
}

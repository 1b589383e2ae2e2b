/** The two ends of a promotion: it succeeds, or the primary gets its last promoted revision back. */

import { TOTAL_WEIGHT } from "../plan/plan.ts";
import type { End } from "../run/cause.ts";
import { mustCover } from "../run/cover.ts";
import { EVENTS } from "../texts/events.ts";
import {
  drainDelayMs,
  endRun,
  enterPhase,
  owesPostRollout,
  prependEvents,
  type Transition,
  type Turn,
} from "../turn/turn.ts";
import { NO_WAIT, waitUntil } from "../turn/waits.ts";

/** The promotion succeeded. @param skipped promoted without checks */
export function succeed(turn: Turn, skipped: boolean): Transition {
  const owed = owesPostRollout(turn.spec);
  const notices = owed ? [] : [skipped ? EVENTS.promotedUnjudged(turn) : EVENTS.promoted(turn)];
  // An unjudged promotion can be so quick that not every proxy knows the routes of the initialisation yet.
  const drain = skipped ? waitUntil(turn.now + drainDelayMs(turn.spec)) : NO_WAIT;
  const entered = enterPhase(
    turn,
    { phase: "Succeeded", outcome: skipped ? "unjudged" : "promoted", owesPostRollout: owed, drain },
    { canaryWeight: 0, iterations: 0, promotedSpec: turn.status.applied?.spec ?? "" },
    ...notices,
  );
  return endRun(turn, { kind: skipped ? "promoted-unjudged" : "promoted" }, entered);
}

/** The canary is the healthy copy. When it can serve, it gets all traffic while the primary is restored. */
export function failPromotion(
  turn: Turn,
  detail: string,
  end: End = { kind: "primary-not-ready", detail },
): Transition {
  const { target, primary } = turn.observation.readings;
  // The primary's pods serve until every proxy knows that the canary covers; only then are the pods replaced.
  const waits = mustCover(turn) && primary.available > 0;
  const drain = waits ? waitUntil(turn.now + drainDelayMs(turn.spec)) : NO_WAIT;
  // `applied` stays the failed revision, so that a newer revision in the target still counts as a change.
  const failed = enterPhase(
    turn,
    { phase: "Failed", recovery: { kind: "restoring" }, owesPostRollout: owesPostRollout(turn.spec), drain },
    { failedChecks: 0, iterations: 0, canaryWeight: target.available > 0 ? TOTAL_WEIGHT : 0 },
  );
  return endRun(turn, end, prependEvents(turn.status.phase, [EVENTS.promotionFailed(turn, detail)], failed));
}

/**
 * The primary lost all of its pods after it had taken over traffic.
 * @param failedChecks with this outage
 * @returns undefined when the primary may try once more
 */
export function endByOutages(turn: Turn, failedChecks: number): Transition | undefined {
  if (failedChecks < turn.spec.analysis.threshold) return undefined;
  const detail = "no pod of the primary can serve";
  const failure = { check: "pods of the primary", source: "pods", detail } as const;
  return failPromotion(turn, detail, { kind: "primary-checks", failedChecks, failure });
}

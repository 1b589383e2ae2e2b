/**
 * The canary covers for a primary whose pods are all replaced at once (`Recreate`, a single pod without surge, a
 * DaemonSet on one node): while the copy starts, none of the primary's pods can serve. So all traffic goes to the
 * canary, which was tested, before the copy is made, and comes back when the primary is ready.
 *
 *   begun   the routes lead to the canary, and proxies learn of it
 *   full    every proxy knows: the copy is made, and the canary covers until the primary is ready
 */

import { TOTAL_WEIGHT } from "../plan/plan.ts";
import type { StatusIn } from "../status/canary.ts";
import { EVENTS } from "../texts/events.ts";
import {
  type DecisionInput,
  drainDelayMs,
  keepWaiting,
  rollBack,
  rollBackAtThreshold,
  type Transition,
  type Turn,
  unchanged,
  update,
  waitForReadiness,
} from "../turn/turn.ts";
import { countedFromRoutes, NO_WAIT, waitUntil } from "../turn/waits.ts";
import { canaryLacksPods } from "./stand-in.ts";

type Promoting = StatusIn<"Promoting">;

/** Whether the primary would leave its users without an answer while it is replaced, and the canary can answer them. */
export function mustCover({ observation }: DecisionInput): boolean {
  const { primary, target } = observation.readings;
  return primary.gap === true && target.available > 0;
}

/** Decides the turns of a promotion before the copy is made, while the canary covers. */
export function cover(turn: Turn, status: Promoting): Transition {
  const { routesInForce } = turn.observation.readings;
  if (status.serving === "primary-alone") return coverAgain(turn, status);
  if (canaryLacksPods(turn.observation.readings)) return endCover(turn, status);
  if (status.covering === "full") return unchanged(turn);
  const hold = countedFromRoutes(status.hold, drainDelayMs(turn.spec), routesInForce, turn.now);
  if (hold !== status.hold) return update({ ...status, hold });
  const held = keepWaiting(turn, hold, drainDelayMs(turn.spec));
  if (held !== undefined) return held;
  return update({ ...status, covering: "full", hold: NO_WAIT }, EVENTS.copying(turn));
}

/**
 * The canary lost its pods before the copy was made. That counts as a failed check; without the count it could repeat
 * for ever.
 */
function endCover(turn: Turn, status: Promoting): Transition {
  const failedChecks = status.failedChecks + 1;
  const failure = { check: "pods of the canary", source: "pods", detail: "no pod of the canary can serve" } as const;
  const uncovered = { serving: "primary-alone", canaryWeight: 0, covering: "begun" } as const;
  return rollBackAtThreshold(turn, failedChecks, failure) ?? update({ ...status, failedChecks, ...uncovered });
}

/** Waits for pods of the canary, which then covers again. */
function coverAgain(turn: Turn, status: Promoting): Transition {
  const { target } = turn.observation.readings;
  if (target.readiness.kind === "stuck") {
    const { detail } = target.readiness;
    return rollBack(turn, { kind: "deadline", of: "canary", detail }, EVENTS.deadlineExceeded(detail));
  }
  if (target.readiness.kind === "progressing")
    return waitForReadiness(turn, EVENTS.canaryNotReady(target.readiness.detail));
  if (target.available === 0) return unchanged(turn);
  const { announced: _over, ...rest } = status;
  const hold = waitUntil(turn.now + drainDelayMs(turn.spec));
  return update({ ...rest, serving: "as-planned", canaryWeight: TOTAL_WEIGHT, hold });
}

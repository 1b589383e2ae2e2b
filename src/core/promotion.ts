/**
 * Promoting and Finalising. The rule of safe promotion:
 *
 *   The tested template is copied to the primary only while the target still holds it. The canary keeps its traffic until
 *   the primary that carries the copy is ready; a primary that cannot become ready never gets more than it has, and the
 *   canary, the healthy copy, stays. Then the primary gets its last promoted revision back, and only when that is ready the
 *   traffic returns to it and the canary goes.
 */

import type { CanaryStatus, StatusIn } from "./canary.ts";
import { sameRevision } from "./change.ts";
import { failureOf } from "./checks.ts";
import { EVENTS, type Said } from "./events.ts";
import { promotionId } from "./identity.ts";
import type { Answered } from "./observation.ts";
import { TOTAL_WEIGHT } from "./plan.ts";
import { isMeasuredShort, primaryProbes } from "./probes.ts";
import { restart } from "./restart.ts";
import { endReverted } from "./revert.ts";
import {
  type AdvanceInput,
  answersTo,
  become,
  before,
  type Decision,
  drainMs,
  endOfWait,
  enter,
  heldAnew,
  isAnswered,
  owesPostRollout,
  stay,
  type Transition,
  waitFor,
} from "./turn.ts";

export function promote(turn: AdvanceInput, status: StatusIn<"Promoting">): Decision {
  const { primary, target } = turn.observation.readings;
  if (!isCopied(turn, status)) {
    const reverted = endReverted(turn);
    if (reverted !== undefined) return reverted;
    // The target moved on before the copy was made: what it holds now was never tested.
    if (!sameRevision(status.applied, target.revision)) return restart(turn);
    return isUnserved(turn, status) ? withhold(turn, status) : stay(turn);
  }
  if (status.skipping) return succeed(turn, true);
  if (primary.readiness.kind === "stuck") return failPromotion(turn, primary.readiness.detail);
  if (isUnserved(turn, status)) return withhold(turn, status);
  if (primary.readiness.kind === "progressing") return awaitPrimary(turn, primary.readiness.detail);
  const rerouted = status.primaryWeight > 0 ? heldAnew(turn, status, { shiftedAt: turn.now }) : undefined;
  if (rerouted !== undefined) return rerouted;
  if (turn.now < status.holdUntil) return stay(turn);
  const answers = answersTo(turn, status.primaryWeight > 0 ? primaryProbes(turn.spec, status, turn.now) : []);
  if (!isAnswered(answers)) return answers;
  for (const answered of answers) {
    const failure = failureOf(answered, turn.ref);
    if (failure === undefined) continue;
    const silent = answered.answer.kind === "no-data";
    if (silent && mayStillBeMeasured(turn, status, answered)) return awaitValues(turn, status, failure);
    // Silence takes nothing back of what was heard.
    if (!silent || status.doubted === true) return doubtPrimary(turn, status, failure);
  }
  return shiftToPrimary(turn, status);
}

/** The canary lost its pods while it had traffic. */
function isUnserved({ observation }: AdvanceInput, { withheld }: StatusIn<"Promoting">): boolean {
  const { primary, target } = observation.readings;
  return target.available === 0 && primary.available > 0 && !withheld;
}

function withhold(turn: AdvanceInput, status: StatusIn<"Promoting">): Transition {
  return become(turn, { ...status, withheld: true, canaryWeight: 0 });
}

function isCopied({ uid, observation }: AdvanceInput, { applied }: CanaryStatus): boolean {
  return applied !== undefined && observation.readings.primary.promotionId === promotionId(uid, applied);
}

/** The plain text for readers comes once, then the readiness texts as they change. */
function awaitPrimary(turn: AdvanceInput, detail: string): Transition {
  const waiting = waitFor(turn, EVENTS.warning(detail));
  if (turn.status.said !== undefined) return waiting;
  const what = detail.slice(detail.lastIndexOf("finish: ") + (detail.includes("finish: ") ? "finish: ".length : 1));
  return before(turn.status.phase, [EVENTS.waitingForPrimary(turn, what)], waiting);
}

function shiftToPrimary(turn: AdvanceInput, status: StatusIn<"Promoting">): Transition {
  const weights = turn.plan.promotionWeights;
  const weight = weights.find((planned) => planned > status.primaryWeight) ?? TOTAL_WEIGHT;
  const stepped = weights.length > 1 || (weights[0] ?? TOTAL_WEIGHT) < TOTAL_WEIGHT;
  const said: Said[] = stepped
    ? [EVENTS.advancePrimary(turn, weight)]
    : weights.length > 0
      ? [EVENTS.allToPrimary()]
      : [];
  if (weight < TOTAL_WEIGHT) {
    const holdUntil = turn.now + turn.spec.analysis.intervalMs;
    const { said: _announced, doubted: _before, ...rest } = status;
    const split = { primaryWeight: weight, canaryWeight: TOTAL_WEIGHT - weight, shiftedAt: turn.now };
    return become(turn, { ...rest, ...split, holdUntil }, ...said);
  }
  const finalising = enter(
    turn,
    { phase: "Finalising", holdUntil: turn.now + drainMs(turn.spec) },
    { canaryWeight: 0, iterations: 0 },
  );
  return before(status.phase, said, finalising);
}

/** Metrics come late. A whole window without any: nobody asks the primary, so nothing can be held against it. */
function mayStillBeMeasured(turn: AdvanceInput, status: StatusIn<"Promoting">, { probe }: Answered): boolean {
  return probe.kind === "metric" && isMeasuredShort(turn.spec, status, probe.metric.name, turn.now);
}

function awaitValues(turn: AdvanceInput, status: StatusIn<"Promoting">, text: string): Transition {
  const holdUntil = turn.now + turn.spec.analysis.intervalMs;
  const said = status.said === text ? [] : [EVENTS.warning(text)];
  return become(turn, { ...status, holdUntil, said: text }, ...said);
}

/** The primary answers users badly while it takes over: hold, and after as many doubts as checks may fail, go back. */
function doubtPrimary(turn: AdvanceInput, status: StatusIn<"Promoting">, failure: string): Transition {
  const failedChecks = status.failedChecks + 1;
  if (failedChecks >= turn.spec.analysis.threshold) return failPromotion(turn, failure);
  const holdUntil = turn.now + turn.spec.analysis.intervalMs;
  return become(turn, { ...status, failedChecks, doubted: true, holdUntil }, EVENTS.warning(failure));
}

/** All traffic is on the primary; the canary goes when every proxy has learnt so. */
export function finalise(turn: AdvanceInput, status: StatusIn<"Finalising">): Transition {
  const { primary, routesInForce } = turn.observation.readings;
  if (primary.readiness.kind === "stuck") return failPromotion(turn, primary.readiness.detail);
  if (primary.readiness.kind === "progressing") return waitFor(turn, EVENTS.warning(primary.readiness.detail));
  // Routes that are written late, after a crash for example: the time counts from when they are in force.
  const holdUntil = endOfWait(status.holdUntil, drainMs(turn.spec), turn);
  if (holdUntil !== status.holdUntil) return become(turn, { ...status, holdUntil });
  if (!routesInForce || turn.now < holdUntil) return stay(turn);
  return succeed(turn, false);
}

function succeed(turn: AdvanceInput, skipped: boolean): Transition {
  const owed = owesPostRollout(turn.spec);
  const said = owed ? [] : [skipped ? EVENTS.promotedUnjudged(turn) : EVENTS.promoted(turn)];
  // Unjudged, it may have been so quick that the routes of the initialisation are hardly known everywhere.
  const drainUntil = skipped ? turn.now + drainMs(turn.spec) : 0;
  return enter(
    turn,
    { phase: "Succeeded", skipped, owesPostRollout: owed, drainUntil },
    { canaryWeight: 0, iterations: 0, promotedSpec: turn.status.applied?.spec ?? "" },
    ...said,
  );
}

/** The healthy copy is the canary, if it can serve at all: it takes everything, and the primary is restored. */
function failPromotion(turn: AdvanceInput, detail: string): Transition {
  const { target } = turn.observation.readings;
  // `applied` stays what failed: a newer revision that the target may hold by now is still to come.
  const failed = enter(
    turn,
    { phase: "Failed", restoring: true, owesPostRollout: owesPostRollout(turn.spec), drainUntil: 0 },
    { failedChecks: 0, iterations: 0, canaryWeight: target.available > 0 ? TOTAL_WEIGHT : 0 },
  );
  return before(turn.status.phase, [EVENTS.promotionFailed(turn, detail)], failed);
}

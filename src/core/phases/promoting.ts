/**
 * Promoting. The rule of safe promotion:
 *
 *   1. The tested template is copied to the primary only while the target still holds it.
 *   2. The canary keeps its traffic until the primary that carries the copy is ready.
 *   3. A primary that cannot become ready gets no more traffic than it has. The canary, the healthy copy, stays.
 *   4. Such a primary gets its last promoted revision back. Only when that revision is ready does the traffic return to
 *      the primary, and the canary is scaled down.
 */

import { type Plan, TOTAL_WEIGHT } from "../plan/plan.ts";
import { ALL_TO_PRIMARY, currentStep, EVERYONE_TO_CANARY, split, stepRoutes } from "../plan/steps.ts";
import type { Failure } from "../run/cause.ts";
import { sameRevision } from "../run/change.ts";
import { cover } from "../run/cover.ts";
import { restart } from "../run/restart.ts";
import { endReverted } from "../run/revert.ts";
import { canaryLacksPods, lacksPods, primaryGone } from "../run/stand-in.ts";
import type { CanaryStatus, Routes, StatusIn } from "../status/canary.ts";
import type { WireMemory } from "../status/wire.ts";
import { EVENTS, type Notice } from "../texts/events.ts";
import { failureData, failureOf } from "../turn/checks.ts";
import { promotionId } from "../turn/identity.ts";
import type { Answered, Readiness } from "../turn/observation.ts";
import { isMeasuredShort, primaryProbes } from "../turn/probes.ts";
import {
  announcementOf,
  answersTo,
  type Decision,
  drainDelayMs,
  enterPhase,
  isAnnounced,
  isAnswered,
  keepWaiting,
  prependEvents,
  restartHold,
  type Transition,
  type Turn,
  unchanged,
  update,
  waitFor,
  waitForReadiness,
} from "../turn/turn.ts";
import { waitUntil } from "../turn/waits.ts";
import { isHeldByPeople } from "./analysis.ts";
import { readHold, readOnStep, recoverHold, writeOnStep } from "./memory.ts";
import { type Known, type PhaseRules, type PositionIn, PRESENT } from "./phase.ts";
import { promotedPrimary } from "./promoted-primary.ts";
import { endByOutages, failPromotion, succeed } from "./promotion-ends.ts";

export const promoting: PhaseRules<"Promoting"> = {
  name: "Promoting",
  // Back to Progressing: the target moved on before its tested template was copied. Straight to Succeeded:
  // skipAnalysis, or the target holds the promoted revision again.
  arrows: ["Progressing", "Finalising", "Succeeded", "Failed", "Terminating"],
  running: true,
  decide: promote,
  routes(plan, status) {
    if (status.serving === "primary-alone") return ALL_TO_PRIMARY;
    if (status.primaryWeight > 0) return split(TOTAL_WEIGHT - status.primaryWeight);
    if (status.covering !== undefined) return EVERYONE_TO_CANARY;
    if (status.skipping) return ALL_TO_PRIMARY;
    return routesOfLastStep(plan, status);
  },
  // The copy is made when the canary covers for the primary.
  desired: (status, uid) => ({
    target: "up",
    primary: status.covering === "begun" ? PRESENT : promotedPrimary(status, uid),
  }),
  condition: () => ({ status: "Unknown", message: "Canary analysis completed, starting primary rolling update." }),
  memory: {
    read: readPosition,
    write: ({ primaryWeight, shiftedAt, failedSinceShift, skipping, covering, ...onStep }) => ({
      ...writeOnStep(onStep),
      primaryWeight,
      ...(shiftedAt === undefined ? {} : { shiftedAt }),
      ...(failedSinceShift === undefined ? {} : { doubted: failedSinceShift }),
      skipping,
      ...(covering === undefined ? {} : { covering }),
    }),
  },
};

function readPosition(memory: WireMemory | undefined, known: Known): PositionIn<"Promoting"> {
  const { hints } = known;
  const primaryWeight = memory?.primaryWeight ?? primaryShare(known);
  const covering = memory === undefined ? recoverCover(known) : memory.covering;
  return {
    phase: "Promoting",
    ...readOnStep("Promoting", memory, known),
    hold: primaryWeight > 0 || memory?.holdUntil !== undefined ? recoverHold(memory, known) : readHold(memory),
    primaryWeight,
    ...(memory?.shiftedAt === undefined ? {} : { shiftedAt: memory.shiftedAt }),
    ...(memory?.doubted === true ? { failedSinceShift: true } : {}),
    skipping: memory?.skipping ?? hints.skips === true,
    ...(covering === undefined ? {} : { covering }),
  };
}

/** With all traffic on the canary the copy may have been made: to undo it would lose what the primary ran before. */
function recoverCover({ core: { canaryWeight } }: Known): "full" | undefined {
  return canaryWeight === TOTAL_WEIGHT ? "full" : undefined;
}

/**
 * The primary's weight, derived from the canary's. A weight at which no run ends proves that the shift to the primary
 * has begun; the primary has the rest of the traffic. 0: the shift has not begun.
 */
function primaryShare({ core: { canaryWeight }, hints: { iterations, weights } }: Known): number {
  // Other strategies record a weight only during the shift.
  if (iterations > 0 && canaryWeight === 0) return 0;
  return iterations === 0 && canaryWeight === weights.at(-1) ? 0 : TOTAL_WEIGHT - canaryWeight;
}

/** The traffic stays as the run left it, also when the strategy is edited meanwhile. */
function routesOfLastStep(plan: Plan, { plan: name, step, canaryWeight }: StatusIn<"Promoting">): Routes {
  if (name === undefined || name === plan.name) {
    return { ...stepRoutes(currentStep(plan, step), canaryWeight), mirror: false };
  }
  // Only progressive runs record a weight; the others end with all of the traffic.
  return split(canaryWeight > 0 ? canaryWeight : TOTAL_WEIGHT);
}

function promote(turn: Turn, status: StatusIn<"Promoting">): Decision {
  const { primary, target } = turn.observation.readings;
  if (!isCopied(turn, status)) {
    const reverted = endReverted(turn);
    if (reverted !== undefined) return reverted;
    // The target moved on before the copy was made: what it holds now was never tested.
    if (!sameRevision(status.applied, target.revision)) return restart(turn);
    if (status.covering !== undefined) return cover(turn, status);
    return hasLostCanary(turn, status) ? serveByPrimaryAlone(status) : unchanged(turn);
  }
  if (status.skipping && status.covering === undefined) return succeed(turn, true);
  if (primary.readiness.kind === "stuck") return failPromotion(turn, primary.readiness.detail);
  if (hasLostCanary(turn, status)) return serveByPrimaryAlone(status);
  if (isPrimaryDown(turn, status)) return coverNow(turn, status);
  if (primary.readiness.kind === "progressing") return awaitPrimary(turn, primary.readiness);
  if (status.skipping) return succeed(turn, true);
  const rerouted = status.primaryWeight > 0 ? restartHold(turn, status, { shiftedAt: turn.now }) : undefined;
  if (rerouted !== undefined) return rerouted;
  const held = keepWaiting(turn, status.hold, turn.spec.analysis.intervalMs);
  if (held !== undefined) return held;
  const answers = answersTo(turn, status.primaryWeight > 0 ? primaryProbes(turn.spec, status, turn.now) : []);
  if (!isAnswered(answers)) return answers;
  for (const answered of answers) {
    const failure = failureOf(answered, turn.ref);
    if (failure === undefined) continue;
    const silent = answered.answer.kind === "no-data";
    if (silent && mayStillBeMeasured(turn, status, answered)) return awaitValues(turn, status, failure);
    // A value that is missing now does not outweigh a failure that was measured before.
    if (!silent || status.failedSinceShift === true)
      return countPrimaryFailure(turn, status, failure, failureData(answered));
  }
  return isHeldByPeople(turn) ? unchanged(turn) : shiftToPrimary(turn, status);
}

/** The canary lost its pods while it had traffic. */
function hasLostCanary({ observation }: Turn, { serving }: StatusIn<"Promoting">): boolean {
  return serving !== "primary-alone" && canaryLacksPods(observation.readings);
}

/** The primary lost all of its pods though its strategy keeps some up: the copy ends at once, or a node failed. */
function isPrimaryDown({ observation, canaryShare }: Turn, status: StatusIn<"Promoting">): boolean {
  const { primary, target } = observation.readings;
  const mayServe = canaryShare > 0 && target.available > 0 && status.serving !== "primary-alone";
  return mayServe && status.covering === undefined && lacksPods(primary);
}

/**
 * The canary gets all traffic until the primary is ready. A shift that had begun begins anew then, because its metrics
 * came from pods that are gone. That counts as a failed check; without the count, a primary that goes down again and
 * again would take over for ever.
 */
function coverNow(turn: Turn, status: StatusIn<"Promoting">): Transition {
  const { shiftedAt: _at, failedSinceShift: _failed, ...rest } = status;
  const covering = { covering: "full", primaryWeight: 0, canaryWeight: TOTAL_WEIGHT } as const;
  if (status.primaryWeight === 0) return update({ ...rest, ...covering }, primaryGone(turn));
  const failedChecks = status.failedChecks + 1;
  return endByOutages(turn, failedChecks) ?? update({ ...rest, ...covering, failedChecks }, primaryGone(turn));
}

function serveByPrimaryAlone(status: StatusIn<"Promoting">): Transition {
  return update({ ...status, serving: "primary-alone", canaryWeight: 0 });
}

function isCopied({ uid, observation }: Turn, { applied }: CanaryStatus): boolean {
  return applied !== undefined && observation.readings.primary.promotionId === promotionId(uid, applied);
}

/** The wait is announced with its progress; when it lasts, with each new text of the readiness. */
function awaitPrimary(turn: Turn, { detail, progress }: NotReady): Transition {
  const waiting = waitForReadiness(turn, EVENTS.primaryNotReady(detail));
  if (turn.status.announced !== undefined) return waiting;
  return { ...waiting, ...waitFor(turn, EVENTS.waitingForPrimary(turn, progress ?? detail)) };
}

type NotReady = Exclude<Readiness, { readonly kind: "ready" }>;

function shiftToPrimary(turn: Turn, status: StatusIn<"Promoting">): Transition {
  const weights = turn.plan.promotionWeights;
  const weight = weights.find((planned) => planned > status.primaryWeight) ?? TOTAL_WEIGHT;
  const stepped = weights.length > 1 || (weights[0] ?? TOTAL_WEIGHT) < TOTAL_WEIGHT;
  const notices: Notice[] = stepped
    ? [EVENTS.advancePrimary(turn, weight)]
    : weights.length > 0
      ? [EVENTS.allToPrimary()]
      : [];
  if (weight < TOTAL_WEIGHT) {
    const hold = waitUntil(turn.now + turn.spec.analysis.intervalMs);
    const { announced: _over, failedSinceShift: _before, covering: _covered, ...rest } = status;
    const split = { primaryWeight: weight, canaryWeight: TOTAL_WEIGHT - weight, shiftedAt: turn.now };
    return update({ ...rest, ...split, hold }, ...notices);
  }
  const finalising = enterPhase(
    turn,
    { phase: "Finalising", hold: waitUntil(turn.now + drainDelayMs(turn.spec)) },
    { canaryWeight: 0, iterations: 0 },
  );
  return prependEvents(status.phase, notices, finalising);
}

/** Metrics come late. After a whole window without any, no requests reach the primary, so no value can be expected. */
function mayStillBeMeasured(turn: Turn, status: StatusIn<"Promoting">, { probe }: Answered): boolean {
  return probe.kind === "metric" && isMeasuredShort(turn.spec, status, probe.metric.name, turn.now);
}

function awaitValues(turn: Turn, status: StatusIn<"Promoting">, text: string): Transition {
  const hold = waitUntil(turn.now + turn.spec.analysis.intervalMs);
  const notice = EVENTS.checkFailed(text);
  const notices = isAnnounced(status, notice) ? [] : [notice];
  return update({ ...status, hold, announced: announcementOf(notice) }, ...notices);
}

/**
 * The primary failed a check while it takes over. The shift is held; the failure that reaches `analysis.threshold`
 * rolls the promotion back.
 */
function countPrimaryFailure(turn: Turn, status: StatusIn<"Promoting">, failure: string, data: Failure): Transition {
  const failedChecks = status.failedChecks + 1;
  if (failedChecks >= turn.spec.analysis.threshold) {
    return failPromotion(turn, failure, { kind: "primary-checks", failedChecks, failure: data });
  }
  const hold = waitUntil(turn.now + turn.spec.analysis.intervalMs);
  return update({ ...status, failedChecks, failedSinceShift: true, hold }, EVENTS.checkFailed(failure));
}

/**
 * Progressing and WaitingPromotion: hold a step, judge it at its end, then enter the next step, wait at a gate, or roll
 * back.
 */

import { type Announcement, type Plan, type Step, TOTAL_WEIGHT } from "../plan/plan.ts";
import { ALL_TO_PRIMARY, currentStep, EVERYONE_TO_CANARY, nextStepIndex, stepRoutes } from "../plan/steps.ts";
import { sameRevision } from "../run/change.ts";
import { mustCover } from "../run/cover.ts";
import { recordRecreatedPrimary } from "../run/recreated-primary.ts";
import { awaitRestart, restart } from "../run/restart.ts";
import { endReverted } from "../run/revert.ts";
import { canaryLacksPods, hasTooManyOutages, standIn } from "../run/stand-in.ts";
import { dotted } from "../spec/spec.ts";
import type { Analysing, Routes } from "../status/canary.ts";
import { EVENTS, type Notice } from "../texts/events.ts";
import { failureData, failureOf, isRollbackHook, settles } from "../turn/checks.ts";
import type { Answered } from "../turn/observation.ts";
import { analysisProbes } from "../turn/probes.ts";
import {
  announcementOf,
  answersTo,
  type Decision,
  drainDelayMs,
  endRun,
  enterPhase,
  failCheck,
  isAnnounced,
  isAnswered,
  keepWaiting,
  owesPostRollout,
  prependEvents,
  restartHold,
  rollBack,
  rollBackAtThreshold,
  type Transition,
  type Turn,
  unchanged,
  update,
  waitForReadiness,
} from "../turn/turn.ts";
import { NO_WAIT, waitUntil } from "../turn/waits.ts";
import type { PositionIn } from "./phase.ts";

/** The traffic of a run that stands on a step. */
export function onStepRoutes(plan: Plan, { serving, step, canaryWeight }: Analysing): Routes {
  if (serving === "canary-alone") return EVERYONE_TO_CANARY;
  return serving === "primary-alone" ? ALL_TO_PRIMARY : stepRoutes(currentStep(plan, step), canaryWeight);
}

/** Decides a turn of a run that stands on a step. */
export function analyse(turn: Turn, status: Analysing): Decision {
  const { spec } = turn;
  const { target, primary } = turn.observation.readings;
  const recreated = recordRecreatedPrimary(turn, true);
  if (recreated !== undefined) return recreated;
  const settled = endReverted(turn) ?? awaitRestart(turn, status);
  if (settled !== undefined) return settled;
  // The promoted template with another configuration is a new revision, too, and must be judged.
  if (!sameRevision(status.applied, target.revision)) return restart(turn);
  if (isOfAnotherPlan(turn, status)) return restart(turn, "strategy");
  if (!spec.skipAnalysis) {
    if (status.failedChecks >= spec.analysis.threshold) {
      const end = { kind: "threshold", failedChecks: status.failedChecks } as const;
      return rollBack(turn, end, EVENTS.thresholdReached(turn, status.failedChecks));
    }
    if (primary.readiness.kind === "stuck") return losePrimary(turn, status, primary.readiness.detail);
    if (hasTooManyOutages(turn, status)) {
      const detail = `its pods went away ${(status.outages ?? 0) + 1} times, more often than analysis.threshold`;
      return losePrimary(turn, status, detail, EVENTS.primaryUnstable(turn, detail));
    }
    const standing = standIn(turn, status);
    if (standing !== undefined) return standing;
    if (primary.readiness.kind === "progressing") {
      const unserved = canaryLacksPods(turn.observation.readings) && isExposed(turn);
      if (unserved && target.readiness.kind === "progressing")
        return awaitCanary(turn, status, target.readiness.detail);
      return rerouted(turn, status) ?? waitForReadiness(turn, EVENTS.primaryNotReady(primary.readiness.detail));
    }
  }
  if (target.readiness.kind === "stuck") {
    const { detail } = target.readiness;
    return rollBack(turn, { kind: "deadline", of: "canary", detail }, EVENTS.deadlineExceeded(detail));
  }
  if (target.scaledDown) return isExposed(turn) ? awaitCanary(turn, status, scaledToZero(turn)) : unchanged(turn);
  if (target.readiness.kind === "progressing") return awaitCanary(turn, status, target.readiness.detail);
  if (spec.skipAnalysis) return skipToPromotion(turn, status);
  if (status.serving === "primary-alone") return giveShareBack(turn, status);
  return rerouted(turn, status) ?? keepWaiting(turn, status.hold, spec.analysis.intervalMs) ?? judge(turn, status);
}

/** Routes that another writer changed restart the hold, also before the hold has ended. */
function rerouted(turn: Turn, status: Analysing): Transition | undefined {
  return status.step === 0 || status.serving === "primary-alone" ? undefined : restartHold(turn, status);
}

/**
 * The primary breaks in the middle of a run. When the primary has no pods left and the canary has some, a rollback
 * would end in an outage: then the canary serves all traffic until the primary can serve again (rest.ts,
 * `returnToPrimary`).
 */
function losePrimary(
  turn: Turn,
  status: Analysing,
  detail: string,
  notice: Notice = EVENTS.deadlineExceeded(detail),
): Transition {
  const { target, primary } = turn.observation.readings;
  const saved = primary.available === 0 && target.available > 0 && isExposed(turn);
  if (!saved) return rollBack(turn, { kind: "deadline", of: "primary", detail }, notice);
  const failed = enterPhase(
    turn,
    { phase: "Failed", recovery: { kind: "restoring" }, owesPostRollout: owesPostRollout(turn.spec), drain: NO_WAIT },
    { failedChecks: 0, iterations: 0, canaryWeight: TOTAL_WEIGHT },
    EVENTS.primaryGone(turn),
  );
  const ended = prependEvents(status.phase, [notice], failed);
  return endRun(turn, { kind: "primary-gone", detail }, ended);
}

/** The strategy was edited: what the run has shown so far belongs to another plan. */
function isOfAnotherPlan({ plan }: Turn, status: Analysing): boolean {
  return status.step > 0 && status.plan !== undefined && status.plan !== plan.name;
}

/**
 * No pod of the canary can serve: its share goes to the primary until one can. That counts as a failed check; without
 * the count, a canary that goes down again and again would get its share back for ever. With some pods only the
 * analysis waits.
 */
function awaitCanary(turn: Turn, status: Analysing, detail: string): Transition {
  const { target } = turn.observation.readings;
  if (target.available > 0 || !isExposed(turn)) {
    return rerouted(turn, status) ?? waitForReadiness(turn, EVENTS.canaryNotReady(detail));
  }
  const notice = EVENTS.canaryNotReady(detail);
  const failedChecks = status.failedChecks + 1;
  const failure = { check: "pods of the canary", source: "pods", detail } as const;
  const rolledBack = rollBackAtThreshold(turn, failedChecks, failure, [notice]);
  if (rolledBack !== undefined) return rolledBack;
  const notices = isAnnounced(status, notice) ? [] : [notice];
  const announced = announcementOf(notice);
  return update({ ...status, failedChecks, serving: "primary-alone", canaryWeight: 0, announced }, ...notices);
}

function isExposed({ canaryShare }: Turn): boolean {
  return canaryShare > 0;
}

/** Another writer scaled the canary to zero in the middle of its run. Aviary scales it up again. */
function scaledToZero({ spec, ref }: Turn): string {
  const { kind, name } = spec.targetRef;
  return `canary ${kind.toLowerCase()} ${dotted(name, ref)} not ready: it was scaled to zero by somebody else`;
}

/** The canary can serve again: it gets its share back, and the step is held for a full interval. */
function giveShareBack(turn: Turn, status: Analysing): Transition {
  const canaryWeight = currentStep(turn.plan, status.step)?.weight ?? 0;
  const hold = waitUntil(turn.now + turn.spec.analysis.intervalMs);
  const { announced: _over, ...rest } = status;
  return update({ ...rest, serving: "as-planned", canaryWeight, hold });
}

/**
 * Asks, then reads the answers in the order in which they were asked; the first that settles the matter ends the turn.
 */
function judge(turn: Turn, status: Analysing): Decision {
  if (status.paused?.freezeChecks === true) return unchanged(turn);
  const answers = answersTo(turn, analysisProbes(turn.spec, turn.plan, status));
  if (!isAnswered(answers)) return answers;
  const unprepared = status.phase === "Progressing" && status.stage !== "prepared";
  const notices: Notice[] = [];
  // When a rollback hook asks for a rollback before anything else, the start of the analysis is not announced.
  const opening = answers.findIndex(({ probe }) => !isRollbackHook(probe));
  for (const [i, answered] of answers.entries()) {
    if (unprepared && i === opening) notices.push(EVENTS.starting(turn));
    const settled = settledBy(turn, status, answered, notices);
    if (settled !== undefined) return settled;
    notices.push(...passedNotices(answered));
  }
  if (unprepared && opening === -1) notices.push(EVENTS.starting(turn));
  if (isHeldByPeople(turn)) return holdPaused(turn, status, notices);
  return advance(turn, status, notices);
}

/** A person paused the run, or a freeze holds it. */
export function isHeldByPeople({ status, freeze }: Turn): boolean {
  return status.paused !== undefined || freeze?.runs === "hold";
}

/** Every check passed while the run is held: it stays, and the checks are asked again after an interval. */
function holdPaused(turn: Turn, status: Analysing, notices: readonly Notice[]): Transition {
  const hold = waitUntil(turn.now + turn.spec.analysis.intervalMs);
  const prepared =
    status.phase === "Progressing" && notices.length > 0 ? { ...status, stage: "prepared" as const } : status;
  return update({ ...prepared, hold }, ...notices);
}

/** To the next step, or to the promotion when there is none. */
export function advance(turn: Turn, status: Analysing, notices: readonly Notice[]): Transition {
  const next = nextStepIndex(turn.plan, status.step, status.canaryWeight);
  const step = next === undefined ? undefined : turn.plan.steps[next];
  return step === undefined || next === undefined
    ? startPromotion(turn, status, notices)
    : enterStep(turn, status, step, next + 1, notices);
}

/** What an answer leads to that settles the turn; undefined for an answer that lets the run go on. */
function settledBy(
  turn: Turn,
  status: Analysing,
  answered: Answered,
  notices: readonly Notice[],
): Transition | undefined {
  if (!settles(answered, turn.ref)) return undefined;
  const { probe, answer } = answered;
  const failure = failureOf(answered, turn.ref) ?? "";
  const fail = (notice: Notice) => failCheck(turn, status, failureData(answered), [...notices, notice]);
  if (probe.kind !== "hook") return fail(EVENTS.checkFailed(failure, answer.kind === "error"));
  const { name, muteAlert } = probe.hook;
  switch (probe.type) {
    case "rollback": {
      const end = { kind: "rollback-hook", hook: name } as const;
      return rollBack(turn, end, ...notices, EVENTS.rollbackSignaled(name), EVENTS.manualRollback(turn));
    }
    case "pre-rollout":
      return fail(EVENTS.preRolloutFailed(turn, name, failure));
    case "rollout":
      return fail(EVENTS.rolloutHookFailed(turn, name, failure));
    case "confirm-traffic-increase":
      return holdAtGate(turn, status, notices, EVENTS.increaseRefused(turn, name, muteAlert));
    case "confirm-promotion":
      return awaitPromotion(turn, status, notices, name, muteAlert);
    case "confirm-rollout":
    case "post-rollout":
    case "event":
      return undefined;
  }
}

/** What is announced about an answer that lets the run go on. */
function passedNotices({ probe }: Answered): readonly Notice[] {
  if (probe.kind !== "hook") return [];
  const { name } = probe.hook;
  switch (probe.type) {
    case "rollback":
      return [EVENTS.rollbackNotSignaled(name)];
    case "pre-rollout":
      return [EVENTS.gatePassed("Pre-rollout", name)];
    case "confirm-traffic-increase":
      return [EVENTS.gatePassed("Confirm-traffic-increase", name)];
    case "confirm-promotion":
      return [EVENTS.gatePassed("Confirm-promotion", name)];
    default:
      return [];
  }
}

/** The gate is asked again after an interval, at whose end the step is judged again, too. */
function holdAtGate(turn: Turn, status: Analysing, notices: readonly Notice[], refusal: Notice): Transition {
  const hold = waitUntil(turn.now + turn.spec.analysis.intervalMs);
  const held: Analysing = status.phase === "Progressing" ? { ...status, stage: "prepared", hold } : { ...status, hold };
  if (isAnnounced(status, refusal)) return update(held, ...notices);
  return update({ ...held, announced: announcementOf(refusal) }, ...notices, refusal);
}

/** The first refusal changes the phase and is announced; later ones are silent. */
function awaitPromotion(
  turn: Turn,
  status: Analysing,
  notices: readonly Notice[],
  hook: string,
  muted: boolean,
): Transition {
  const hold = waitUntil(turn.now + turn.spec.analysis.intervalMs);
  const refusal = EVENTS.promotionRefused(turn, hook, muted);
  const announced = announcementOf(refusal);
  if (status.phase === "WaitingPromotion") return update({ ...status, hold, announced }, ...notices);
  // The wire shows one iteration less while waiting, except for progressive runs, which have none (Q20).
  const iterations = Math.max(0, turn.spec.analysis.iterations - 1);
  const { step, serving } = status;
  const plan = turn.plan.name;
  const waiting = enterPhase(turn, { phase: "WaitingPromotion", step, plan, serving, hold }, { iterations, announced });
  return prependEvents(status.phase, [...notices, refusal], waiting);
}

/** Enters a step of the plan. @param index counted from 1 */
export function enterStep(
  turn: Turn,
  status: Analysing,
  step: Step,
  index: number,
  notices: readonly Notice[],
): Transition {
  const hold = waitUntil(turn.now + turn.spec.analysis.intervalMs);
  const position = { step: index, plan: turn.plan.name, hold, serving: "as-planned" } as const;
  const warnings = status.step === 0 ? turn.plan.warnings.map(EVENTS.notSupported) : [];
  const entered = enterPhase(
    turn,
    status.phase === "WaitingPromotion"
      ? { phase: "WaitingPromotion", ...position }
      : { phase: "Progressing", stage: "prepared", ...position },
    { canaryWeight: step.weight, iterations: step.iterations },
    ...announcements(turn, step.announcement),
  );
  return prependEvents(status.phase, [...notices, ...warnings], entered);
}

function announcements(turn: Turn, announcement: Announcement): Notice[] {
  switch (announcement.kind) {
    case "weight":
      return [EVENTS.advanceWeight(turn, announcement.weight)];
    case "iteration":
      return [EVENTS.advanceIteration(turn, announcement.iteration, announcement.total)];
    case "switch":
      return [EVENTS.allToCanary(announcement.mirrored)];
    case "silent":
      return [];
  }
}

/** The position before the primary takes over any traffic. */
const UNSHIFTED = { serving: "as-planned", primaryWeight: 0 } as const;

/** The analysis has passed: begins the promotion. */
export function startPromotion(turn: Turn, status: Analysing, notices: readonly Notice[]): Transition {
  const position = { step: status.step, plan: turn.plan.name, ...UNSHIFTED, skipping: false };
  return copyOrCover(turn, status, position, notices, status.canaryWeight);
}

/**
 * skipAnalysis: the revision is promoted unjudged, as its owner asked; traffic leaves the primary only when it cannot
 * serve.
 */
export function skipToPromotion(turn: Turn, status: Analysing): Transition {
  const position = { step: status.step, ...UNSHIFTED, skipping: true };
  return copyOrCover(turn, status, position, [], 0);
}

type Start = Omit<PositionIn<"Promoting">, "phase" | "hold" | "covering">;

/**
 * Makes the copy at once, or lets the canary cover for the primary first.
 * @param canaryWeight the canary's weight when the copy is made at once
 */
function copyOrCover(
  turn: Turn,
  status: Analysing,
  position: Start,
  notices: readonly Notice[],
  canaryWeight: number,
): Transition {
  if (!mustCover(turn)) {
    const copying = enterPhase(turn, { phase: "Promoting", ...position, hold: NO_WAIT }, { canaryWeight });
    return prependEvents(status.phase, [...notices, EVENTS.copying(turn)], copying);
  }
  const hold = waitUntil(turn.now + drainDelayMs(turn.spec));
  const all = { canaryWeight: TOTAL_WEIGHT };
  const covering = enterPhase(turn, { phase: "Promoting", ...position, hold, covering: "begun" }, all);
  return prependEvents(status.phase, [...notices, EVENTS.covering(turn)], covering);
}

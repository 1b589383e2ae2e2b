/** Progressing and WaitingPromotion: hold a step, judge it at its end, and go one further, wait at a gate, or go back. */
import { type CanaryStatus, dotted, type StatusIn } from "./canary.ts";
import { sameRevision } from "./change.ts";
import { failureOf, isRollbackHook } from "./checks.ts";
import { EVENTS, type Said } from "./events.ts";
import type { Answered } from "./observation.ts";
import { type Announcement, type Step, TOTAL_WEIGHT } from "./plan.ts";
import { analysisProbes } from "./probes.ts";
import { admitRemade } from "./remade.ts";
import { awaitRestart, restart } from "./restart.ts";
import { endReverted } from "./revert.ts";
import { currentStep, nextStepIndex, routesFor } from "./routes.ts";
import {
  type AdvanceInput,
  answersTo,
  become,
  before,
  type Decision,
  enter,
  failCheck,
  heldAnew,
  isAnswered,
  owesPostRollout,
  rollBack,
  stay,
  type Transition,
  waitFor,
} from "./turn.ts";

type Analysing = StatusIn<"Progressing"> | StatusIn<"WaitingPromotion">;

export function analyse(turn: AdvanceInput, status: Analysing): Decision {
  const { spec } = turn;
  const { target, primary } = turn.observation.readings;
  const remade = admitRemade(turn);
  if (remade !== undefined) return remade;
  const settled = endReverted(turn) ?? awaitRestart(turn, status);
  if (settled !== undefined) return settled;
  // Back at the promoted template, but with another configuration: that is to be judged, too, and not only when it is copied.
  if (!sameRevision(status.applied, target.revision)) return restart(turn);
  if (isOfAnotherPlan(turn, status)) return restart(turn, EVENTS.strategyChanged(turn));
  if (!spec.skipAnalysis) {
    if (status.failedChecks >= spec.analysis.threshold) {
      return rollBack(turn, EVENTS.thresholdReached(turn, status.failedChecks));
    }
    if (primary.readiness.kind === "stuck") return losePrimary(turn, status, primary.readiness.detail);
    if (primary.readiness.kind === "progressing") {
      // What pods the primary has serve better than none.
      const unserved = target.available === 0 && primary.available > 0 && isExposed(turn, status);
      if (unserved && target.readiness.kind === "progressing")
        return awaitCanary(turn, status, target.readiness.detail);
      return rerouted(turn, status) ?? waitFor(turn, EVENTS.warning(primary.readiness.detail));
    }
  }
  if (target.readiness.kind === "stuck") return rollBack(turn, EVENTS.deadlineExceeded(target.readiness.detail));
  if (target.scaledDown) return isExposed(turn, status) ? awaitCanary(turn, status, scaledToZero(turn)) : stay(turn);
  if (target.readiness.kind === "progressing") return awaitCanary(turn, status, target.readiness.detail);
  if (spec.skipAnalysis) return skipToPromotion(turn, status);
  if (status.withheld) return giveBack(turn, status);
  return rerouted(turn, status) ?? (turn.now < status.holdUntil ? stay(turn) : judge(turn, status));
}

/** Also in the middle of a hold. */
function rerouted(turn: AdvanceInput, status: Analysing): Transition | undefined {
  return status.step === 0 || status.withheld ? undefined : heldAnew(turn, status);
}

/**
 * The primary breaks in the middle of a run. Taking the release back would leave nobody to serve when it has no pods any more and
 * the canary has: then the canary serves everybody, until the primary can again (advance.ts, `returnToPrimary`).
 */
function losePrimary(turn: AdvanceInput, status: Analysing, detail: string): Transition {
  const { target, primary } = turn.observation.readings;
  const saved = primary.available === 0 && target.available > 0 && isExposed(turn, status);
  if (!saved) return rollBack(turn, EVENTS.deadlineExceeded(detail));
  const failed = enter(
    turn,
    { phase: "Failed", restoring: true, owesPostRollout: owesPostRollout(turn.spec), drainUntil: 0 },
    { failedChecks: 0, iterations: 0, canaryWeight: TOTAL_WEIGHT },
    EVENTS.primaryGone(turn),
  );
  return before(status.phase, [EVENTS.deadlineExceeded(detail)], failed);
}

/** Somebody edited the strategy: what the run has shown so far, it has shown of another one. */
function isOfAnotherPlan({ plan }: AdvanceInput, status: Analysing): boolean {
  return status.step > 0 && status.plan !== undefined && status.plan !== plan.name;
}

/**
 * Nothing of the canary can serve: its share goes to the primary until it can, and that counts as a failed check, or a
 * canary that goes down again and again would get its share back each time, for ever. Else only the analysis waits.
 */
function awaitCanary(turn: AdvanceInput, status: Analysing, detail: string): Transition {
  const { target } = turn.observation.readings;
  if (target.available > 0 || !isExposed(turn, status)) {
    return rerouted(turn, status) ?? waitFor(turn, EVENTS.warning(detail));
  }
  const failedChecks = status.failedChecks + 1;
  if (failedChecks >= turn.spec.analysis.threshold) {
    return rollBack(turn, EVENTS.warning(detail), EVENTS.thresholdReached(turn, failedChecks));
  }
  const said = status.said === detail ? [] : [EVENTS.warning(detail)];
  return become(turn, { ...status, failedChecks, withheld: true, canaryWeight: 0, said: detail }, ...said);
}

function isExposed({ plan }: AdvanceInput, status: Analysing): boolean {
  return (routesFor(plan, status)?.canary ?? 0) > 0;
}

/** Somebody took the canary away in the middle of its run; it is brought up again. */
function scaledToZero({ spec, ref }: AdvanceInput): string {
  const { kind, name } = spec.targetRef;
  return `canary ${kind.toLowerCase()} ${dotted(name, ref)} not ready: it was scaled to zero by somebody else`;
}

/** The canary can serve again: it gets its share back, and the step is held for a full interval. */
function giveBack(turn: AdvanceInput, status: Analysing): Transition {
  const canaryWeight = currentStep(turn.plan, status.step)?.weight ?? 0;
  const holdUntil = turn.now + turn.spec.analysis.intervalMs;
  const { said: _announced, ...rest } = status;
  return become(turn, { ...rest, withheld: false, canaryWeight, holdUntil });
}

/** Asks, then reads the answers in the order in which they were asked; the first that settles the matter ends the turn. */
function judge(turn: AdvanceInput, status: Analysing): Decision {
  const answers = answersTo(turn, analysisProbes(turn.spec, turn.plan, status));
  if (!isAnswered(answers)) return answers;
  const unprepared = status.phase === "Progressing" && status.step === 0 && !status.prepared;
  const said: Said[] = [];
  // A release that is rolled back by hand before anything else is not begun.
  const opening = answers.findIndex(({ probe }) => !isRollbackHook(probe));
  for (const [i, answered] of answers.entries()) {
    if (unprepared && i === opening) said.push(EVENTS.starting(turn));
    const settled = judgeAnswer(turn, status, answered, said);
    if (settled !== undefined) return settled;
  }
  if (unprepared && opening === -1) said.push(EVENTS.starting(turn));
  const next = nextStepIndex(turn.plan, status.step, status.canaryWeight);
  const step = next === undefined ? undefined : turn.plan.steps[next];
  return step === undefined || next === undefined
    ? startPromotion(turn, status, said)
    : enterStep(turn, status, step, next + 1, said);
}

/** @param said what was said so far this turn; an answer that lets the run go on adds to it */
function judgeAnswer(turn: AdvanceInput, status: Analysing, answered: Answered, said: Said[]): Transition | undefined {
  const { probe, answer } = answered;
  const failure = failureOf(answered, turn.ref);
  if (probe.kind !== "hook") {
    if (failure === undefined) return undefined;
    const event = { type: "Warning", message: failure, error: answer.kind === "error" } as const;
    return failCheck(turn, [...said, { event }]);
  }
  const { name, muteAlert } = probe.hook;
  switch (probe.type) {
    case "rollback":
      if (failure === undefined) {
        return rollBack(turn, ...said, EVENTS.rollbackSignaled(name), EVENTS.manualRollback(turn));
      }
      said.push(EVENTS.rollbackNotSignaled(name));
      return undefined;
    case "pre-rollout":
      if (failure !== undefined) return failCheck(turn, [...said, EVENTS.preRolloutFailed(turn, name, failure)]);
      said.push(EVENTS.gatePassed("Pre-rollout", name));
      return undefined;
    case "rollout":
      return failure === undefined
        ? undefined
        : failCheck(turn, [...said, EVENTS.rolloutHookFailed(turn, name, failure)]);
    case "confirm-traffic-increase":
      if (failure !== undefined) {
        return holdAtGate(turn, status, said, EVENTS.increaseRefused(turn, name, muteAlert));
      }
      said.push(EVENTS.gatePassed("Confirm-traffic-increase", name));
      return undefined;
    case "confirm-promotion":
      if (failure !== undefined) return awaitPromotion(turn, status, said, name, muteAlert);
      said.push(EVENTS.gatePassed("Confirm-promotion", name));
      return undefined;
    case "confirm-rollout":
    case "post-rollout":
    case "event":
      return undefined;
  }
}

/** The gate is asked again after an interval, at whose end the step is judged again, too. */
function holdAtGate(turn: AdvanceInput, status: Analysing, said: readonly Said[], refusal: Said): Transition {
  const holdUntil = turn.now + turn.spec.analysis.intervalMs;
  const held: CanaryStatus =
    status.phase === "Progressing" ? { ...status, prepared: true, holdUntil } : { ...status, holdUntil };
  const text = refusal.event?.message;
  if (text === undefined || text === status.said) return become(turn, held, ...said);
  return become(turn, { ...held, said: text }, ...said, refusal);
}

/** The first refusal changes the phase and is said; later ones are silent. */
function awaitPromotion(
  turn: AdvanceInput,
  status: Analysing,
  said: readonly Said[],
  hook: string,
  muted: boolean,
): Transition {
  const holdUntil = turn.now + turn.spec.analysis.intervalMs;
  if (status.phase === "WaitingPromotion") return become(turn, { ...status, holdUntil }, ...said);
  // The wire shows one iteration less while waiting, except for progressive runs, which have none (Q20).
  const iterations = Math.max(0, turn.spec.analysis.iterations - 1);
  const { step, withheld } = status;
  const plan = turn.plan.name;
  const waiting = enter(turn, { phase: "WaitingPromotion", step, plan, withheld, holdUntil }, { iterations });
  return before(status.phase, [...said, EVENTS.promotionRefused(turn, hook, muted)], waiting);
}

function enterStep(
  turn: AdvanceInput,
  status: Analysing,
  step: Step,
  index: number,
  said: readonly Said[],
): Transition {
  const holdUntil = turn.now + turn.spec.analysis.intervalMs;
  const position = { step: index, plan: turn.plan.name, holdUntil, withheld: false };
  const warnings = status.step === 0 ? turn.plan.warnings.map(EVENTS.warning) : [];
  const entered = enter(
    turn,
    status.phase === "WaitingPromotion"
      ? { phase: "WaitingPromotion", ...position }
      : { phase: "Progressing", prepared: true, ...position },
    { canaryWeight: step.weight, iterations: step.iterations },
    ...announcements(turn, step.announcement),
  );
  return before(status.phase, [...said, ...warnings], entered);
}

function announcements(turn: AdvanceInput, announcement: Announcement): Said[] {
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

function startPromotion(turn: AdvanceInput, status: Analysing, said: readonly Said[]): Transition {
  const promoting = enter(turn, {
    phase: "Promoting",
    step: status.step,
    plan: turn.plan.name,
    holdUntil: 0,
    withheld: false,
    primaryWeight: 0,
    skipping: false,
  });
  return before(status.phase, [...said, EVENTS.copying(turn)], promoting);
}

/** skipAnalysis: the revision is promoted unjudged, as its owner asked; traffic never leaves the primary. */
function skipToPromotion(turn: AdvanceInput, status: Analysing): Transition {
  const promoting = enter(
    turn,
    { phase: "Promoting", step: status.step, holdUntil: 0, withheld: false, primaryWeight: 0, skipping: true },
    { canaryWeight: 0 },
  );
  return before(status.phase, [EVENTS.copying(turn)], promoting);
}

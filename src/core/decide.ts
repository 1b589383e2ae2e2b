/**
 * The decision. READ THIS FIRST, then the phase that you need in phases/.
 *
 *   the first time   Initializing -> Initialized
 *   a release        (Waiting ->) Progressing -> (WaitingPromotion ->) Promoting -> Finalising -> Succeeded
 *   a rollback       Progressing, WaitingPromotion, Promoting or Finalising -> Failed
 *   the deletion     any phase -> Terminating, with `revertOnDeletion`
 *
 * `decide` is pure: it reads nothing but its input, and has no effects. It returns either the questions that must be
 * answered first, or the next status. The driver (take-turn.ts) asks and decides again. The shell saves the status that
 * results, makes the cluster match it (desired.ts) and passes the events to the listeners.
 */
import { act } from "./people/act.ts";
import { withoutOverriddenFreeze } from "./people/override.ts";
import { isRunning, rulesOf, TRANSITIONS } from "./phases/table.ts";
import { terminate } from "./phases/terminating.ts";
import { routesFor } from "./routes.ts";
import { leaveFormerNames, namesOf } from "./run/names.ts";
import { ofItsRun } from "./run/run.ts";
import type { CanaryStatus, Names } from "./status/canary.ts";
import { conditionsFor, wasRefused } from "./status/conditions.ts";
import { EVENTS } from "./texts/events.ts";
import { withoutFarTimes } from "./turn/clock-set-back.ts";
import { cookiesFor } from "./turn/cookies.ts";
import {
  announcementOf,
  type Decision,
  type DecisionInput,
  enterPhase,
  isAsk,
  prependEvents,
  type Transition,
  type Turn,
  update,
  waitFor,
} from "./turn/turn.ts";

/**
 * @returns the questions that must be answered first, or the transition. A transition carries the very status that went
 *   in when nothing changed: then there is nothing to save.
 * @throws Error when the answers that go in do not answer the questions
 */
export function decide(input: DecisionInput): Decision {
  const present = asItCountsNow(input);
  const canaryShare = routesFor(input.plan, present.status)?.canary ?? 0;
  const decision = decideInAnyPhase({ ...present, canaryShare });
  if (isAsk(decision)) return decision;
  return completed(input, announceOffSplit(input, announceWarning(input, decision)));
}

/** The input without what has been delivered, has ended or was overridden since the status was written. */
function asItCountsNow(input: DecisionInput): DecisionInput {
  const ended = withoutEndedPause(withoutEndedSuspension(withoutDeliveredAlerts(input)));
  return withoutFarTimes(withoutOverriddenFreeze(ended));
}

/** Adds to a new status what follows from it in every phase: the run, the plan, the names, cookies and conditions. */
function completed(input: DecisionInput, decided: Transition): Transition {
  if (decided.status === input.status && !wasRefused(input.status)) return decided;
  assertArrow(input.status, decided.status);
  const status = ofItsRun(input, withoutRestart(decided.status));
  const conditions = conditionsFor(status, input.spec.targetRef.kind, input.now, decided.cause);
  const cookies = cookiesFor(input, status);
  const added = { ...planOf(status, input), ...namesFor(status, input), cookies, conditions, writtenAt: input.now };
  return { ...decided, status: { ...status, ...added } };
}

/** Announces a warning when it differs from the one before, and forgets the warning when it is over. */
function announceWarning({ status: before, observation }: DecisionInput, decided: Transition): Transition {
  const { warning } = observation.readings;
  if (warning === undefined && before.warned === undefined) return decided;
  const { warned: _before, ...rest } = decided.status;
  if (warning === undefined) return { ...decided, status: rest };
  const status = { ...rest, warned: warning };
  if (warning === before.warned) return decided.status === before ? decided : { ...decided, status };
  return prependEvents(before.phase, [EVENTS.warned(warning)], { ...decided, status });
}

/** Announces once in a run that the requests are not split as promised. Nothing else changes. */
function announceOffSplit(input: DecisionInput, decided: Transition): Transition {
  const { offSplit } = input.observation.readings;
  if (offSplit === undefined || input.status.offSplit !== undefined) return decided;
  const status = { ...decided.status, offSplit };
  return prependEvents(input.status.phase, [EVENTS.offSplit(input, offSplit)], { ...decided, status });
}

/** The record of a run's restarts ends with the run. */
function withoutRestart(status: CanaryStatus): CanaryStatus {
  if (status.restarted === undefined || isRunning(status.phase)) return status;
  const { restarted: _over, ...rest } = status;
  return rest;
}

/**
 * A run whose plan was pruned from the status is assumed to follow the present plan. The plan is recorded, so a later
 * edit is seen.
 */
function planOf(status: CanaryStatus, { plan }: DecisionInput): { readonly plan?: string } {
  const forgot = "step" in status && status.step > 0 && status.plan === undefined && plan.name !== "";
  return forgot ? { plan: plan.name } : {};
}

/** As soon as Aviary owns the routes, the status records the names in the spec. */
function namesFor(status: CanaryStatus, { spec, plan }: DecisionInput): { readonly names?: Names } {
  return status.names === undefined && routesFor(plan, status) !== undefined ? { names: namesOf(spec) } : {};
}

/** Alerts stay owed until their delivery is known, so that a crash repeats them rather than loses them. */
function withoutDeliveredAlerts(input: DecisionInput): DecisionInput {
  if (input.alertsDelivered === 0 || input.status.owedAlerts.length === 0) return input;
  const owedAlerts = input.status.owedAlerts.slice(input.alertsDelivered);
  return { ...input, status: { ...input.status, owedAlerts } };
}

/** Forgets the announced suspension once `spec.suspend` is false, so that the next suspension is announced. */
function withoutEndedSuspension(input: DecisionInput): DecisionInput {
  if (input.status.announced?.reason !== "Suspended" || input.spec.suspend) return input;
  const { announced: _over, ...status } = input.status;
  return { ...input, status };
}

/** A pause with a duration ends by itself. */
function withoutEndedPause(input: DecisionInput): DecisionInput {
  const { until } = input.status.paused ?? {};
  if (until === undefined || until > input.now) return input;
  const { paused: _over, ...status } = input.status;
  return { ...input, status };
}

function decideInAnyPhase(turn: Turn): Decision {
  const { status, spec, observation } = turn;
  if (turn.deleting) return terminate(turn, isRunning(status.phase));
  if (spec.suspend) return waitFor(turn, EVENTS.suspended());
  if (status.phase === "") return enterPhase(turn, { phase: "Initializing", stage: "copying" });
  const left = leaveFormerNames(turn);
  if (left !== undefined) return left;
  const { problem, gone } = observation.readings;
  if (problem === undefined) return act(turn, (acted) => rulesOf(acted.status.phase).decide(acted, acted.status));
  return gone === true ? awaitTarget(turn, problem) : waitFor(turn, EVENTS.targetProblem(problem));
}

/** A deleted target has no pods: their share of the traffic goes to the primary until the target is back. */
function awaitTarget(turn: Turn, problem: string): Transition {
  const { status } = turn;
  const notice = EVENTS.targetProblem(problem);
  if (turn.canaryShare === 0) return waitFor(turn, notice);
  const without = { canaryWeight: 0, announced: announcementOf(notice) };
  if ("serving" in status) return update({ ...status, ...without, serving: "primary-alone" }, notice);
  return update({ ...status, ...without }, notice);
}

function assertArrow(from: CanaryStatus, to: CanaryStatus): void {
  if (from.phase === to.phase || TRANSITIONS[from.phase].includes(to.phase)) return;
  throw new Error(`a rollout cannot go from "${from.phase}" to "${to.phase}": see the arrows in core/phases`);
}

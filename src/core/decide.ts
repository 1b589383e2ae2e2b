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
import { act } from "./act.ts";
import type { CanaryStatus, Names } from "./canary.ts";
import { withinReach } from "./clock-set-back.ts";
import { conditionsFor, wasRefused } from "./conditions.ts";
import { cookiesFor } from "./cookies.ts";
import { EVENTS } from "./events.ts";
import { leaveFormerNames, namesOf } from "./names.ts";
import { overridden } from "./override.ts";
import { isRunning, rulesOf, TRANSITIONS } from "./phases/table.ts";
import { terminate } from "./phases/terminating.ts";
import { routesFor } from "./routes.ts";
import { ofRun } from "./run.ts";
import {
  type AdvanceInput,
  announcementOf,
  type Decision,
  enterPhase,
  isAsk,
  prependEvents,
  type Transition,
  type Turn,
  update,
  waitFor,
} from "./turn.ts";

/**
 * @returns the questions that must be answered first, or the transition. A transition carries the very status that went
 *   in when nothing changed: then there is nothing to save.
 * @throws Error when the answers that go in do not answer the questions
 */
export function decide(input: AdvanceInput): Decision {
  const ready = withinReach(overridden(unpaused(resumed(settleAlerts(input)))));
  const canaryShare = routesFor(input.plan, ready.status)?.canary ?? 0;
  const decision = noteSplit(input, warnOnce(input, decideAnyPhase({ ...ready, canaryShare })));
  if (isAsk(decision)) return decision;
  if (decision.status === input.status && !wasRefused(input.status)) return decision;
  assertArrow(input.status, decision.status);
  const status = ofRun(input, withoutRestart(decision.status));
  const conditions = conditionsFor(status, input.spec.targetRef.kind, input.now, decision.cause);
  const cookies = cookiesFor(input, status);
  const noted = { ...planOf(status, input), ...namesNoted(status, input), cookies, conditions, writtenAt: input.now };
  return { ...decision, status: { ...status, ...noted } };
}

/** Announces a warning when it differs from the one before, and forgets the warning when it is over. */
function warnOnce({ status: before, observation }: AdvanceInput, decision: Decision): Decision {
  if (isAsk(decision)) return decision;
  const { warning } = observation.readings;
  if (warning === undefined && before.warned === undefined) return decision;
  const { warned: _before, ...rest } = decision.status;
  if (warning === undefined) return { ...decision, status: rest };
  const status = { ...rest, warned: warning };
  if (warning === before.warned) return decision.status === before ? decision : { ...decision, status };
  return prependEvents(before.phase, [EVENTS.warned(warning)], { ...decision, status });
}

/** Announces once in a run that the requests are not split as promised. Nothing else changes. */
function noteSplit(input: AdvanceInput, decision: Decision): Decision {
  const { offSplit } = input.observation.readings;
  if (isAsk(decision) || offSplit === undefined || input.status.offSplit !== undefined) return decision;
  const status = { ...decision.status, offSplit };
  return prependEvents(input.status.phase, [EVENTS.offSplit(input, offSplit)], { ...decision, status });
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
function planOf(status: CanaryStatus, { plan }: AdvanceInput): { readonly plan?: string } {
  const forgot = "step" in status && status.step > 0 && status.plan === undefined && plan.name !== "";
  return forgot ? { plan: plan.name } : {};
}

/** As soon as Aviary owns the routes, the status records the names in the spec. */
function namesNoted(status: CanaryStatus, { spec, plan }: AdvanceInput): { readonly names?: Names } {
  return status.names === undefined && routesFor(plan, status) !== undefined ? { names: namesOf(spec) } : {};
}

/** Alerts stay owed until their delivery is known, so that a crash repeats them rather than loses them. */
function settleAlerts(input: AdvanceInput): AdvanceInput {
  if (input.alertsDelivered === 0 || input.status.owedAlerts.length === 0) return input;
  const owedAlerts = input.status.owedAlerts.slice(input.alertsDelivered);
  return { ...input, status: { ...input.status, owedAlerts } };
}

/** Forgets the announced suspension once `spec.suspend` is false, so that the next suspension is announced. */
function resumed(input: AdvanceInput): AdvanceInput {
  if (input.status.announced?.reason !== "Suspended" || input.spec.suspend) return input;
  const { announced: _over, ...status } = input.status;
  return { ...input, status };
}

function decideAnyPhase(turn: Turn): Decision {
  const { status, spec, observation } = turn;
  if (turn.deleting) return terminate(turn);
  if (spec.suspend) return waitFor(turn, EVENTS.suspended());
  if (status.phase === "") return enterPhase(turn, { phase: "Initializing", stage: "copying" });
  const left = leaveFormerNames(turn);
  if (left !== undefined) return left;
  const { problem, gone } = observation.readings;
  if (problem === undefined) return act(turn, (acted) => rulesOf(acted.status.phase).decide(acted, acted.status));
  return gone === true ? awaitTarget(turn, problem) : waitFor(turn, EVENTS.targetProblem(problem));
}

/** A pause with a duration ends after it. */
function unpaused(input: AdvanceInput): AdvanceInput {
  const { until } = input.status.paused ?? {};
  if (until === undefined || until > input.now) return input;
  const { paused: _over, ...status } = input.status;
  return { ...input, status };
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

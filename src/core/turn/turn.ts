/** One turn of one Canary: its input, its output, and the functions with which every phase builds its transitions. */

import { type Action, type ActionAnswer, type Freeze, steeringOf } from "../people/steering.ts";
import type { OnStep, Phase, Position, Wait } from "../phases/positions.ts";
import type { Plan } from "../plan/plan.ts";
import type { Cause, End, Failure, Place } from "../run/cause.ts";
import { NO_RECOVERY } from "../run/recovery.ts";
import { drainOf, patienceOf } from "../spec/interval.ts";
import type { CanaryRef, CanarySpec } from "../spec/spec.ts";
import type { Alert, CanaryStatus, Revision, StatusCore } from "../status/canary.ts";
import { MOST_OWED } from "../status/owed-alerts.ts";
import { EVENTS, type Notice, type RolloutEvent } from "../texts/events.ts";
import { settles } from "./checks.ts";
import type { Answered, Observation, Probe } from "./observation.ts";
import { countedFromRoutes, endOf, isOver, NO_WAIT, startOf, waitUntil } from "./waits.ts";

/** The input of a decision. */
export interface DecisionInput {
  readonly ref: CanaryRef;
  readonly uid: string;
  readonly spec: CanarySpec;
  readonly plan: Plan;
  readonly status: CanaryStatus;
  readonly observation: Observation;
  /** How many of the owed alerts, from the oldest on, have been delivered since. */
  readonly alertsDelivered: number;
  /** The deletion was requested, and the Canary has Aviary's finalizer. */
  readonly deleting: boolean;
  /** Actions of people on this Canary that are not answered yet, oldest first; none when absent. */
  readonly actions?: readonly Action[];
  /** What keeps a run from beginning; absent: nothing does. */
  readonly freeze?: Freeze;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What the phases decide with. */
export interface Turn extends DecisionInput {
  /** Percent of the traffic that the status promises to the canary. */
  readonly canaryShare: number;
}

/** The decision needs answers from outside the caches. The driver gets them, in order, and decides again. */
export interface Ask {
  readonly kind: "ask";
  readonly probes: readonly Probe[];
}

/** The status of a run that stands on a step. */
export type StatusOnStep = Extract<CanaryStatus, OnStep>;

/** The outcome of a decision: the next status, and what is announced. */
export interface Transition {
  readonly status: CanaryStatus;
  /** Why a run ended in this turn; absent when none did. */
  readonly cause?: Cause;
  /** Outcomes of the actions that this turn looked at. */
  readonly answered?: readonly ActionAnswer[];
  /** In the order in which they were given. */
  readonly events: readonly RolloutEvent[];
  /**
   * When the same readings lead to another decision, in addition to the times in the status. Milliseconds since the
   * epoch.
   */
  readonly lookAgainAt?: number;
}

/** Either the questions that must be answered first, or the transition. */
export type Decision = Ask | Transition;

/** Whether answers are needed first. */
export function isAsk(decision: Decision): decision is Ask {
  return "kind" in decision;
}

/**
 * The answers to the questions of this decision. An unanswered question never passes: without answers the decision is
 * to ask, and answers that do not cover the questions up to the first that settles the matter are refused.
 * @returns the answers, one for each question up to the first that settles the matter; or the decision to ask
 * @throws Error when the answers are answers to other questions, or too few
 */
export function answersTo(turn: DecisionInput, probes: readonly Probe[]): readonly Answered[] | Ask {
  const { answers } = turn.observation;
  if (probes.length === 0) return [];
  if (answers.length === 0) return { kind: "ask", probes };
  for (const [i, probe] of probes.entries()) {
    const answered = answers[i];
    if (answered === undefined || !isSameQuestion(probe, answered.probe)) {
      const got = answered === undefined ? "no answer" : `an answer to "${nameOf(answered.probe)}"`;
      throw new Error(`cannot decide about ${turn.ref.name}: "${nameOf(probe)}" was asked, and there is ${got}`);
    }
    if (settles(answered, turn.ref)) return answers.slice(0, i + 1);
  }
  return answers.slice(0, probes.length);
}

/** Whether the answers are there. */
export function isAnswered(answers: readonly Answered[] | Ask): answers is readonly Answered[] {
  return !("kind" in answers);
}

/** The window of a metric is no part of the question: it may be cut to the time since a shift, and time goes on. */
function isSameQuestion(a: Probe, b: Probe): boolean {
  return nameOf(a) === nameOf(b);
}

function nameOf(probe: Probe): string {
  switch (probe.kind) {
    case "hook":
      return `hook ${probe.type} ${probe.hook.name}`;
    case "metric":
      return `metric ${probe.metric.name} by ${probe.source} of the ${probe.of}`;
    case "metric-servers":
      return "metric servers";
  }
}

/** Changes to the part of the status that every phase carries. */
export type Changes = Partial<Omit<StatusCore, "phaseSince" | "writtenAt" | "owedAlerts">>;

/** How long a workload that lost its traffic is kept, in milliseconds. */
export function drainDelayMs(spec: CanarySpec): number {
  return drainOf(spec.analysis.intervalMs);
}

/** Nothing changes; notices may still be given. */
export function unchanged(turn: DecisionInput, ...notices: readonly Notice[]): Transition {
  return update(turn.status, ...notices);
}

/** Waits, and announces the wait when its text or reason changed. */
export function waitFor(turn: DecisionInput, notice: Notice, changes: Changes = {}): Transition {
  if (isAnnounced(turn.status, notice)) {
    return Object.keys(changes).length === 0 ? unchanged(turn) : updateCommon(turn, changes);
  }
  return updateCommon(turn, { ...changes, announced: announcementOf(notice) }, notice);
}

/**
 * Waits for a workload to become ready, and announces the wait only when it lasts (ADR 0019): every rollout waits for
 * pods for a moment. The beginning of the wait is not stored. It is taken to be that of the phase, or of the step that
 * is held.
 */
export function waitForReadiness(turn: DecisionInput, notice: Notice): Transition {
  const { status, spec, now } = turn;
  const heldSince = "hold" in status ? startOf(status.hold, spec.analysis.intervalMs) : 0;
  const since = Math.max(status.phaseSince, heldSince);
  const lastsAt = since + patienceOf(spec);
  // A beginning in the future was written by an operator whose clock was ahead.
  return since <= now && now < lastsAt ? { ...unchanged(turn), lookAgainAt: lastsAt } : waitFor(turn, notice);
}

/** Whether this notice is the wait that was announced last. */
export function isAnnounced({ announced }: StatusCore, { event }: Notice): boolean {
  if (announced === undefined || announced.message !== event.message) return false;
  return announced.reason === event.reason || announced.reason === "Unknown";
}

/** The notice as the status stores it. */
export function announcementOf({ event }: Notice): NonNullable<StatusCore["announced"]> {
  const { reason, message, gate } = event;
  return { reason, message, ...(gate === undefined ? {} : { gate }) };
}

/** Stays in the phase with changes to the common part. */
export function updateCommon(turn: DecisionInput, changes: Changes, ...notices: readonly Notice[]): Transition {
  return update({ ...turn.status, ...changes }, ...notices);
}

/** Moves to a position. A wait that was announced is over. */
export function enterPhase(
  turn: DecisionInput,
  position: Position,
  changes: Changes = {},
  ...notices: readonly Notice[]
): Transition {
  const { failedChecks, canaryWeight, iterations, promotedSpec, conditions, writtenAt, applied, cookies, owedAlerts } =
    turn.status;
  const { names } = turn.status;
  // A new revision gets the full deadline of a rollout, also when it comes in the middle of one.
  const stays = position.phase === turn.status.phase && changes.applied === undefined;
  const core: StatusCore = {
    failedChecks,
    canaryWeight,
    iterations,
    promotedSpec,
    conditions,
    writtenAt,
    cookies,
    owedAlerts,
    ...(applied === undefined ? {} : { applied }),
    ...(names === undefined ? {} : { names }),
    ...steeringOf(turn.status),
    ...changes,
    phaseSince: stays ? turn.status.phaseSince : turn.now,
  };
  return update({ ...core, ...position }, ...notices);
}

/** Goes on with this status, which then owes the alerts of the notices. The events carry the phase of the status. */
export function update(status: CanaryStatus, ...notices: readonly Notice[]): Transition {
  return { status: withAlerts(status, notices), events: eventsOf(status.phase, notices) };
}

/** The part of a wait that may be lost to slow writes. */
const FORGIVEN = 1 / 20;

/**
 * The stored end of a wait for routes counts from the decision. When the writes after the decision were slow, the wait
 * ends only when the routes have been in force for `ms`.
 * @returns undefined when the wait is over
 */
export function keepWaiting(turn: DecisionInput, wait: Wait, ms: number): Transition | undefined {
  if (!isOver(wait, turn.now)) return unchanged(turn);
  const { routesSince } = turn.observation.readings;
  // The clock may have been set back since.
  if (wait.kind === "none" || routesSince === undefined || routesSince > turn.now) return undefined;
  const lookAgainAt = routesSince + ms * (1 - FORGIVEN);
  return turn.now < lookAgainAt ? { ...unchanged(turn), lookAgainAt } : undefined;
}

/**
 * Metrics measured while the cluster's routes differed are discarded. Announces the difference once, and restarts the
 * hold when the routes are in force.
 * @returns undefined when the routes are in force, and were so when the hold was stored
 */
export function restartHold<S extends StatusOnStep>(
  turn: DecisionInput,
  status: S,
  changes: Partial<S> = {},
): Transition | undefined {
  const { intervalMs } = turn.spec.analysis;
  const { routesInForce, routesLate } = turn.observation.readings;
  const counted = countedFromRoutes(status.hold, intervalMs, routesInForce, turn.now);
  // An interval that was edited to a shorter one counts at once.
  const isTooLong = (endOf(counted) ?? 0) > turn.now + intervalMs;
  const hold = routesInForce && isTooLong ? waitUntil(turn.now + intervalMs) : counted;
  if (hold === status.hold) return routesInForce ? undefined : unchanged(turn);
  const notices = routesInForce || routesLate === true ? [] : [EVENTS.routesRestored(turn)];
  return update({ ...status, ...changes, hold }, ...notices);
}

/** Puts events before those of the transition. @param phase the one that the transition leaves; the events carry it */
export function prependEvents(phase: Phase, notices: readonly Notice[], transition: Transition): Transition {
  return {
    ...transition,
    status: withAlerts(transition.status, notices),
    events: [...eventsOf(phase, notices), ...transition.events],
  };
}

function eventsOf(phase: Phase, notices: readonly Notice[]): RolloutEvent[] {
  return notices.map(({ event }) => ({ ...event, phase }));
}

function withAlerts(status: CanaryStatus, notices: readonly Notice[]): CanaryStatus {
  const alerts: Alert[] = notices.flatMap(({ alert }) => (alert === undefined ? [] : [alert]));
  return alerts.length === 0
    ? status
    : { ...status, owedAlerts: [...status.owedAlerts, ...alerts].slice(0, MOST_OWED) };
}

/** The fields of a run that starts over. */
export function resetCounters(revision: Revision): Changes {
  return { failedChecks: 0, canaryWeight: 0, iterations: 0, applied: revision };
}

/** The run ends by this transition, and the status remembers why. */
export function endRun(turn: Turn, end: End, transition: Transition): Transition {
  const cause = { ...explained(end, turn.observation.readings.trouble), ...placeOf(turn) };
  return { ...transition, cause, status: { ...transition.status, cause } };
}

/** Pods that did not become ready in time: the cause names what kept the pods from starting. */
function explained(end: End, trouble: string | undefined): End {
  if (trouble === undefined || (end.kind !== "deadline" && end.kind !== "primary-not-ready")) return end;
  return { ...end, detail: `${end.detail}; ${trouble}` };
}

/** Where the run stands. */
export function placeOf({ status, plan, canaryShare }: Turn): Place {
  return { step: "step" in status ? status.step : 0, steps: plan.steps.length, weight: canaryShare };
}

/** How long the canary is kept when its run ends: until every proxy knows that it has lost its traffic. */
export function canaryDrain({ status, spec, canaryShare, now }: Turn): Wait {
  const delayMs = drainDelayMs(spec);
  // A run that starts over lost its traffic a moment ago.
  const hasServed = canaryShare > 0 || now < status.phaseSince + delayMs;
  return hasServed ? waitUntil(now + delayMs) : NO_WAIT;
}

/** Rolls back: all traffic goes to the primary, and the canary goes once every proxy knows the routes. */
export function rollBack(turn: Turn, end: End, ...notices: readonly Notice[]): Transition {
  const failed = enterPhase(
    turn,
    {
      phase: "Failed",
      recovery: NO_RECOVERY,
      drain: canaryDrain(turn),
      owesPostRollout: owesPostRollout(turn.spec),
    },
    resetCounters(turn.observation.readings.target.revision),
    EVENTS.failed(turn),
  );
  return endRun(turn, end, prependEvents(turn.status.phase, notices, failed));
}

/**
 * The failed check that reaches the threshold rolls back at once.
 * @param failedChecks with this one
 * @returns undefined when the run may go on
 */
export function rollBackAtThreshold(
  turn: Turn,
  failedChecks: number,
  failure: Failure,
  notices: readonly Notice[] = [],
): Transition | undefined {
  if (failedChecks < turn.spec.analysis.threshold) return undefined;
  const end = { kind: "threshold", failedChecks, failure } as const;
  return rollBack(turn, end, ...notices, EVENTS.thresholdReached(turn, failedChecks));
}

/** Counts one more failed check, and holds the step for another interval or rolls back. */
export function failCheck(turn: Turn, status: StatusOnStep, failure: Failure, notices: readonly Notice[]): Transition {
  const failedChecks = status.failedChecks + 1;
  const rolledBack = rollBackAtThreshold(turn, failedChecks, failure, notices);
  if (rolledBack !== undefined) return rolledBack;
  return update({ ...status, failedChecks, hold: waitUntil(turn.now + turn.spec.analysis.intervalMs) }, ...notices);
}

/** Whether the end of a run calls post-rollout hooks. */
export function owesPostRollout(spec: CanarySpec): boolean {
  return spec.analysis.webhooks.some(({ type }) => type === "post-rollout");
}

/** One turn of one canary: what goes in, what comes out, and the few moves that every phase is written with. */
import type {
  Alert,
  CanaryRef,
  CanarySpec,
  CanaryStatus,
  OnStep,
  Phase,
  Position,
  Revision,
  StatusCore,
} from "./canary.ts";
import { isRunning } from "./canary.ts";
import { settles } from "./checks.ts";
import { EVENTS, type RolloutEvent, type Said } from "./events.ts";
import { lettersFrom } from "./identity.ts";
import { drainOf } from "./interval.ts";
import type { Answered, Observation, Probe } from "./observation.ts";
import type { Plan } from "./plan.ts";
import { routesFor } from "./routes.ts";

export interface AdvanceInput {
  readonly ref: CanaryRef;
  readonly uid: string;
  readonly spec: CanarySpec;
  readonly plan: Plan;
  readonly status: CanaryStatus;
  readonly observation: Observation;
  /** How many of the owed alerts, from the oldest on, have been delivered since. */
  readonly alertsDelivered: number;
  /** Deletion was asked for and the finalizer is ours to serve. */
  readonly deleting: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The decision needs answers from outside the caches. The driver gets them, in order, and decides again. */
export interface Ask {
  readonly kind: "ask";
  readonly probes: readonly Probe[];
}

export type Decision = Ask | Transition;

export function isAsk(decision: Decision): decision is Ask {
  return "kind" in decision;
}

/**
 * The answers to the questions of this decision. An unanswered question never passes: without answers the decision is to
 * ask, and answers that do not cover the questions up to the first that settles the matter are refused.
 * @returns the answers, one for each question up to the first that settles the matter; or the decision to ask
 * @throws Error when the answers are answers to other questions, or too few
 */
export function answersTo(turn: AdvanceInput, probes: readonly Probe[]): readonly Answered[] | Ask {
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

export interface Transition {
  readonly status: CanaryStatus;
  /** In the order in which they were said. */
  readonly events: readonly RolloutEvent[];
}

/** Changes to the part of the status that every phase carries. */
export type Changes = Partial<Omit<StatusCore, "phaseSince" | "writtenAt" | "owedAlerts">>;

/** How long a workload that lost its traffic is kept, in milliseconds. */
export function drainMs(spec: CanarySpec): number {
  return drainOf(spec.analysis.intervalMs);
}

/** Nothing changes; `said` may still be said. */
export function stay(turn: AdvanceInput, ...said: readonly Said[]): Transition {
  return { status: withAlerts(turn.status, said), events: eventsOf(turn.status.phase, said) };
}

/** Waits for something, and says so when it is something new. */
export function waitFor(turn: AdvanceInput, said: Said, changes: Changes = {}): Transition {
  const text = said.event?.message;
  if (text === turn.status.said) return Object.keys(changes).length === 0 ? stay(turn) : amend(turn, changes);
  return amend(turn, { ...changes, ...(text === undefined ? {} : { said: text }) }, said);
}

/** Stays in the phase with changes to the common part. */
export function amend(turn: AdvanceInput, changes: Changes, ...said: readonly Said[]): Transition {
  const status = { ...turn.status, ...changes };
  return { status: withAlerts(status, said), events: eventsOf(status.phase, said) };
}

/** Moves to a position. A wait that was announced is over; cookies follow the traffic. */
export function enter(
  turn: AdvanceInput,
  position: Position,
  changes: Changes = {},
  ...said: readonly Said[]
): Transition {
  const { failedChecks, canaryWeight, iterations, promotedSpec, conditions, writtenAt, applied, cookies, owedAlerts } =
    turn.status;
  const { restarted } = turn.status;
  // Another revision has all the time that a rollout has, also when it comes in the middle of one.
  const goesOn = position.phase === turn.status.phase && changes.applied === undefined;
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
    ...(restarted === undefined || !isRunning(position.phase) ? {} : { restarted }),
    ...changes,
    phaseSince: goesOn ? turn.status.phaseSince : turn.now,
  };
  const entered = { ...core, ...position } as CanaryStatus;
  const status = { ...entered, cookies: changes.cookies ?? cookiesFor(turn, entered) };
  return { status: withAlerts(status, said), events: eventsOf(status.phase, said) };
}

/** The same phase, elsewhere in it. */
export function become(turn: AdvanceInput, status: CanaryStatus, ...said: readonly Said[]): Transition {
  return {
    status: withAlerts({ ...status, cookies: cookiesFor(turn, status) }, said),
    events: eventsOf(status.phase, said),
  };
}

/**
 * What was measured under other routes proves nothing: that they are not as promised is said, and the hold of the step counts
 * from when they are in force again.
 * @returns undefined when they are, and have been
 */
export function heldAnew(turn: AdvanceInput, status: CanaryStatus & OnStep, changes = {}): Transition | undefined {
  const { intervalMs } = turn.spec.analysis;
  const { routesInForce } = turn.observation.readings;
  const end = endOfWait(status.holdUntil, intervalMs, turn);
  // An interval that was edited to a shorter one counts at once.
  const holdUntil = routesInForce ? Math.min(end, turn.now + intervalMs) : end;
  if (holdUntil === status.holdUntil) return routesInForce ? undefined : stay(turn);
  const said = routesInForce ? [] : [EVENTS.routesRestored(turn)];
  return become(turn, { ...status, ...changes, holdUntil } as CanaryStatus, ...said);
}

/**
 * The end of a wait that lasts `ms` from when the routes are in force, and no less than was promised before. As long as they are
 * not, it is far away: an end that moved on at every turn would be written at every turn.
 */
export function endOfWait(until: number, ms: number, { now, observation }: AdvanceInput): number {
  const isFar = until > now + FAR_MS / 2;
  if (observation.readings.routesInForce) return isFar ? Math.max(until - FAR_MS, now + ms) : until;
  return isFar ? until : Math.max(until, now) + FAR_MS;
}

/** A century. */
const FAR_MS = 3_155_760_000_000;

/** Said before the transition, in the phase that it leaves. */
export function before(phase: Phase, said: readonly Said[], transition: Transition): Transition {
  return {
    status: withAlerts(transition.status, said),
    events: [...eventsOf(phase, said), ...transition.events],
  };
}

function eventsOf(phase: Phase, said: readonly Said[]): RolloutEvent[] {
  return said.flatMap(({ event }) => (event === undefined ? [] : [{ ...event, phase }]));
}

function withAlerts(status: CanaryStatus, said: readonly Said[]): CanaryStatus {
  const alerts: Alert[] = said.flatMap(({ alert }) => (alert === undefined ? [] : [alert]));
  return alerts.length === 0 ? status : { ...status, owedAlerts: [...status.owedAlerts, ...alerts] };
}

/** The fields of a run that starts over. */
export function zeroed(revision: Revision): Changes {
  return { failedChecks: 0, canaryWeight: 0, iterations: 0, applied: revision };
}

/**
 * Session cookies: made when the canary first gets traffic, retired when it loses it. The primary's cookie is never
 * rotated (Q88) and only made when it has a name (R18).
 */
function cookiesFor(turn: AdvanceInput, next: CanaryStatus): StatusCore["cookies"] {
  const affinity = turn.spec.analysis.sessionAffinity;
  const { cookies } = turn.status;
  if (affinity === undefined) return cookies;
  // By the routes, not by the recorded weight: blue/green and A/B runs record none.
  if ((routesFor(turn.plan, next)?.canary ?? 0) === 0) {
    return cookies.canary === "" ? cookies : { ...cookies, previous: cookies.canary, canary: "" };
  }
  const make = (name: string): string =>
    `${name}=${lettersFrom(`${turn.uid} ${name} ${next.applied?.spec} ${turn.now}`, 10)}`;
  return {
    previous: cookies.previous,
    canary: cookies.canary === "" ? make(affinity.cookieName) : cookies.canary,
    primary:
      cookies.primary === "" && affinity.primaryCookieName !== undefined
        ? make(affinity.primaryCookieName)
        : cookies.primary,
  };
}

/** Takes the release back: all traffic to the primary, the canary away once the routes are known everywhere. */
export function rollBack(turn: AdvanceInput, ...said: readonly Said[]): Transition {
  const { phaseSince } = turn.status;
  // A restart takes the traffic away, too: it may have been a moment ago.
  const served = (routesFor(turn.plan, turn.status)?.canary ?? 0) > 0 || turn.now < phaseSince + drainMs(turn.spec);
  const failed = enter(
    turn,
    {
      phase: "Failed",
      restoring: false,
      drainUntil: served ? turn.now + drainMs(turn.spec) : 0,
      owesPostRollout: owesPostRollout(turn.spec),
    },
    zeroed(turn.observation.readings.target.revision),
    EVENTS.failed(turn),
  );
  return before(turn.status.phase, said, failed);
}

/** One more failed check; the one that reaches the threshold takes the release back at once. */
export function failCheck(turn: AdvanceInput, said: readonly Said[]): Transition {
  const failedChecks = turn.status.failedChecks + 1;
  if (failedChecks >= turn.spec.analysis.threshold) {
    return rollBack(turn, ...said, EVENTS.thresholdReached(turn, failedChecks));
  }
  const { status } = turn;
  if (!("holdUntil" in status)) return amend(turn, { failedChecks }, ...said);
  return become(turn, { ...status, failedChecks, holdUntil: turn.now + turn.spec.analysis.intervalMs }, ...said);
}

export function owesPostRollout(spec: CanarySpec): boolean {
  return spec.analysis.webhooks.some(({ type }) => type === "post-rollout");
}

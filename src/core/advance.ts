/**
 * The decision. READ THIS FIRST: one function per phase, each from what is known to what comes next.
 *
 *   Initializing -> Initialized -> (Waiting ->) Progressing -> (WaitingPromotion ->) Promoting -> Finalising -> Succeeded
 *                                                    `------------------ Failed <-------'
 *
 * `decide` is pure: it looks at nothing but its input and does nothing. It says either what must be asked first, or what comes
 * next. The driver (take-turn.ts) asks and decides again. The shell saves the status that results, makes the cluster match it
 * (desired.ts) and passes the events to the listeners.
 */
import { analyse } from "./analysis.ts";
import { type CanaryStatus, type Revision, type StatusIn, TRANSITIONS } from "./canary.ts";
import { isNamedOtherwise, revisionChanged, sameRevision } from "./change.ts";
import { failureOf } from "./checks.ts";
import { conditionsFor } from "./conditions.ts";
import { EVENTS } from "./events.ts";
import { promotionId } from "./identity.ts";
import type { Answered, Probe } from "./observation.ts";
import { hookProbes } from "./probes.ts";
import { finalise, promote } from "./promotion.ts";
import { admitRemade } from "./remade.ts";
import { endWaiting } from "./revert.ts";
import { isDeserted, routesFor } from "./routes.ts";
import {
  type AdvanceInput,
  amend,
  answersTo,
  become,
  before,
  type Decision,
  drainMs,
  endOfWait,
  enter,
  isAnswered,
  isAsk,
  rollBack,
  stay,
  type Transition,
  waitFor,
  zeroed,
} from "./turn.ts";

export type { AdvanceInput, Transition } from "./turn.ts";

/**
 * @returns the questions that must be answered first, or the transition. A transition carries the very status that went in when
 *   nothing changed: then there is nothing to save.
 * @throws Error when the answers that go in do not answer the questions
 */
export function decide(input: AdvanceInput): Decision {
  const decision = decideByPhase(resumed(settleAlerts(input)));
  if (isAsk(decision)) return decision;
  const { status, events } = decision;
  if (status === input.status) return { status, events };
  assertArrow(input.status, status);
  const conditions = conditionsFor(status, input.spec.targetRef.kind, input.now);
  return { status: { ...status, ...planOf(status, input), conditions, writtenAt: input.now }, events };
}

/** A run whose plan was forgotten is believed to go by the present one, and noted as such: an edit that comes later is seen. */
function planOf(status: CanaryStatus, { plan }: AdvanceInput): { readonly plan?: string } {
  const forgot = "step" in status && status.step > 0 && status.plan === undefined && plan.name !== "";
  return forgot ? { plan: plan.name } : {};
}

/** Alerts stay owed until their delivery is known, so that a crash repeats them rather than loses them. */
function settleAlerts(input: AdvanceInput): AdvanceInput {
  if (input.alertsDelivered === 0 || input.status.owedAlerts.length === 0) return input;
  const owedAlerts = input.status.owedAlerts.slice(input.alertsDelivered);
  return { ...input, status: { ...input.status, owedAlerts } };
}

/** Who is suspended again is told again. */
function resumed(input: AdvanceInput): AdvanceInput {
  const wasSuspended = input.status.said === EVENTS.suspended().event?.message;
  return wasSuspended && !input.spec.suspend ? { ...input, status: quiet(input.status) } : input;
}

/** What was waited for is there: if it goes once more, that is news. */
function quiet({ said: _over, ...status }: CanaryStatus): CanaryStatus {
  return status;
}

function decideByPhase(turn: AdvanceInput): Decision {
  const { status, spec, observation } = turn;
  if (turn.deleting) return terminate(turn);
  if (spec.suspend) return waitFor(turn, EVENTS.suspended());
  if (status.phase === "") return enter(turn, { phase: "Initializing", renew: false });
  const { problem, gone } = observation.readings;
  if (problem !== undefined) return gone === true ? awaitTarget(turn, problem) : waitFor(turn, EVENTS.warning(problem));
  switch (status.phase) {
    case "Initializing":
      return initialize(turn);
    case "Initialized":
    case "Succeeded":
    case "Failed":
      return idleOrDraining(turn, status);
    case "Waiting":
      return (
        admitRemade(turn) ?? endWaiting(turn) ?? (status.holdUntil > turn.now ? stay(turn) : beginWhenAllowed(turn))
      );
    case "Progressing":
    case "WaitingPromotion":
      return analyse(turn, status);
    case "Promoting":
      return promote(turn, status);
    case "Finalising":
      return finalise(turn, status);
    case "Terminating":
    case "Terminated":
      return stay(turn);
  }
}

/** With the target its pods are gone: what traffic they had goes to the primary until somebody brings it back. */
function awaitTarget(turn: AdvanceInput, problem: string): Transition {
  const { status, plan } = turn;
  if ((routesFor(plan, status)?.canary ?? 0) === 0) return waitFor(turn, EVENTS.warning(problem));
  const withheld = "withheld" in status ? { withheld: true } : {};
  return become(turn, { ...status, ...withheld, canaryWeight: 0, said: problem }, EVENTS.warning(problem));
}

/** The primary copy is made; the first traffic goes to it only when it is ready. */
function initialize(turn: AdvanceInput): Decision {
  const { target, primary, routesInForce } = turn.observation.readings;
  const { status } = turn;
  if (status.phase === "Initializing" && status.switching === true) {
    return routesInForce ? initialized(turn, status.applied ?? target.revision) : stay(turn);
  }
  const answers = answersTo(turn, metricServerProbes(turn));
  if (!isAnswered(answers)) return answers;
  const said = metricServersSaid(turn, answers);
  // Unjudged or not, traffic only goes where somebody can answer.
  const served = turn.spec.skipAnalysis ? primary.available > 0 : primary.readiness.kind === "ready";
  if (!served && primary.readiness.kind === "stuck") {
    // The target keeps serving: nothing has been switched yet, so nothing is scaled down (Q19).
    const failed = { phase: "Failed", restoring: false, drainUntil: 0, owesPostRollout: false } as const;
    const cause = EVENTS.deadlineExceeded(primary.readiness.detail);
    return before("Initializing", [...said, cause], enter(turn, failed, zeroed(target.revision)));
  }
  if (!primary.exists) return stay(turn, ...said);
  if (!isMadeOfTarget(turn)) return renewPrimary(turn, said);
  if (!served && primary.readiness.kind === "progressing") {
    return before("Initializing", said, waitFor(turn, EVENTS.warning(primary.readiness.detail)));
  }
  return before("Initializing", said, switchToPrimary(turn));
}

/** Kinds that have no copy say nothing about it. */
function isMadeOfTarget({ uid, observation }: AdvanceInput): boolean {
  const { primary, target } = observation.readings;
  return primary.promotionId === undefined || primary.promotionId === promotionId(uid, target.revision);
}

/**
 * The target was changed after the primary was made of it. No traffic was switched yet, so the primary follows; recording
 * the one as promoted while the primary runs the other would lose the change.
 */
function renewPrimary(turn: AdvanceInput, said: ReturnType<typeof metricServersSaid>): Transition {
  const { status, observation } = turn;
  const { revision } = observation.readings.target;
  const renewing = status.phase === "Initializing" && status.renew && sameRevision(status.applied, revision);
  if (renewing) return stay(turn, ...said);
  return before("Initializing", said, enter(turn, { phase: "Initializing", renew: true }, zeroed(revision)));
}

/** Who waits for `Initialized` may ask at once: it is said when apex Service and routes lead to the primary. */
function switchToPrimary(turn: AdvanceInput): Transition {
  const { target, routesInForce } = turn.observation.readings;
  if (routesInForce) return initialized(turn, target.revision);
  return enter(turn, { phase: "Initializing", renew: false, switching: true }, zeroed(target.revision));
}

/** @param revision what the primary was made of, whatever the target holds by now */
function initialized(turn: AdvanceInput, revision: Revision): Transition {
  return enter(
    turn,
    { phase: "Initialized", drainUntil: turn.now + drainMs(turn.spec) },
    { ...zeroed(revision), promotedSpec: revision.spec },
    EVENTS.initialized(turn),
  );
}

/** Asked once: afterwards the wait for the primary has been announced. */
function metricServerProbes({ status, spec }: AdvanceInput): readonly Probe[] {
  const isAsked = status.said === undefined && !spec.skipAnalysis && spec.analysis.metrics.length > 0;
  return isAsked ? [{ kind: "metric-servers" }] : [];
}

function metricServersSaid(turn: AdvanceInput, answers: readonly Answered[]) {
  return answers.map((answered) => {
    const failure = failureOf(answered, turn.ref);
    return failure === undefined ? EVENTS.metricsAvailable() : EVENTS.metricsUnavailable(failure);
  });
}

type Idle = StatusIn<"Initialized"> | StatusIn<"Succeeded"> | StatusIn<"Failed">;

/**
 * Routes that are written late, after a crash for example: the time counts from when they are in force. That comes before all
 * else, for whatever this turn does, it writes them. A target that is down already has nothing to lose.
 */
function idleOrDraining(turn: AdvanceInput, status: Idle): Decision {
  if (status.drainUntil === 0 || turn.observation.readings.target.scaledDown) return idle(turn, status);
  const drainUntil = endOfWait(status.drainUntil, drainMs(turn.spec), turn);
  if (drainUntil === status.drainUntil) return idle(turn, status);
  const drained: Idle = { ...status, drainUntil };
  return idle({ ...turn, status: drained }, drained);
}

/** Between two runs: pay what is owed, let the old workload drain, and look out for the next revision. */
function idle(turn: AdvanceInput, status: Idle): Decision {
  const { target, primary } = turn.observation.readings;
  // After a failed promotion the canary is gone, too: what pods the primary has serve better than none.
  if (isDeserted(status, turn.observation.readings)) return become(turn, { ...status, canaryWeight: 0 });
  if ("owesPostRollout" in status && status.owesPostRollout) return payPostRollout(turn, status);
  if (status.phase === "Failed" && status.promotedSpec === "") return retryBootstrap(turn);
  if (status.phase === "Failed" && status.restoring) return returnToPrimary(turn);
  const remade = admitRemade(turn);
  if (remade !== undefined) return remade;
  if (isNamedOtherwise(status, turn.observation.readings)) return adopt(turn);
  if (revisionChanged(status, target.revision)) return beginWhenAllowed(turn);
  if (status.drainUntil > 0 && !target.scaledDown && turn.now >= status.drainUntil) {
    return become(turn, { ...status, drainUntil: 0 });
  }
  // Taken back by hand after a failure: remember it, so that applying the failed revision again counts as a change (Q24).
  if (status.phase === "Failed" && !sameRevision(status.applied, target.revision)) {
    return amend(turn, { applied: target.revision });
  }
  const primaryTrouble = primary.readiness.kind === "stuck" ? primary.readiness.detail : undefined;
  if (primaryTrouble !== undefined) return waitFor(turn, EVENTS.warning(primaryTrouble));
  return status.said === undefined ? stay(turn) : become(turn, quiet(status));
}

/** Our names for what is there. The configs' checksums are everybody's: a change of them still counts. */
function adopt(turn: AdvanceInput): Transition {
  const { spec } = turn.observation.readings.target.revision;
  return amend(turn, { applied: { ...turn.status.applied, spec }, promotedSpec: spec, foreign: false });
}

/** The hooks were asked, whatever they answered: they cannot change the outcome any more. */
function payPostRollout(turn: AdvanceInput, status: StatusIn<"Succeeded"> | StatusIn<"Failed">): Decision {
  const answers = answersTo(turn, hookProbes(turn.spec, "post-rollout", status.phase));
  if (!isAnswered(answers)) return answers;
  const said = answers.map((answered) => {
    const hook = answered.probe.kind === "hook" ? answered.probe.hook.name : "";
    const failure = failureOf(answered, turn.ref);
    return failure === undefined ? EVENTS.postRolloutPassed(hook) : EVENTS.postRolloutFailed(hook, failure);
  });
  const paid = become(turn, { ...status, owesPostRollout: false });
  // Event webhooks are told the phase that failed (Q36).
  if (status.phase === "Failed") return before(status.restoring ? "Promoting" : "Progressing", said, paid);
  if (status.reverted === true) return before("Succeeded", said, paid);
  const promoted = status.skipped ? EVENTS.promotedUnjudged(turn) : EVENTS.promoted(turn);
  return before("Succeeded", [...said, promoted], paid);
}

/** The very first primary never came up. Try again when it has, or when the target has been changed since. */
function retryBootstrap(turn: AdvanceInput): Transition {
  const { target, primary } = turn.observation.readings;
  if (primary.exists && primary.readiness.kind === "ready" && isMadeOfTarget(turn)) return switchToPrimary(turn);
  if (sameRevision(turn.status.applied, target.revision)) return stay(turn);
  return enter(turn, { phase: "Initializing", renew: true }, zeroed(target.revision));
}

/** After a failed promotion the canary serves everything until the primary can again. */
function returnToPrimary(turn: AdvanceInput): Transition {
  const { primary } = turn.observation.readings;
  if (primary.readiness.kind !== "ready" || primary.available === 0) {
    if (isLost(turn)) return startOver(turn);
    return primary.readiness.kind === "ready" ? stay(turn) : waitFor(turn, EVENTS.warning(primary.readiness.detail));
  }
  // A crash came before the restoration: ready it is, but with what failed.
  if (carriesFailed(turn) && primary.restorable !== false) return stay(turn);
  const drainUntil = turn.now + drainMs(turn.spec);
  return enter(
    turn,
    { phase: "Failed", restoring: false, drainUntil, owesPostRollout: false },
    { canaryWeight: 0 },
    EVENTS.primaryRestored(turn),
  );
}

/** The primary was deleted before it got its last promoted revision back, and with it what it kept of that. */
function isLost(turn: AdvanceInput): boolean {
  const { restorable, available } = turn.observation.readings.primary;
  return carriesFailed(turn) && restorable === false && available === 0;
}

function carriesFailed({ uid, status, observation }: AdvanceInput): boolean {
  return status.applied !== undefined && observation.readings.primary.promotionId === promotionId(uid, status.applied);
}

/** As if never initialised: the target serves as it does now, and the next revision makes a primary of its own. */
function startOver(turn: AdvanceInput): Transition {
  return enter(
    turn,
    { phase: "Failed", restoring: false, drainUntil: 0, owesPostRollout: false },
    { promotedSpec: "" },
    EVENTS.primaryLost(turn),
  );
}

/** A revision is waiting. It begins when the primary is sound and everybody who is asked agrees. */
function beginWhenAllowed(turn: AdvanceInput): Decision {
  const { primary, target } = turn.observation.readings;
  if (!turn.spec.skipAnalysis && primary.readiness.kind === "stuck") {
    return turn.status.phase === "Failed"
      ? waitFor(turn, EVENTS.warning(primary.readiness.detail))
      : rollBack(turn, EVENTS.deadlineExceeded(primary.readiness.detail));
  }
  if (!turn.spec.skipAnalysis && primary.readiness.kind === "progressing") {
    return waitFor(turn, EVENTS.warning(primary.readiness.detail));
  }
  const answers = answersTo(turn, hookProbes(turn.spec, "confirm-rollout", turn.status.phase));
  if (!isAnswered(answers)) return answers;
  const passed = [];
  for (const answered of answers) {
    if (answered.probe.kind !== "hook") continue;
    const { name, muteAlert } = answered.probe.hook;
    if (failureOf(answered, turn.ref) !== undefined) return awaitApproval(turn, name, muteAlert);
    passed.push(EVENTS.gatePassed("Confirm-rollout", name));
  }
  const begun = enter(
    turn,
    { phase: "Progressing", step: 0, holdUntil: 0, withheld: false, prepared: false },
    zeroed(target.revision),
    EVENTS.newRevision(turn),
  );
  return before(turn.status.phase, passed, begun);
}

/** Said once, on the way in; while waiting the gate is asked again every interval, silently. */
function awaitApproval(turn: AdvanceInput, hook: string, muted: boolean): Transition {
  const waiting = { phase: "Waiting", holdUntil: turn.now + turn.spec.analysis.intervalMs } as const;
  const said = turn.status.phase === "Waiting" ? [] : [EVENTS.rolloutRefused(turn, hook, muted)];
  return before(turn.status.phase, said, enter(turn, waiting, { canaryWeight: 0, iterations: 0 }));
}

/** Deletion with revertOnDeletion: first the target serves by itself again, then routes and Services are given back. */
function terminate(turn: AdvanceInput): Transition {
  const { status } = turn;
  if (status.phase !== "Terminating") {
    const terminating = { phase: "Terminating", released: false } as const;
    const entered = enter(turn, terminating, { canaryWeight: 0, iterations: 0 });
    return before(status.phase, [EVENTS.terminating(turn)], entered);
  }
  const { target, problem } = turn.observation.readings;
  // A target that is gone has nothing to be given back to: let the Canary go.
  const serving = problem !== undefined || (target.readiness.kind === "ready" && !target.scaledDown);
  if (!serving && target.readiness.kind !== "ready") return waitFor(turn, EVENTS.warning(target.readiness.detail));
  return serving && !status.released ? enter(turn, { phase: "Terminating", released: true }) : stay(turn);
}

function assertArrow(from: CanaryStatus, to: CanaryStatus): void {
  if (from.phase === to.phase || TRANSITIONS[from.phase].includes(to.phase)) return;
  throw new Error(`a rollout cannot go from "${from.phase}" to "${to.phase}": see TRANSITIONS in core/canary.ts`);
}

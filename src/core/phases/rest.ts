/**
 * Initialized, Succeeded, Failed: between two runs. Call the post-rollout hooks that are owed, let the old workload
 * drain, and wait for the next revision.
 */

import { hasForeignHash, revisionChanged, sameRevision } from "../run/change.ts";
import { isRecovering, NO_RECOVERY } from "../run/recovery.ts";
import { recordRecreatedPrimary } from "../run/recreated-primary.ts";
import { canaryLacksPods } from "../run/stand-in.ts";
import type { CanaryStatus, StatusIn } from "../status/canary.ts";
import { EVENTS } from "../texts/events.ts";
import { failureOf } from "../turn/checks.ts";
import type { Probe } from "../turn/observation.ts";
import { hookProbes, isApprovedGate } from "../turn/probes.ts";
import {
  announcementOf,
  answersTo,
  type Decision,
  drainDelayMs,
  enterPhase,
  isAnswered,
  isAsk,
  keepWaiting,
  prependEvents,
  resetCounters,
  rollBack,
  type Transition,
  type Turn,
  unchanged,
  update,
  updateCommon,
  waitFor,
  waitForReadiness,
} from "../turn/turn.ts";
import { countedFromRoutes, NO_WAIT, waitUntil } from "../turn/waits.ts";
import { isMadeOfTarget, switchToPrimary } from "./initializing.ts";
import { promotionToRestore } from "./promoted-primary.ts";

type Idle = StatusIn<"Initialized"> | StatusIn<"Succeeded"> | StatusIn<"Failed">;

/**
 * The drain counts from when the routes are in force. The routes may be written late, after a crash for example. So the
 * drain is looked at before anything else: this turn writes the routes. A target that is scaled down already needs no
 * drain.
 */
export function decideAtRest(turn: Turn, status: Idle): Decision {
  const { target, routesInForce } = turn.observation.readings;
  if (status.drain.kind === "none" || target.scaledDown) return idle(turn, status);
  const drain = countedFromRoutes(status.drain, drainDelayMs(turn.spec), routesInForce, turn.now);
  const draining: Idle = drain === status.drain ? status : { ...status, drain };
  const decision = idle({ ...turn, status: draining }, draining);
  const lookAgainAt = keepWaiting(turn, drain, drainDelayMs(turn.spec))?.lookAgainAt;
  return isAsk(decision) || lookAgainAt === undefined ? decision : { lookAgainAt, ...decision };
}

function isDrained(turn: Turn, { drain }: Idle): boolean {
  return drain.kind !== "none" && keepWaiting(turn, drain, drainDelayMs(turn.spec)) === undefined;
}

function idle(turn: Turn, status: Idle): Decision {
  const { target, primary } = turn.observation.readings;
  // After a failed promotion the canary has no pods either: the few pods of the primary serve better than none.
  if (hasLostCanary(turn, status)) return update({ ...status, canaryWeight: 0 });
  if (isRecovering(status) && isDrained(turn, status)) return update({ ...status, drain: NO_WAIT });
  if ("owesPostRollout" in status && status.owesPostRollout) return callPostRollout(turn, status);
  if (status.phase === "Failed" && status.promotedSpec === "") return retryBootstrap(turn);
  if (isRecovering(status)) return returnToPrimary(turn);
  const recreated = recordRecreatedPrimary(turn, false);
  if (recreated !== undefined) return recreated;
  if (hasForeignHash(status, turn.observation.readings)) return adoptHashes(turn);
  if (revisionChanged(status, target.revision)) return beginWhenAllowed(turn);
  if (!target.scaledDown && isDrained(turn, status)) return update({ ...status, drain: NO_WAIT });
  // Rolled back by hand after a failure: remember it, so that applying the failed revision again counts as a change
  // (Q24).
  if (status.phase === "Failed" && !sameRevision(status.applied, target.revision)) {
    return updateCommon(turn, { applied: target.revision });
  }
  const primaryTrouble = primary.readiness.kind === "stuck" ? primary.readiness.detail : undefined;
  if (primaryTrouble !== undefined) return waitFor(turn, EVENTS.primaryNotReady(primaryTrouble));
  return status.announced === undefined ? unchanged(turn) : update(withoutAnnouncement(status));
}

/** The canary lost its pods while it had traffic, and the primary has some. */
function hasLostCanary({ observation }: Turn, { phase, canaryWeight }: Idle): boolean {
  return phase === "Failed" && canaryWeight > 0 && canaryLacksPods(observation.readings);
}

/** The wait is over. When the same wait begins again, it is announced again. */
function withoutAnnouncement({ announced: _over, ...status }: CanaryStatus): CanaryStatus {
  return status;
}

/**
 * Records Aviary's hash of the target. Checksums of configs are equal in every release of Flagger, so a change of them
 * counts.
 */
function adoptHashes(turn: Turn): Transition {
  const { spec } = turn.observation.readings.target.revision;
  return updateCommon(turn, { applied: { ...turn.status.applied, spec }, promotedSpec: spec, foreign: false });
}

/** The hooks were called. Their answers do not matter, because the outcome is settled. */
function callPostRollout(turn: Turn, status: StatusIn<"Succeeded"> | StatusIn<"Failed">): Decision {
  const answers = answersTo(turn, hookProbes(turn.spec, "post-rollout", status.phase));
  if (!isAnswered(answers)) return answers;
  const notices = answers.map((answered) => {
    const hook = answered.probe.kind === "hook" ? answered.probe.hook.name : "";
    const failure = failureOf(answered, turn.ref);
    return failure === undefined ? EVENTS.postRolloutPassed(hook) : EVENTS.postRolloutFailed(hook, failure);
  });
  const paid = update({ ...status, owesPostRollout: false });
  // Event webhooks get the phase that failed (Q36).
  if (status.phase === "Failed")
    return prependEvents(isRecovering(status) ? "Promoting" : "Progressing", notices, paid);
  if (status.outcome === "reverted") return prependEvents("Succeeded", notices, paid);
  const promoted = status.outcome === "unjudged" ? EVENTS.promotedUnjudged(turn) : EVENTS.promoted(turn);
  return prependEvents("Succeeded", [...notices, promoted], paid);
}

/** The very first primary never came up. Try again when it has, or when the target has been changed since. */
function retryBootstrap(turn: Turn): Transition {
  const { target, primary } = turn.observation.readings;
  if (primary.exists && primary.readiness.kind === "ready" && isMadeOfTarget(turn)) return switchToPrimary(turn);
  if (sameRevision(turn.status.applied, target.revision)) return unchanged(turn);
  return enterPhase(turn, { phase: "Initializing", stage: "renewing" }, resetCounters(target.revision));
}

/** After a failed promotion the canary serves all users until the primary can serve them again. */
function returnToPrimary(turn: Turn): Transition {
  const { primary } = turn.observation.readings;
  if (primary.readiness.kind !== "ready" || primary.available === 0) {
    if (isLost(turn)) return countAsUninitialised(turn);
    if (primary.readiness.kind === "ready") return waitFor(turn, EVENTS.primaryIdle(turn));
    const notice = EVENTS.primaryNotReady(primary.readiness.detail);
    return primary.readiness.kind === "stuck" ? waitFor(turn, notice) : waitForReadiness(turn, notice);
  }
  // The operator died before the restoration: the primary is ready, but still runs the failed revision.
  if (carriesFailed(turn) && primary.restorable !== false) return unchanged(turn);
  const drain = waitUntil(turn.now + drainDelayMs(turn.spec));
  return enterPhase(
    turn,
    { phase: "Failed", recovery: NO_RECOVERY, drain, owesPostRollout: false },
    { canaryWeight: 0 },
    EVENTS.primaryRestored(turn),
  );
}

/**
 * The primary was deleted before it got its last promoted revision back, and its record of that revision went with it.
 */
function isLost(turn: Turn): boolean {
  const { restorable, available } = turn.observation.readings.primary;
  return carriesFailed(turn) && restorable === false && available === 0;
}

function carriesFailed({ uid, status, observation }: Turn): boolean {
  const failed = promotionToRestore(status, uid);
  return failed !== undefined && observation.readings.primary.promotionId === failed;
}

/**
 * The Canary counts as never initialised: the target serves as it does now, and a primary is made of the next revision.
 */
function countAsUninitialised(turn: Turn): Transition {
  return enterPhase(
    turn,
    { phase: "Failed", recovery: NO_RECOVERY, drain: NO_WAIT, owesPostRollout: false },
    { promotedSpec: "" },
    EVENTS.primaryLost(turn),
  );
}

/** A revision is waiting. Its run begins when the primary is ready and every gate agrees. */
export function beginWhenAllowed(turn: Turn): Decision {
  const { primary, target } = turn.observation.readings;
  if (!turn.spec.skipAnalysis && primary.readiness.kind === "stuck") {
    return turn.status.phase === "Failed"
      ? waitFor(turn, EVENTS.primaryNotReady(primary.readiness.detail))
      : rollBack(
          turn,
          { kind: "deadline", of: "primary", detail: primary.readiness.detail },
          EVENTS.deadlineExceeded(primary.readiness.detail),
        );
  }
  if (!turn.spec.skipAnalysis && primary.readiness.kind === "progressing") {
    return waitForReadiness(turn, EVENTS.primaryNotReady(primary.readiness.detail));
  }
  if (turn.freeze !== undefined) return waitFor(turn, EVENTS.frozen(turn.freeze));
  if (turn.status.paused !== undefined) return unchanged(turn);
  const gates = hookProbes(turn.spec, "confirm-rollout", turn.status.phase);
  const isApproved = (probe: Probe) =>
    probe.kind === "hook" && isApprovedGate(turn.status, "confirm-rollout", probe.hook.name);
  const answers = answersTo(
    turn,
    gates.filter((probe) => !isApproved(probe)),
  );
  if (!isAnswered(answers)) return answers;
  const passed = [];
  for (const answered of answers) {
    if (answered.probe.kind !== "hook") continue;
    const { name, muteAlert } = answered.probe.hook;
    if (failureOf(answered, turn.ref) !== undefined) return awaitApproval(turn, name, muteAlert);
    passed.push(EVENTS.gatePassed("Confirm-rollout", name));
  }
  const begun = enterPhase(
    turn,
    { phase: "Progressing", step: 0, hold: NO_WAIT, serving: "as-planned", stage: "preparing" },
    resetCounters(target.revision),
    EVENTS.newRevision(turn),
  );
  return prependEvents(turn.status.phase, passed, begun);
}

/** The wait is announced once, when it begins. Then the gate is asked again every interval, without an announcement. */
function awaitApproval(turn: Turn, hook: string, muted: boolean): Transition {
  const waiting = { phase: "Waiting", hold: waitUntil(turn.now + turn.spec.analysis.intervalMs) } as const;
  const refusal = EVENTS.rolloutRefused(turn, hook, muted);
  const notices = turn.status.phase === "Waiting" ? [] : [refusal];
  const changes = { canaryWeight: 0, iterations: 0, announced: announcementOf(refusal) };
  return prependEvents(turn.status.phase, notices, enterPhase(turn, waiting, changes));
}

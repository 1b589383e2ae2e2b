/** The primary copy is made; the first traffic goes to it only when it is ready. */

import { ALL_TO_PRIMARY } from "../plan/steps.ts";
import { sameRevision } from "../run/change.ts";
import { NO_RECOVERY } from "../run/recovery.ts";
import type { Revision } from "../status/canary.ts";
import type { WireMemory } from "../status/wire.ts";
import { EVENTS, type Notice } from "../texts/events.ts";
import { failureOf } from "../turn/checks.ts";
import { promotionId } from "../turn/identity.ts";
import type { Answered, Probe } from "../turn/observation.ts";
import {
  announcementOf,
  answersTo,
  type Decision,
  drainDelayMs,
  enterPhase,
  isAnswered,
  prependEvents,
  resetCounters,
  type Transition,
  type Turn,
  unchanged,
  updateCommon,
  waitForReadiness,
} from "../turn/turn.ts";
import { NO_WAIT, waitUntil } from "../turn/waits.ts";
import { type PhaseRules, PRESENT } from "./phase.ts";
import type { InitializingStage } from "./positions.ts";
import { promotedPrimary } from "./promoted-primary.ts";

export const initializing: PhaseRules<"Initializing"> = {
  name: "Initializing",
  arrows: ["Initialized", "Failed", "Terminating"],
  running: false,
  decide: (turn, { stage }) => initialize(turn, stage),
  routes: (_plan, { stage }) => (stage === "switching" ? ALL_TO_PRIMARY : undefined),
  desired: (status, uid) => ({
    target: "as-is",
    primary: status.stage === "renewing" ? promotedPrimary(status, uid) : PRESENT,
  }),
  condition: (kind) => ({ status: "Unknown", message: `New ${kind} detected, starting initialization.` }),
  memory: {
    read: (memory) => ({ phase: "Initializing", stage: stageOf(memory) }),
    write: ({ stage }) => ({ renew: stage === "renewing", ...(stage === "switching" ? { switching: true } : {}) }),
  },
};

function stageOf(memory: WireMemory | undefined): InitializingStage {
  if (memory?.switching === true) return "switching";
  return memory?.renew === true ? "renewing" : "copying";
}

function initialize(turn: Turn, stage: InitializingStage): Decision {
  const { target, primary, routesInForce } = turn.observation.readings;
  if (stage === "switching") {
    return routesInForce ? enterInitialized(turn, turn.status.applied ?? target.revision) : unchanged(turn);
  }
  const answers = answersTo(turn, metricServerProbes(turn));
  if (!isAnswered(answers)) return answers;
  const notices = metricServerNotices(turn, answers);
  // Unjudged or not, traffic only goes to pods that can answer.
  const isReady = primary.readiness.kind === "ready";
  const answering = turn.spec.skipAnalysis ? primary.available > 0 : isReady;
  // Where all pods are replaced at once, the available pods may be old ones that are about to be deleted.
  const served = primary.gap === true ? isReady : answering;
  if (!served && primary.readiness.kind === "stuck") {
    // The target keeps serving: nothing has been switched yet, so nothing is scaled down (Q19).
    const position = { phase: "Failed", recovery: NO_RECOVERY, drain: NO_WAIT, owesPostRollout: false } as const;
    const cause = EVENTS.deadlineExceeded(primary.readiness.detail);
    return prependEvents(
      "Initializing",
      [...notices, cause],
      enterPhase(turn, position, resetCounters(target.revision)),
    );
  }
  if (!primary.exists) return unchanged(turn, ...notices);
  if (!isMadeOfTarget(turn)) return renewPrimary(turn, stage, notices);
  if (!served && primary.readiness.kind === "progressing") {
    return awaitPrimary(turn, notices, primary.readiness.detail);
  }
  return prependEvents("Initializing", notices, switchToPrimary(turn));
}

/** The answer of the metric servers is stored as the announced wait, so that they are asked once. */
function awaitPrimary(turn: Turn, notices: readonly Notice[], detail: string): Transition {
  const waiting = waitForReadiness(turn, EVENTS.primaryNotReady(detail));
  const servers = notices.at(-1);
  if (servers === undefined) return waiting;
  return { ...waiting, ...updateCommon(turn, { announced: announcementOf(servers) }, ...notices) };
}

/** Asked once: afterwards a wait has been announced. */
function metricServerProbes({ status, spec }: Turn): readonly Probe[] {
  const isAsked = status.announced === undefined && !spec.skipAnalysis && spec.analysis.metrics.length > 0;
  return isAsked ? [{ kind: "metric-servers" }] : [];
}

function metricServerNotices(turn: Turn, answers: readonly Answered[]): readonly Notice[] {
  return answers.map((answered) => {
    const failure = failureOf(answered, turn.ref);
    return failure === undefined ? EVENTS.metricsAvailable() : EVENTS.metricsUnavailable(failure);
  });
}

/**
 * Whether the primary is a copy of the target's present revision. Kinds without a copy report no promotion, and count
 * as copied.
 */
export function isMadeOfTarget({ uid, observation }: Turn): boolean {
  const { primary, target } = observation.readings;
  return primary.promotionId === undefined || primary.promotionId === promotionId(uid, target.revision);
}

/**
 * The target was changed after the primary was made of it. No traffic was switched yet, so the primary follows. To
 * record one revision as promoted while the primary runs another would lose the change.
 */
function renewPrimary(turn: Turn, stage: InitializingStage, notices: readonly Notice[]): Transition {
  const { revision } = turn.observation.readings.target;
  const isRenewing = stage === "renewing" && sameRevision(turn.status.applied, revision);
  if (isRenewing) return unchanged(turn, ...notices);
  const renewing = enterPhase(turn, { phase: "Initializing", stage: "renewing" }, resetCounters(revision));
  return prependEvents("Initializing", notices, renewing);
}

/**
 * `Initialized` is a promise that requests succeed, so it is entered when apex Service and routes lead to the primary.
 */
export function switchToPrimary(turn: Turn): Transition {
  const { target, routesInForce } = turn.observation.readings;
  if (routesInForce) return enterInitialized(turn, target.revision);
  return enterPhase(turn, { phase: "Initializing", stage: "switching" }, resetCounters(target.revision));
}

/** @param revision what the primary was made of; the target may hold another revision now */
function enterInitialized(turn: Turn, revision: Revision): Transition {
  return enterPhase(
    turn,
    { phase: "Initialized", drain: waitUntil(turn.now + drainDelayMs(turn.spec)) },
    { ...resetCounters(revision), promotedSpec: revision.spec },
    EVENTS.initialized(turn),
  );
}

/**
 * The canary stands in for a primary that has lost all of its pods in the middle of a run: otherwise the primary's
 * share of the requests would fail, although the canary is ready. Only a canary that has users already stands in; any
 * other is not approved for them. The step does not count meanwhile. A primary that stays away for longer than its
 * deadline ends the run (analysis.ts, `losePrimary`). So does one that goes away more often than `analysis.threshold`:
 * else a primary that crashes again and again would hold its step for ever.
 */

import { currentStep, stepRoutes } from "../plan/steps.ts";
import type { Analysing } from "../status/canary.ts";
import { EVENTS, type Notice } from "../texts/events.ts";
import type { PrimaryReading, Readings } from "../turn/observation.ts";
import { announcementOf, type Transition, type Turn, unchanged, update } from "../turn/turn.ts";
import { waitUntil } from "../turn/waits.ts";

/** @returns undefined when the primary serves its users, or when the canary cannot serve them either */
export function standIn(turn: Turn, status: Analysing): Transition | undefined {
  if (status.serving === "canary-alone") {
    return lacksPods(turn.observation.readings.primary) ? unchanged(turn) : endStandIn(turn, status);
  }
  if (!hasJustLostPrimary(turn, status)) return undefined;
  const notice = primaryGone(turn);
  const outages = (status.outages ?? 0) + 1;
  return update({ ...status, serving: "canary-alone", outages, announced: announcementOf(notice) }, notice);
}

/** The primary goes away once more than the run allows. */
export function hasTooManyOutages(turn: Turn, status: Analysing): boolean {
  return (status.outages ?? 0) >= turn.spec.analysis.threshold && hasJustLostPrimary(turn, status);
}

/** The primary lost its pods just now, and the canary has pods and users. */
function hasJustLostPrimary(turn: Turn, status: Analysing): boolean {
  const { target, primary } = turn.observation.readings;
  const isNews = status.serving === "as-planned" && lacksPods(primary);
  return isNews && target.available > 0 && isDivided(turn, status);
}

/**
 * Users need pods, and none can serve. A primary that a person scaled to zero is not ready; one that has no work, so
 * that its autoscaler took its pods, is.
 */
export function lacksPods({ available, readiness }: PrimaryReading): boolean {
  return available === 0 && readiness.kind !== "ready";
}

/** No pod of the canary can serve, and the primary has some: the few pods of the primary serve better than none. */
export function canaryLacksPods({ target, primary }: Readings): boolean {
  return target.available === 0 && primary.available > 0;
}

/** The Warning says what the primary lacks: for pods that nothing starts, people would wait without end. */
export function primaryGone(turn: Turn): Notice {
  const { readiness } = turn.observation.readings.primary;
  return EVENTS.primaryGone(turn, readiness.kind === "ready" ? undefined : readiness.detail);
}

/** Some users are on the canary, and some are on the primary: of an A/B test, those who do not match. */
function isDivided({ canaryShare, plan, spec }: Turn, { step, canaryWeight }: Analysing): boolean {
  if (canaryShare === 0) return false;
  return spec.analysis.match.length > 0 || stepRoutes(currentStep(plan, step), canaryWeight).primary > 0;
}

/**
 * The step is held for a full interval again, because its metrics were measured under other routes. A canary that has
 * lost its pods meanwhile gets no share; that counts as a failed check, as it does beside a primary that serves.
 */
function endStandIn(turn: Turn, status: Analysing): Transition {
  const { announced: _over, ...rest } = status;
  if (turn.observation.readings.target.available === 0) {
    const without = { serving: "primary-alone", canaryWeight: 0, failedChecks: status.failedChecks + 1 } as const;
    return update({ ...rest, ...without }, EVENTS.primaryBack(turn));
  }
  const hold = waitUntil(turn.now + turn.spec.analysis.intervalMs);
  return update({ ...rest, serving: "as-planned", hold }, EVENTS.primaryBack(turn));
}

/**
 * Tests whether the requests are split as the routes promise. A share whose odds are within a factor of two of the
 * promised odds counts as promised. A finding means that chance gives such counts less than once in a million tests. No
 * finding changes a rollout.
 */

import type { Plan } from "../plan/plan.ts";
import { routesFor } from "../routes.ts";
import type { CanarySpec } from "../spec/spec.ts";
import type { CanaryStatus, OffSplit } from "../status/canary.ts";

/** The requests that one version got while the promised split stayed the same. */
export interface Seen {
  readonly requests: number;
  /** How many of them failed. A mesh may send a failed request again, to the same version. */
  readonly failed: number;
  /** Upper bound for the requests that did not come from users: probes, scrapes. */
  readonly strays: number;
}

/** Whether the canary gets more or less than promised. */
export type Side = "more" | "less";

/** Odds that differ by less are not reported: retries, probes and small differences between proxies explain them. */
const TOLERANCE = 2;
/** The chance of a false finding in one look. */
const ALPHA = 1e-6;
/** Fewer requests are no evidence. */
const LEAST_REQUESTS = 100;
/**
 * Prometheus's `increase` stretches what it saw to the whole window: with two samples, to three times as much. As
 * evidence each request counts a third.
 */
const STRETCH = 3;

/**
 * The percent of the requests that the mesh must now send to the canary at random. undefined when there is no such
 * promise: one version gets all requests, headers or cookies decide, or requests are mirrored.
 */
export function promisedShare({ analysis }: CanarySpec, plan: Plan, status: CanaryStatus): number | undefined {
  const routes = status.phase === "Progressing" ? routesFor(plan, status) : undefined;
  const byChance = analysis.match.length === 0 && analysis.sessionAffinity === undefined;
  if (routes === undefined || !byChance || routes.mirror || routes.everyone === true) return undefined;
  return routes.canary > 0 && routes.canary < 100 ? routes.canary : undefined;
}

/** The versions that webhooks of this Canary name: a load test may send requests straight to them, past the routes. */
export function namedByHooks({ analysis, service }: CanarySpec): {
  readonly canary: boolean;
  readonly primary: boolean;
} {
  const text = JSON.stringify(analysis.webhooks.map(({ url, metadata }) => [url, metadata]));
  const names = (version: string) => text.includes(`${service.name}-${version}`);
  return { canary: names("canary"), primary: names("primary") };
}

/**
 * @param promised percent for the canary, more than 0 and less than 100
 * @returns whether the canary gets more or less than promised; undefined when the counts do not show it
 */
export function sideOf(promised: number, canary: Seen, primary: Seen): Side | undefined {
  if (canary.requests + primary.requests < LEAST_REQUESTS) return undefined;
  const odds = promised / (100 - promised);
  const atMost = { canary: usersOf(canary), primary: primary.requests };
  if (exceeds(atMost.canary, atMost.primary, odds * TOLERANCE)) return "more";
  const atLeast = { canary: canary.requests, primary: usersOf(primary) };
  return exceeds(atLeast.primary, atLeast.canary, TOLERANCE / odds) ? "less" : undefined;
}

/** Requests that certainly were single requests of users. */
function usersOf({ requests, failed, strays }: Seen): number {
  return Math.max(0, requests - failed - strays);
}

/** Whether one side got more than chance explains at these odds, by Chernoff's bound on the binomial tail. */
function exceeds(found: number, others: number, odds: number): boolean {
  const all = found + others;
  if (all <= 0) return false;
  const share = found / all;
  const expected = odds / (1 + odds);
  if (share <= expected) return false;
  const divergence = term(share, expected) + term(1 - share, 1 - expected);
  return Math.exp((-all / STRETCH) * divergence) <= ALPHA / 2;
}

function term(share: number, expected: number): number {
  return share === 0 ? 0 : share * Math.log(share / expected);
}

/** @example promised 10, 312 and 694 requests: 31.0 */
export function offSplit(promised: number, canary: number, primary: number): OffSplit {
  return { promised, measured: Math.round((1000 * canary) / (canary + primary)) / 10, canary, primary };
}

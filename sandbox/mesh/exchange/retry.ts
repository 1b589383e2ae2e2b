/** When a failed try is repeated because the route asks for it. */
import type { Random } from "../../../src/ports/clock.ts";
import type { Member, Pool } from "../pools.ts";
import type { RetryPolicy } from "../routes/route.ts";
import type { Failure } from "./attempt.ts";
import type { Exchange } from "./state.ts";

/** So many pods are asked silently when a try certainly did no work. */
const SILENT_TRIES = 5;
/** Envoy's first interval; it doubles, up to ten times as long, with full jitter. */
const FIRST_PAUSE_MS = 25;

export type Outcome = Pick<Failure, "kind"> | { readonly kind: "answer"; readonly status: number };

/** Idempotent methods (RFC 9110): two requests have the effect of one. */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);

/**
 * Whether a failed try did no work for sure, or none that cannot be done again, so that no policy is needed to repeat
 * it: the connection was refused; the pod is on its way out, and answers what it has begun; or a live pod closed a kept
 * connection, which might also have been its way of failing, so that is repeated once and only when it does no harm.
 */
export function repeatsSilently({ silentTries, tried, view }: Exchange, pool: Pool, member: Member, { kind }: Failure) {
  if (silentTries >= SILENT_TRIES) return false;
  const others = pool.members.some((other) => !tried.includes(other));
  if (kind === "connect") return others;
  if (kind !== "stale") return false;
  const { retired, pod } = member.target;
  return retired || pod?.leaving === true ? others : silentTries === 0 && IDEMPOTENT.has(view.method);
}

export function mayRetry({ retries, pool }: Exchange, policy: RetryPolicy, outcome: Outcome): boolean {
  // Too many requests that retry at once would make things worse for a Service in trouble.
  const budget = retries > 0 || pool === undefined || pool.retries < pool.policy.maxRetries;
  return retries < policy.attempts && budget && asksFor(policy, outcome);
}

function asksFor({ on, codes }: RetryPolicy, outcome: Outcome): boolean {
  switch (outcome.kind) {
    case "connect":
      return on.has("connect-failure") || on.has("reset") || on.has("5xx") || on.has("gateway-error") || codes.has(503);
    case "invalid":
      return false;
    case "stale":
    case "reset":
      return on.has("reset") || on.has("5xx") || on.has("gateway-error") || codes.has(503);
    case "timeout":
      return on.has("5xx") || on.has("gateway-error") || on.has("reset") || codes.has(504);
    case "answer":
      return answered(on, codes, outcome.status);
  }
}

function answered(on: ReadonlySet<string>, codes: ReadonlySet<number>, status: number): boolean {
  if (codes.has(status)) return true;
  if (on.has("5xx") && status >= 500) return true;
  if (on.has("gateway-error") && status >= 502 && status <= 504) return true;
  return on.has("retriable-4xx") && status === 409;
}

/** @param count of the retry, from 1 */
export function pauseMs(count: number, random: Random): number {
  return random() * Math.min(FIRST_PAUSE_MS * (2 ** count - 1), FIRST_PAUSE_MS * 10);
}

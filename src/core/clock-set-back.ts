/**
 * Times in the status come from the clock of the operator that wrote them. When that clock was ahead (it was set back since, or
 * another machine leads), a wait of seconds would last for hours. No wait is longer than an interval or a drain, so a wait that ends
 * later than that counts from now.
 */
import type { CanaryStatus } from "./canary.ts";
import { drainOf, LONGEST_DRAIN_MS } from "./interval.ts";
import type { Wait } from "./phases/positions.ts";
import type { AdvanceInput } from "./turn.ts";
import { earliestEnd, waitUntil } from "./waits.ts";

/** @returns the very input that went in when no time in its status is too far ahead */
export function withinReach(input: AdvanceInput): AdvanceInput {
  const { status, now, spec } = input;
  const { intervalMs } = spec.analysis;
  const latest = now + Math.max(intervalMs, LONGEST_DRAIN_MS);
  const changes: Record<string, unknown> = {};
  if ("hold" in status && earliestEnd(status.hold) > latest) changes["hold"] = shortened(status.hold, now + intervalMs);
  if ("drain" in status && earliestEnd(status.drain) > latest) {
    changes["drain"] = shortened(status.drain, now + drainOf(intervalMs));
  }
  const { restarted, names } = status;
  if (restarted !== undefined && restarted.at > latest) changes["restarted"] = { ...restarted, at: now };
  if (names?.leaveAt !== undefined && names.leaveAt > latest) {
    changes["names"] = { ...names, leaveAt: now + drainOf(intervalMs) };
  }
  return Object.keys(changes).length === 0 ? input : { ...input, status: { ...status, ...changes } as CanaryStatus };
}

function shortened(wait: Wait, end: number): Wait {
  return wait.kind === "after-routes" ? { ...wait, notBefore: end } : waitUntil(end);
}

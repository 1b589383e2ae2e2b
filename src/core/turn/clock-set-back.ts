/**
 * Times in the status are by the API server's clock when they were written. When that clock was ahead (it was set back
 * since, or another server answers), a wait of seconds would last for hours. No wait is longer than an interval or a
 * drain, so a wait that ends later than that counts from now.
 */

import type { Wait } from "../phases/positions.ts";
import { drainOf, LONGEST_DRAIN_MS } from "../spec/interval.ts";
import type { CanaryStatus } from "../status/canary.ts";
import type { DecisionInput } from "./turn.ts";
import { earliestEnd, waitUntil } from "./waits.ts";

/** @returns the very input that went in when no time in its status is too far ahead */
export function withoutFarTimes(input: DecisionInput): DecisionInput {
  const { status, now, spec } = input;
  const { intervalMs } = spec.analysis;
  const latest = now + Math.max(intervalMs, LONGEST_DRAIN_MS);
  const isFar = (time: number | undefined) => time !== undefined && time > latest;
  let near: CanaryStatus = status;
  if ("hold" in near && isFar(earliestEnd(near.hold))) near = { ...near, hold: shortened(near.hold, now + intervalMs) };
  if ("drain" in near && isFar(earliestEnd(near.drain))) {
    near = { ...near, drain: shortened(near.drain, now + drainOf(intervalMs)) };
  }
  const { restarted, names } = status;
  if (restarted !== undefined && isFar(restarted.at)) near = { ...near, restarted: { ...restarted, at: now } };
  if (names !== undefined && isFar(names.leaveAt)) {
    near = { ...near, names: { ...names, leaveAt: now + drainOf(intervalMs) } };
  }
  return near === status ? input : { ...input, status: near };
}

function shortened(wait: Wait, end: number): Wait {
  return wait.kind === "after-routes" ? { ...wait, notBefore: end } : waitUntil(end);
}

/** The machine's clock, and how Kubernetes writes times. */
import { after, sleepBy } from "../src/async/timers.ts";
import type { Clock } from "../src/ports/clock.ts";

/** The machine's clock, for callers that were not given one. */
export const machineClock: Clock = { now: () => Date.now(), after, sleep: sleepBy(after) };

/** RFC 3339 with whole seconds, as Kubernetes writes metav1.Time. `ms` since 1970. */
export function rfc3339(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

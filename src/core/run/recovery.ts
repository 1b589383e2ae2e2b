/** What the primary gets back after a promotion that failed or was undone (`Failed.recovery`). */

import type { Recovery } from "../phases/positions.ts";
import type { CanaryStatus } from "../status/canary.ts";

/** The primary keeps what it runs. */
export const NO_RECOVERY: Recovery = { kind: "none" };

/**
 * The earlier promotion whose revision a person gives back to the primary; undefined: the revision before the last
 * promotion.
 */
export function undoneTo(status: CanaryStatus): string | undefined {
  return status.phase === "Failed" && status.recovery.kind === "undoing" ? status.recovery.to : undefined;
}

/** The primary gets an earlier revision back, and has not got it yet. */
export function isRecovering(status: CanaryStatus): boolean {
  return status.phase === "Failed" && status.recovery.kind !== "none";
}

/** A rollout that is not finished, in words that every kind shares. */
import type { RolloutReading } from "./kind.ts";

/** How the text of such a rollout begins. */
export const WAITING = "waiting for rollout to finish: ";

/**
 * It is in progress until its deadline, then it is stuck.
 * @param deadline undefined: it has none
 * @param stuck text of the reading after the deadline
 */
export function unfinished(deadline: number | undefined, now: number, detail: string, stuck = detail): RolloutReading {
  if (deadline === undefined) return { readiness: { kind: "progressing", detail } };
  return now > deadline
    ? { readiness: { kind: "stuck", detail: stuck } }
    : { readiness: { kind: "progressing", detail }, recheckAt: deadline + 1 };
}

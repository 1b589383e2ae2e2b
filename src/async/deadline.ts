/** A signal that is aborted after a time, or with its parent. */
import type { Clock } from "../ports/clock.ts";

export interface Deadline {
  readonly signal: AbortSignal;
  /** The work is done: lets go of the timer and of the parent. */
  clear(): void;
}

export class TimeIsUp extends Error {
  override readonly name = "TimeIsUp";
}

export function deadline(clock: Clock, ms: number, parent?: AbortSignal): Deadline {
  const own = new AbortController();
  const done = new AbortController();
  const follow = () => own.abort(parent?.reason);
  if (parent?.aborted === true) follow();
  else parent?.addEventListener("abort", follow, { once: true });
  clock.sleep(ms, done.signal).then(
    () => own.abort(new TimeIsUp(`not done after ${ms} ms`)),
    () => undefined, // Cleared in time.
  );
  return {
    signal: own.signal,
    clear() {
      parent?.removeEventListener("abort", follow);
      done.abort();
    },
  };
}

/** A signal that is aborted after a time, or when its parent is aborted. */
import type { Clock } from "../ports/clock.ts";

export interface Deadline {
  readonly signal: AbortSignal;
  /** Call when the work is done: stops the timer and leaves the parent. */
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
    () => undefined, // cleared in time
  );
  return {
    signal: own.signal,
    clear() {
      parent?.removeEventListener("abort", follow);
      done.abort();
    },
  };
}

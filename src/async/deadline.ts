/** A signal that is aborted after a time, or when its parent is aborted. */
import type { Clock } from "../ports/clock.ts";
import { follow } from "./own-signal.ts";

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
  if (parent?.aborted === true) own.abort(parent.reason);
  const leave = parent === undefined ? () => undefined : follow(parent, own);
  const cancel = clock.after(ms, () => own.abort(new TimeIsUp(`not done after ${ms} ms`)));
  return {
    signal: own.signal,
    clear() {
      leave();
      cancel();
    },
  };
}

/** Timers of this machine, and how a clock that has `after` sleeps. */
import type { Clock } from "../ports/clock.ts";

/** Node's timers count in a signed 32-bit integer and fire at once beyond it. */
const MAX_TIMER_MS = 2_147_483_647;

/** Calls `run` once after `ms` milliseconds, never earlier. @returns cancels the call */
export function after(ms: number, run: () => void): () => void {
  let timer = setTimeout(wake, Math.min(ms, MAX_TIMER_MS));
  let left = ms;
  function wake(): void {
    left -= MAX_TIMER_MS;
    if (left > 0) timer = setTimeout(wake, Math.min(left, MAX_TIMER_MS));
    else run();
  }
  return () => clearTimeout(timer);
}

/** `sleep` of the clock that has this `after`. */
export function sleepBy(call: Clock["after"]): Clock["sleep"] {
  return (ms, signal) => {
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const cancel = call(ms, () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      });
      function abort(): void {
        cancel();
        reject(signal?.reason);
      }
      signal?.addEventListener("abort", abort, { once: true });
    });
  };
}

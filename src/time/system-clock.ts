/** The machine's clock. */
import type { Clock } from "../ports/clock.ts";

/** Node's timers count in a signed 32-bit integer and fire at once beyond it. */
const MAX_TIMER_MS = 2_147_483_647;

function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", abort, { once: true });
  });
}

export const systemClock: Clock = {
  now: () => Date.now(),
  async sleep(ms, signal) {
    signal?.throwIfAborted();
    let left = ms;
    do {
      await wait(Math.min(left, MAX_TIMER_MS), signal);
      left -= MAX_TIMER_MS;
    } while (left > 0);
  },
  after(ms, run) {
    let timer = setTimeout(wake, Math.min(ms, MAX_TIMER_MS));
    let left = ms;
    function wake(): void {
      left -= MAX_TIMER_MS;
      if (left > 0) timer = setTimeout(wake, Math.min(left, MAX_TIMER_MS));
      else run();
    }
    return () => clearTimeout(timer);
  },
};

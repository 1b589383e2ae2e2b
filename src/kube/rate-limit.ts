/** Token bucket: at most `burst` calls at once and `qps` per second in the long run. Callers are served in order. */
import type { Clock } from "../ports/clock.ts";

export interface RateLimit {
  /** Resolves when the caller may proceed. @throws the signal's reason when aborted; its turn is then given back */
  take(signal: AbortSignal): Promise<void>;
}

/** @param qps calls per second; 0 or less: unlimited @param burst at least 1 */
export function createRateLimit(qps: number, burst: number, clock: Clock): RateLimit {
  let tokens = Math.max(1, burst);
  let filledAt = clock.now();
  return {
    async take(signal) {
      signal.throwIfAborted();
      if (qps <= 0) return;
      const now = clock.now();
      // A clock set back must not take tokens away, hence the inner maximum.
      tokens = Math.min(Math.max(1, burst), tokens + (Math.max(0, now - filledAt) / 1000) * qps);
      filledAt = now;
      // Tokens may go below zero: the debt is the queue, and each newcomer waits for its own place in it.
      tokens -= 1;
      if (tokens >= 0) return;
      try {
        await clock.sleep(Math.ceil((-tokens / qps) * 1000), signal);
      } catch (error) {
        tokens += 1;
        throw error;
      }
    },
  };
}

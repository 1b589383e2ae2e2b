/** A clock that stands still until a test moves it. */
import { sleepBy } from "../async/timers.ts";
import type { Clock } from "../ports/clock.ts";

interface Sleeper {
  readonly due: number;
  readonly ms: number;
  wake(): void;
}

export interface ManualClock extends Clock {
  /** Durations of current sleeps, soonest due first. */
  sleeping(): readonly number[];
  /** The requested duration of every sleep so far, in the order in which they began. */
  readonly asked: readonly number[];
  /**
   * Moves on, and wakes sleepers one by one in the order in which they are due; each may run as far as it can without
   * I/O.
   */
  advance(ms: number): Promise<void>;
}

/** Timers first, then their consequences: one round through the event loop. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/** @param startMs milliseconds since the epoch */
export function createManualClock(startMs = Date.UTC(2024, 0, 1)): ManualClock {
  let now = startMs;
  let sleepers: Sleeper[] = [];
  const asked: number[] = [];
  /** @returns takes the sleeper away */
  function add(ms: number, wake: () => void): () => void {
    asked.push(ms);
    const sleeper: Sleeper = {
      due: now + Math.max(0, ms),
      ms,
      wake() {
        leave();
        wake();
      },
    };
    const leave = () => {
      sleepers = sleepers.filter((other) => other !== sleeper);
    };
    sleepers = [...sleepers, sleeper].sort((a, b) => a.due - b.due);
    return leave;
  }
  return {
    asked,
    now: () => now,
    sleeping: () => sleepers.map((sleeper) => sleeper.ms),
    after: add,
    sleep: sleepBy(add),
    async advance(ms) {
      const end = now + ms;
      await settle();
      for (let next = sleepers[0]; next !== undefined && next.due <= end; next = sleepers[0]) {
        now = Math.max(now, next.due);
        next.wake();
        await settle();
      }
      now = end;
    },
  };
}

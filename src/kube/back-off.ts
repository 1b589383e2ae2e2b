/** How long to wait before trying again, and how to give each attempt its time. */
import type { Clock, Random } from "../ports/clock.ts";

export interface BackOff {
  /** The next delay in milliseconds; doubles with every call. */
  next(): number;
  /** After a success: begin anew. */
  reset(): void;
}

/**
 * Delays of minMs, 2 minMs, 4 minMs ... maxMs, each taken at random from the upper half of its range, so that many clients
 * of a restarted server do not return all at once.
 */
export function createBackOff(minMs: number, maxMs: number, random: Random): BackOff {
  let attempts = 0;
  return {
    next() {
      const range = Math.min(maxMs, minMs * 2 ** Math.min(attempts, 40));
      attempts += 1;
      return Math.round(range * (0.5 + random() / 2));
    },
    reset() {
      attempts = 0;
    },
  };
}

/** Reason of an abort by `withDeadline`. */
export class DeadlineExceeded extends Error {
  constructor(readonly ms: number) {
    super(`no answer within ${ms / 1000} s`);
    this.name = "DeadlineExceeded";
  }
}

/** A deadline that can be moved while the work goes on. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** From now on another `ms` milliseconds. */
  restart(ms: number): void;
}

/**
 * Runs `work` with a signal that is aborted when `signal` is, or when the deadline passes (reason: DeadlineExceeded). The
 * signals are linked by hand because AbortSignal.any keeps its sources' followers alive in Node 20.
 */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  work: (deadline: Deadline) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const linked = new AbortController();
  const follow = () => linked.abort(signal.reason);
  signal.addEventListener("abort", follow, { once: true });
  let timer = new AbortController();
  const restart = (again: number) => {
    timer.abort();
    timer = new AbortController();
    const mine = timer;
    clock.sleep(again, mine.signal).then(
      () => linked.abort(new DeadlineExceeded(again)),
      () => undefined, // stopped: the work was done in time
    );
  };
  restart(ms);
  try {
    return await work({ signal: linked.signal, restart });
  } finally {
    timer.abort();
    signal.removeEventListener("abort", follow);
  }
}

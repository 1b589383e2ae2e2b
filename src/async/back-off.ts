/** Delays between attempts, and deadlines of attempts. */
import type { Clock, Random } from "../ports/clock.ts";
import { follow } from "./own-signal.ts";

export interface BackOff {
  /** The next delay in milliseconds; doubles with every call. */
  next(): number;
  /** Call after a success: the delays start again at the shortest. */
  reset(): void;
}

/** For `createBackOff`: every delay has its full length, where the contract names the delays or one client waits. */
export const NO_JITTER: Random = () => 1;

/**
 * Delays of minMs, 2 minMs, 4 minMs ... maxMs, each drawn at random from the upper half of its range, so that many
 * clients of a restarted server do not all return at once.
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
  /** Extends the deadline to `ms` milliseconds from now; never shortens it. */
  restart(ms: number): void;
}

/**
 * Runs `work` with a signal that is aborted when `signal` is, or when the deadline passes (reason: DeadlineExceeded).
 * The signals are linked by hand because AbortSignal.any keeps its sources' followers alive in Node 20.
 */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  work: (deadline: Deadline) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const linked = new AbortController();
  const leave = follow(signal, linked);
  let span = ms;
  let since = clock.now();
  /** Uses one timer: when it fires and the deadline has moved, it waits for the rest. */
  const expire = () => {
    const left = Math.min(span, since + span - clock.now());
    if (left > 0) cancel = clock.after(left, expire);
    else linked.abort(new DeadlineExceeded(span));
  };
  let cancel = clock.after(ms, expire);
  const restart = (again: number) => {
    span = again;
    since = clock.now();
  };
  try {
    return await work({ signal: linked.signal, restart });
  } finally {
    cancel();
    leave();
  }
}

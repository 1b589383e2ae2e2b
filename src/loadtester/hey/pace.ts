/**
 * When each worker sends. hey's workers all tick at the same moments; these are staggered over one period, so that the
 * load on the server is even:
 *
 *   worker 0  |---x-------x-------x
 *   worker 1  |-----x-------x------     period = 1 / rate of one worker
 *
 * A tick is a time relative to the start, so lateness does not add up. A worker that is late by more than a period
 * skips the missed ticks instead of catching up in a burst.
 */

export interface Pace {
  /** Milliseconds between two requests of one worker. */
  readonly periodMs: number;
  /** Of the worker's first request after the start. */
  readonly offsetMs: number;
}

/** @param ratePerWorker requests per second, above 0 */
export function paceOf(worker: number, workers: number, ratePerWorker: number): Pace {
  const periodMs = 1000 / ratePerWorker;
  return { periodMs, offsetMs: (periodMs * (worker + 1)) / workers };
}

/** The first tick after tick number `last` (-1: none yet) that is not more than a period in the past. */
export function nextTick(
  pace: Pace,
  last: number,
  elapsedMs: number,
): { readonly tick: number; readonly atMs: number } {
  const due = Math.floor((elapsedMs - pace.offsetMs) / pace.periodMs);
  const tick = Math.max(last + 1, due);
  return { tick, atMs: pace.offsetMs + tick * pace.periodMs };
}

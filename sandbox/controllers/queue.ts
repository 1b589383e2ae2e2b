/**
 * The work queue of a controller. Keys coalesce: however often a key is added while it waits, it is worked once. Work
 * is done from a macrotask of its own, so watch events (microtasks) of one change arrive before the work that looks at
 * them, and HTTP traffic is never starved.
 */

import type { Clock } from "../../src/ports/clock.ts";
import { ApiError } from "../cluster.ts";

export interface WorkQueue {
  add(key: string): void;
  /** Adds the key `ms` from now, unless it is due earlier already. */
  addAfter(key: string, ms: number): void;
  /** Nothing waits and nothing is being worked (timers aside). */
  idle(): boolean;
  stop(): void;
}

const FIRST_RETRY_MS = 10;
const LAST_RETRY_MS = 10_000;

/** @param work may throw: the key is retried with back-off, and the error reported unless it is a mere conflict */
export function workQueue(clock: Clock, work: (key: string) => void, report: (message: string) => void): WorkQueue {
  let waiting = new Set<string>();
  let pass: NodeJS.Immediate | undefined;
  let stopped = false;
  const timers = new Map<string, { readonly due: number; readonly cancel: () => void }>();
  const failures = new Map<string, number>();

  const add = (key: string) => {
    if (stopped) return;
    waiting.add(key);
    pass ??= setImmediate(drain);
  };
  const addAfter = (key: string, ms: number) => {
    if (stopped) return;
    const due = clock.now() + ms;
    const earlier = timers.get(key);
    if (earlier !== undefined && earlier.due <= due) return;
    earlier?.cancel();
    const cancel = clock.after(ms, () => {
      timers.delete(key);
      add(key);
    });
    timers.set(key, { due, cancel });
  };
  const attempt = (key: string) => {
    try {
      work(key);
      failures.delete(key);
    } catch (error) {
      const failed = (failures.get(key) ?? 0) + 1;
      failures.set(key, failed);
      if (!isConflict(error)) report(`${key}: ${error instanceof Error ? error.message : String(error)}`);
      if (isConflict(error) && failed === 1) add(key);
      else addAfter(key, Math.min(FIRST_RETRY_MS * 2 ** (failed - 1), LAST_RETRY_MS));
    }
  };
  function drain() {
    pass = undefined;
    const batch = waiting;
    waiting = new Set();
    for (const key of batch) if (!stopped) attempt(key);
  }
  return {
    add,
    addAfter,
    idle: () => waiting.size === 0,
    stop: () => {
      stopped = true;
      if (pass !== undefined) clearImmediate(pass);
      for (const timer of timers.values()) timer.cancel();
      timers.clear();
      waiting.clear();
    },
  };
}

function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.code === 409 && error.reason === "Conflict";
}

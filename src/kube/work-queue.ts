/**
 * Keys that need a turn. A key waits once, however often it is added. It never has two turns at the same time. A key
 * that is added during its own turn gets another turn after it.
 *
 *   add ──────────────► waiting ──► running ──► idle
 *   addAfter ─► timer ─────▲           │ added meanwhile, or failed (after its back-off)
 *                          └───────────┘
 */

import { type BackOff, createBackOff } from "../async/back-off.ts";
import type { Pace } from "../async/give-way.ts";
import { createLanes } from "../async/lanes.ts";
import { withOwnSignal } from "../async/own-signal.ts";
import type { Clock, Random } from "../ports/clock.ts";

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** How many keys are worked on at once. */
  readonly concurrency: number;
  /**
   * The lane of a key, e.g. its namespace. Lanes take turns, and no lane ever holds all slots: it may hold SHARE times
   * as many as are free. Absent: all keys are in one lane, which may hold all slots.
   */
  readonly lane?: (key: string) => string;
  /** Keeps turns that begin at once from blocking the event loop together; absent: they follow one another. */
  readonly pace?: Pace | undefined;
  /** One turn. A throw (other than after `signal` was aborted) puts the key back after its back-off. */
  readonly work: (key: string, signal: AbortSignal) => Promise<void>;
  /** Called for every failed turn. */
  readonly onFailure: (key: string, error: unknown, retryMs: number) => void;
  /** After the first failure of a key in a row; doubles. 1 s when absent. */
  readonly backOffMinMs?: number;
  /** 5 minutes when absent. */
  readonly backOffMaxMs?: number;
}

export interface WorkQueue {
  /** Gives the key a turn as soon as possible; cancels a later appointment of the key. */
  add(key: string): void;
  /** Gives the key a turn in `ms` milliseconds, unless the key has an earlier appointment. */
  addAfter(key: string, ms: number): void;
  /** Drops the key's appointments, waiting turn and failures. A running turn goes on. */
  forget(key: string): void;
  /** Keys that wait for a turn, not counting appointments. For metrics. */
  readonly depth: number;
  readonly running: number;
  /**
   * Starts no more turns, and waits for the running ones.
   * @param hurry aborted: the turns' signal is aborted, too; they are still waited for
   */
  drain(hurry?: AbortSignal): Promise<void>;
}

/** One lane may hold 4/5 of all slots, two lanes 4/9 each, and so on: a few stay free for the next. */
const SHARE = 4;
const BACK_OFF_MIN_MS = 1000;
const BACK_OFF_MAX_MS = 300_000;

/** One time per key; the earliest wins. */
function createAppointments(clock: Clock, due: (key: string) => void) {
  const appointments = new Map<string, { readonly at: number; readonly cancel: () => void }>();
  const cancel = (key: string) => {
    appointments.get(key)?.cancel();
    appointments.delete(key);
  };
  return {
    cancel,
    cancelAll() {
      for (const key of [...appointments.keys()]) cancel(key);
    },
    make(key: string, ms: number) {
      const at = clock.now() + ms;
      const earlier = appointments.get(key);
      if (earlier !== undefined && earlier.at <= at) return;
      cancel(key);
      appointments.set(key, { at, cancel: clock.after(ms, () => due(key)) });
    },
  };
}

/** The keys that are worked on, counted by lane. */
function createSlots({ concurrency, lane }: WorkQueueOptions) {
  const running = new Set<string>();
  const busy = new Map<string, number>();
  function count(key: string, by: number): void {
    const name = lane?.(key) ?? "";
    const held = (busy.get(name) ?? 0) + by;
    if (held === 0) busy.delete(name);
    else busy.set(name, held);
  }
  return {
    get running() {
      return running.size;
    },
    isRunning: (key: string) => running.has(key),
    enter(key: string): void {
      running.add(key);
      count(key, 1);
    },
    leave(key: string): void {
      running.delete(key);
      count(key, -1);
    },
    mayRun(name: string): boolean {
      if (lane === undefined) return true;
      const held = busy.get(name) ?? 0;
      // Of few slots the share would round up to all of them.
      const takesTheLast = held > 0 && held + 1 === concurrency;
      return held < SHARE * (concurrency - running.size) && !takesTheLast;
    },
  };
}

/** Works until drained. */
export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const laneOf = options.lane ?? (() => "");
  const waiting = createLanes<string>();
  const slots = createSlots(options);
  const waits = (key: string) => waiting.has(laneOf(key), key);
  const again = new Set<string>();
  const backOffs = new Map<string, BackOff>();
  const appointments = createAppointments(options.clock, add);
  const life = new AbortController();
  let draining = false;
  let idle = () => {};

  function add(key: string): void {
    appointments.cancel(key);
    if (draining) return;
    if (slots.isRunning(key)) again.add(key);
    else waiting.push(laneOf(key), key);
    pump();
  }

  function addAfter(key: string, ms: number): void {
    if (draining || waits(key) || again.has(key)) return;
    if (ms <= 0) add(key);
    else appointments.make(key, ms);
  }

  function failed(key: string, error: unknown): void {
    if (draining) return;
    const min = options.backOffMinMs ?? BACK_OFF_MIN_MS;
    const backOff = backOffs.get(key) ?? createBackOff(min, options.backOffMaxMs ?? BACK_OFF_MAX_MS, options.random);
    backOffs.set(key, backOff);
    const retryMs = backOff.next();
    options.onFailure(key, error, retryMs);
    addAfter(key, retryMs);
  }

  async function turn(key: string): Promise<void> {
    try {
      const round = options.pace?.();
      if (round !== undefined) await round;
      await withOwnSignal(life.signal, (signal) => options.work(key, signal));
      backOffs.delete(key);
    } catch (error) {
      failed(key, error);
    } finally {
      slots.leave(key);
    }
    if (again.delete(key)) add(key);
    pump();
    if (slots.running === 0) idle();
  }

  function pump(): void {
    while (!draining && slots.running < options.concurrency) {
      const next = waiting.shift(slots.mayRun);
      if (next === undefined) return;
      slots.enter(next.entry);
      void turn(next.entry);
    }
  }

  return {
    add,
    addAfter,
    forget(key) {
      appointments.cancel(key);
      waiting.remove(laneOf(key), key);
      again.delete(key);
      backOffs.delete(key);
    },
    get depth() {
      return waiting.size;
    },
    get running() {
      return slots.running;
    },
    async drain(hurry) {
      draining = true;
      appointments.cancelAll();
      waiting.clear();
      again.clear();
      const hasten = () => life.abort(hurry?.reason);
      if (hurry?.aborted === true) hasten();
      hurry?.addEventListener("abort", hasten, { once: true });
      const ended = new Promise<void>((resolve) => {
        idle = resolve;
      });
      if (slots.running > 0) await ended;
      hurry?.removeEventListener("abort", hasten);
    },
  };
}

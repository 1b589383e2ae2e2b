/**
 * When a request may be sent to the API server. All requests of one server pass here:
 *
 *   enter ─► the lane of its namespace ─► a token of the rate ─► a free slot ─► sent ─► leave: answered or overloaded
 *
 * The number of slots adapts to the server. It grows by one after as many answers as there are slots. It is halved when
 * the server says 429, 503 or 504, or does not answer in time; then all requests wait for a moment, which grows while
 * the server stays overloaded. So a starved server gets less work until it recovers. Namespaces take turns: a tenant
 * with a thousand requests delays another tenant's request by one request.
 */

import { createBackOff } from "../async/back-off.ts";
import { createLanes, type Lanes } from "../async/lanes.ts";
import { whenAborted } from "../async/own-signal.ts";
import type { Clock, Random } from "../ports/clock.ts";

export interface AdmissionOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Requests per second in the long run; 0 or less: unlimited. */
  readonly qps: number;
  /** Requests that may be sent at once after a pause, at least 1. */
  readonly burst: number;
  /** The most requests under way at the same time. */
  readonly maxInFlight: number;
}

export interface Ticket {
  /** Call this once, when the answer is complete or will not come. @param retryAfterMs the server's Retry-After */
  leave(outcome: "answered" | "overloaded", retryAfterMs?: number): void;
}

export interface Admission {
  /**
   * Resolves when a request may be sent.
   * @param lane requests of one lane are sent in order, lanes take turns
   * @throws the signal's reason when aborted; the request's place is given up then
   */
  enter(lane: string, signal: AbortSignal): Promise<Ticket>;
  /** As `enter`, for a watch: a watch takes a token of the rate and no slot, because it stays open. */
  enterStream(signal: AbortSignal): Promise<void>;
  /** The current number of slots. */
  readonly limit: number;
  readonly inFlight: number;
  readonly waiting: number;
  /** Stops the timers. From then on nothing is admitted. */
  close(): void;
}

const PAUSE_MIN_MS = 250;
const PAUSE_MAX_MS = 10_000;

const CLOSED = new Error("the connection to the API server is closed");

interface Waiting {
  admit(): void;
}

export function createAdmission(options: AdmissionOptions): Admission {
  const { clock, qps } = options;
  const requests = createLanes<Waiting>();
  const streams = createLanes<Waiting>();
  const bucket = createBucket(qps, Math.max(1, options.burst), clock);
  const life = new AbortController();
  let waking = false;
  const later = (ms: number, work: () => void) => void clock.sleep(ms, life.signal).then(work, () => undefined);
  const slots = createSlots(options, later, pump);

  function wakeIn(ms: number): void {
    if (waking) return;
    waking = true;
    later(ms, () => {
      waking = false;
      pump();
    });
  }

  function pump(): void {
    while (!slots.paused) {
      const queue = streams.size > 0 ? streams : slots.inFlight < slots.limit ? requests : undefined;
      if (queue === undefined || queue.size === 0) return;
      const waitMs = bucket.take();
      if (waitMs > 0) return wakeIn(waitMs);
      queue.shift()?.entry.admit();
    }
  }

  function wait<T>(queue: Lanes<Waiting>, lane: string, signal: AbortSignal, admitted: () => T): Promise<T> {
    const place = waitIn(queue, lane, signal, admitted);
    pump();
    return place;
  }

  return {
    enter: async (lane, signal) => await wait(requests, lane, signal, slots.take),
    enterStream: async (signal) => await wait(streams, "", signal, () => undefined),
    get limit() {
      return slots.limit;
    },
    get inFlight() {
      return slots.inFlight;
    },
    get waiting() {
      return requests.size + streams.size;
    },
    close: () => life.abort(CLOSED),
  };
}

/** A place in a queue, given up when the signal is aborted. */
function waitIn<T>(queue: Lanes<Waiting>, lane: string, signal: AbortSignal, admitted: () => T): Promise<T> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const entry: Waiting = {
      admit() {
        stay();
        resolve(admitted());
      },
    };
    const stay = whenAborted(signal, () => {
      queue.remove(lane, entry);
      reject(signal.reason);
    });
    queue.push(lane, entry);
  });
}

/** Slots for requests under way: one more after as many answers, half as many and a pause after an overload. */
function createSlots(
  { random, maxInFlight }: AdmissionOptions,
  later: (ms: number, work: () => void) => void,
  changed: () => void,
) {
  const backOff = createBackOff(PAUSE_MIN_MS, PAUSE_MAX_MS, random);
  let answers = 0;
  /** Counts the halvings: the answer to a request sent before the last halving does not change the new limit. */
  let epoch = 0;
  const slots = { limit: maxInFlight, inFlight: 0, paused: false, take };

  function overloaded(retryAfterMs: number): void {
    epoch += 1;
    answers = 0;
    slots.limit = Math.max(1, Math.floor(slots.limit / 2));
    if (slots.paused) return;
    slots.paused = true;
    later(Math.max(backOff.next(), Math.min(retryAfterMs, PAUSE_MAX_MS)), () => {
      slots.paused = false;
      changed();
    });
  }

  function answered(): void {
    backOff.reset();
    answers += 1;
    if (answers < slots.limit || slots.limit >= maxInFlight) return;
    answers = 0;
    slots.limit += 1;
  }

  function take(): Ticket {
    const mine = epoch;
    let left = false;
    slots.inFlight += 1;
    return {
      leave(outcome, retryAfterMs = 0) {
        if (left) return;
        left = true;
        slots.inFlight -= 1;
        if (mine === epoch) outcome === "overloaded" ? overloaded(retryAfterMs) : answered();
        changed();
      },
    };
  }

  return slots;
}

/** Token bucket. `take` returns 0 when a token was taken, else the milliseconds until there is one. */
function createBucket(qps: number, burst: number, clock: Clock) {
  let tokens = burst;
  let filledAt = clock.now();
  return {
    take(): number {
      if (qps <= 0) return 0;
      const now = clock.now();
      // A clock that is set back must not take tokens away, hence the inner maximum.
      tokens = Math.min(burst, tokens + (Math.max(0, now - filledAt) / 1000) * qps);
      filledAt = now;
      if (tokens < 1) return Math.ceil(((1 - tokens) / qps) * 1000);
      tokens -= 1;
      return 0;
    },
  };
}

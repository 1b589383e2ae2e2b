/**
 * When a request may be sent to the API server. All requests of one server pass here:
 *
 *   enter ─► the lane of its namespace ─► a token of the rate ─► a free slot ─► sent ─► leave: answered or overloaded
 *
 * The number of slots adapts to the server. It grows by one after as many answers as there are slots. It is halved when the
 * server says 429, 503 or 504, or does not answer in time; then all requests wait for a moment, which grows while the server
 * stays overloaded. So a starved server gets less work until it recovers. Namespaces take turns: a tenant with a thousand
 * requests delays another tenant's request by one request.
 */

import { createBackOff } from "../async/back-off.ts";
import { createLanes } from "../async/lanes.ts";
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
  /** Call this once, when the answer is complete or there will be none. @param retryAfterMs what the server asked for */
  leave(outcome: "answered" | "overloaded", retryAfterMs?: number): void;
}

export interface Admission {
  /**
   * Resolves when a request may be sent.
   * @param lane requests of one lane are sent in order, lanes take turns
   * @throws the signal's reason when aborted; the request's place is given up then
   */
  enter(lane: string, signal: AbortSignal): Promise<Ticket>;
  /** As `enter`, for a watch: it takes a token of the rate and no slot, because it stays open. */
  enterStream(signal: AbortSignal): Promise<void>;
  /** Slots at the moment. */
  readonly limit: number;
  readonly inFlight: number;
  readonly waiting: number;
  /** Stops the timers. Nothing is admitted any more. */
  close(): void;
}

const PAUSE_MIN_MS = 250;
const PAUSE_MAX_MS = 10_000;

const CLOSED = new Error("the connection to the API server is closed");

interface Waiting {
  readonly lane: string;
  admit(): void;
}

export function createAdmission({ clock, random, qps, burst, maxInFlight }: AdmissionOptions): Admission {
  const requests = createLanes<Waiting>();
  const streams = createLanes<Waiting>();
  const bucket = createBucket(qps, Math.max(1, burst), clock);
  const backOff = createBackOff(PAUSE_MIN_MS, PAUSE_MAX_MS, random);
  let limit = maxInFlight;
  let credit = 0;
  let inFlight = 0;
  /** Counts the halvings: what was sent before the last one says nothing about the new limit. */
  let epoch = 0;
  let paused = false;
  let waking = false;
  const life = new AbortController();
  const later = (ms: number, work: () => void) => clock.sleep(ms, life.signal).then(work, () => undefined);

  function wakeIn(ms: number): void {
    if (waking) return;
    waking = true;
    void later(ms, () => {
      waking = false;
      pump();
    });
  }

  function pump(): void {
    while (!paused) {
      const queue = streams.size > 0 ? streams : inFlight < limit ? requests : undefined;
      if (queue === undefined || queue.size === 0) return;
      const waitMs = bucket.take();
      if (waitMs > 0) return wakeIn(waitMs);
      queue.shift()?.entry.admit();
    }
  }

  function pause(ms: number): void {
    paused = true;
    void later(ms, () => {
      paused = false;
      pump();
    });
  }

  function overloaded(retryAfterMs: number): void {
    epoch += 1;
    credit = 0;
    limit = Math.max(1, Math.floor(limit / 2));
    if (!paused) pause(Math.max(backOff.next(), Math.min(retryAfterMs, PAUSE_MAX_MS)));
  }

  function answered(): void {
    backOff.reset();
    credit += 1;
    if (credit < limit || limit >= maxInFlight) return;
    credit = 0;
    limit += 1;
  }

  function ticket(): Ticket {
    const mine = epoch;
    let left = false;
    inFlight += 1;
    return {
      leave(outcome, retryAfterMs = 0) {
        if (left) return;
        left = true;
        inFlight -= 1;
        if (mine === epoch) outcome === "overloaded" ? overloaded(retryAfterMs) : answered();
        pump();
      },
    };
  }

  function wait<T>(queue: typeof requests, lane: string, signal: AbortSignal, admitted: () => T): Promise<T> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const entry: Waiting = {
        lane,
        admit() {
          signal.removeEventListener("abort", giveUp);
          resolve(admitted());
        },
      };
      const giveUp = () => {
        queue.remove(lane, entry);
        reject(signal.reason);
      };
      signal.addEventListener("abort", giveUp, { once: true });
      queue.push(lane, entry);
      pump();
    });
  }

  return {
    enter: async (lane, signal) => await wait(requests, lane, signal, ticket),
    enterStream: async (signal) => await wait(streams, "", signal, () => undefined),
    get limit() {
      return limit;
    },
    get inFlight() {
      return inFlight;
    },
    get waiting() {
      return requests.size + streams.size;
    },
    close: () => life.abort(CLOSED),
  };
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

/**
 * The queue of alerts. A turn hands an alert over and goes on; the queue tries until the alert is delivered or given
 * up.
 *
 *   deliver --> lane of its provider: one at a time, in order --> send --+--> delivered
 *                                        ^                               |
 *                                        `--- 1, 2, 4 … s <-- failed ---+--> given up after an hour, with an error line
 *
 * Alerts arrive at least once: a service that accepted an alert but did not answer in time gets it again.
 */

import { createBackOff, NO_JITTER } from "../async/back-off.ts";
import { createLanes } from "../async/lanes.ts";
import { withOwnSignal } from "../async/own-signal.ts";
import { errorText } from "../error-text.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import { PostError } from "./post.ts";

export type DeliveryOutcome = { readonly kind: "delivered" } | { readonly kind: "given-up"; readonly detail: string };

export interface DeliveryOptions<Item> {
  readonly clock: Clock;
  readonly log: Log;
  readonly send: (item: Item, signal: AbortSignal) => Promise<void>;
  /** Items of one lane arrive in order; a blocked lane does not delay the others. One lane when absent. */
  readonly laneOf?: (item: Item) => string;
  /** The error line when it is given up, e.g. "alert provider slack.test send error: …". */
  readonly failureLine?: (item: Item, detail: string) => string;
  /** Further fields of the log lines, e.g. the Canary. */
  readonly about?: (item: Item) => object;
  /** 20 when absent: about an hour. */
  readonly maxAttempts?: number;
  /** Waiting items of a lane, above which the oldest are given up; 100 when absent. */
  readonly laneLimit?: number;
}

export interface Delivery<Item> {
  /** Never rejects, and need not be awaited. */
  deliver(item: Item): Promise<DeliveryOutcome>;
  /** At the end of the process: tries everything that waits once more; gives up the rest after `graceMs`. */
  flush(graceMs: number): Promise<void>;
}

interface Parcel<Item> {
  readonly item: Item;
  readonly settle: (outcome: DeliveryOutcome) => void;
}

const FIRST_WAIT_MS = 1000;
/** A chat service that is down for an hour must not lose the news of a rollback. */
const LONGEST_WAIT_MS = 300_000;
const MAX_ATTEMPTS = 20;
const LANE_LIMIT = 100;

export function createDelivery<Item>(options: DeliveryOptions<Item>): Delivery<Item> {
  const { clock, log } = options;
  const maxAttempts = options.maxAttempts ?? MAX_ATTEMPTS;
  const failureLine = options.failureLine ?? ((_item: Item, detail: string) => `alert can't be sent: ${detail}`);
  const about = options.about ?? (() => ({}));
  const laneLimit = options.laneLimit ?? LANE_LIMIT;
  /** Parcels that wait. The first parcel of a lane is not among them while it is under way. */
  const lanes = createLanes<Parcel<Item>>();
  const working = new Map<string, Promise<void>>();
  /** Aborted when waiting is pointless, and when sending is, too. */
  const hurry = new AbortController();
  const end = new AbortController();

  const giveUp = ({ item, settle }: Parcel<Item>, detail: string): void => {
    log.error(about(item), failureLine(item, detail));
    settle({ kind: "given-up", detail });
  };

  const carry = async (parcel: Parcel<Item>): Promise<void> => {
    const backOff = createBackOff(FIRST_WAIT_MS, LONGEST_WAIT_MS, NO_JITTER);
    for (let attempt = 1; ; attempt += 1) {
      const last = hurry.signal.aborted || attempt >= maxAttempts;
      try {
        await withOwnSignal(end.signal, (signal) => options.send(parcel.item, signal));
        return parcel.settle({ kind: "delivered" });
      } catch (error) {
        const detail = errorText(error);
        const hopeless = error instanceof PostError && !error.mayRetry;
        if (last || hopeless || end.signal.aborted) return giveUp(parcel, detail);
        const fields = { ...about(parcel.item), attempt };
        const text = `an alert did not arrive and is sent again: ${detail}`;
        // A tenant may have thousands of providers that never answer: a line for each alert, and not each attempt.
        if (attempt === 1) log.warn(fields, text);
        else log.debug(fields, text);
        await pause(clock, backOff.next(), hurry.signal);
      }
    }
  };

  const work = async (name: string): Promise<void> => {
    const own = (lane: string) => lane === name;
    for (let next = lanes.shift(own); next !== undefined; next = lanes.shift(own)) await carry(next.entry);
    working.delete(name);
  };

  return {
    deliver(item) {
      return new Promise((settle) => {
        const name = options.laneOf?.(item) ?? "";
        lanes.push(name, { item, settle });
        if (!working.has(name)) {
          working.set(name, work(name));
          return;
        }
        const oldest = lanes.sizeOf(name) > laneLimit ? lanes.shift((lane) => lane === name) : undefined;
        if (oldest !== undefined) giveUp(oldest.entry, `more than ${laneLimit} alerts are waiting`);
      });
    },
    async flush(graceMs) {
      hurry.abort();
      const drained = new AbortController();
      const limit = pause(clock, graceMs, drained.signal).then(() => {
        if (!drained.signal.aborted) end.abort(new Error("the process is ending"));
      });
      while (working.size > 0) await Promise.all(working.values());
      drained.abort();
      await limit;
    },
  };
}

/** Ends early, without an error, when it is aborted. */
async function pause(clock: Clock, ms: number, cut: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, cut);
  } catch (error) {
    if (!cut.aborted) throw error;
  }
}

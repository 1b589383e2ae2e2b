/**
 * The API server's clock, as its answers tell it. Kubernetes writes times by this clock, and every replica of the
 * operator sees the same one, also where the clock of its machine is wrong.
 */
import type { Clock } from "../ports/clock.ts";

export interface ServerClock extends Clock {
  /**
   * An answer of the server has begun to arrive.
   * @param date its Date header
   * @param sentAt when the request was sent, by `elapsed`
   */
  saw(date: unknown, sentAt: number): void;
}

/** A Date header leaves out the milliseconds. */
const SECOND_MS = 1_000;

/**
 * Until the first answer this is the machine's clock. Later it is no longer: a machine's clock may be set at any time.
 * Each answer says between which two times the server's clock was. The clock moves only when an answer proves it wrong,
 * and no further than that, so slow answers do not disturb it.
 * @param elapsed milliseconds since some moment, by a clock that is never set
 */
export function createServerClock(machine: Clock, elapsed: () => number): ServerClock {
  /** What must be added to `elapsed`. Undefined: no answer has been seen. */
  let offset: number | undefined;
  return {
    now: () => (offset === undefined ? machine.now() : Math.round(elapsed() + offset)),
    sleep: machine.sleep,
    after: machine.after,
    saw(date, sentAt) {
      const server = typeof date === "string" ? Date.parse(date) : Number.NaN;
      if (!Number.isFinite(server)) return;
      const arrived = elapsed();
      const atMost = server + SECOND_MS - sentAt;
      const atLeast = server - arrived;
      offset = Math.min(Math.max(offset ?? machine.now() - arrived, atLeast), atMost);
    },
  };
}

/** A pool's limits: a request that does not fit waits for another one to end. */
import { admit, leave, type Pool } from "../pools.ts";
import type { Exchange } from "./state.ts";

/**
 * Runs `start` as soon as the pool has room; `start` must call `done` once.
 * @returns false when the queue is full, too
 */
export function admitted(exchange: Exchange, pool: Pool, start: (done: () => void) => void): boolean {
  const done = () => leave(pool);
  let given = false;
  const go = () => {
    if (given) return leave(pool);
    start(done);
  };
  const verdict = admit(pool, go);
  if (verdict === "overflow") return false;
  if (verdict === "go") {
    start(done);
    return true;
  }
  exchange.cancel = () => {
    given = true;
  };
  return true;
}

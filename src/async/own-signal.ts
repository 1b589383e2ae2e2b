import { setMaxListeners } from "node:events";

/**
 * Runs `work` with a signal of its own, which is aborted when `signal` is. Listeners on it are released with it. A signal that
 * lives as long as the process would keep every object derived from it (AbortSignal.any, sockets; Node 20).
 * @throws what `work` throws; the signal's reason when it is aborted already
 */
export async function withOwnSignal<T>(signal: AbortSignal, work: (own: AbortSignal) => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const own = new AbortController();
  const follow = () => own.abort(signal.reason);
  // There are as many followers as pieces of work at once. Node would take so many listeners for a leak and warn.
  setMaxListeners(0, signal);
  signal.addEventListener("abort", follow, { once: true });
  try {
    return await work(own.signal);
  } finally {
    signal.removeEventListener("abort", follow);
  }
}

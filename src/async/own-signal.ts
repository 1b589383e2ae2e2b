import { setMaxListeners } from "node:events";

/**
 * Runs `work` with a signal of its own, which is aborted when `signal` is. What listens to it goes with it: a signal that
 * lives as long as the process would keep everything that was ever derived from it (AbortSignal.any, sockets; Node 20).
 * @throws what `work` throws; the signal's reason when it is aborted already
 */
export async function withOwnSignal<T>(signal: AbortSignal, work: (own: AbortSignal) => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const own = new AbortController();
  const follow = () => own.abort(signal.reason);
  // As many follow as there is work at once: that is no leak, which Node would otherwise warn of.
  setMaxListeners(0, signal);
  signal.addEventListener("abort", follow, { once: true });
  try {
    return await work(own.signal);
  } finally {
    signal.removeEventListener("abort", follow);
  }
}

/** Who follows a signal. A signal has one listener for all of them: adding one for each piece of work costs more than the rest. */
const FOLLOWERS = new WeakMap<AbortSignal, Set<AbortController>>();

function followersOf(signal: AbortSignal): Set<AbortController> {
  const known = FOLLOWERS.get(signal);
  if (known !== undefined) return known;
  const followers = new Set<AbortController>();
  FOLLOWERS.set(signal, followers);
  const passOn = () => {
    for (const own of followers) own.abort(signal.reason);
  };
  signal.addEventListener("abort", passOn, { once: true });
  return followers;
}

/** Aborts `own` when `signal` is aborted, with its reason. @returns ends that */
export function follow(signal: AbortSignal, own: AbortController): () => void {
  const followers = followersOf(signal);
  followers.add(own);
  return () => void followers.delete(own);
}

/**
 * Runs `work` with a signal of its own, which is aborted when `signal` is. Listeners on it are released with it. A signal that
 * lives as long as the process would keep every object derived from it (AbortSignal.any, sockets; Node 20).
 * @throws what `work` throws; the signal's reason when it is aborted already
 */
export async function withOwnSignal<T>(signal: AbortSignal, work: (own: AbortSignal) => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const own = new AbortController();
  const leave = follow(signal, own);
  try {
    return await work(own.signal);
  } finally {
    leave();
  }
}

/**
 * What is called when a signal is aborted. One listener serves all: one for each piece of work costs more than the
 * work.
 */
const CALLED = new WeakMap<AbortSignal, Set<() => void>>();

function calledBy(signal: AbortSignal): Set<() => void> {
  const known = CALLED.get(signal);
  if (known !== undefined) return known;
  const called = new Set<() => void>();
  CALLED.set(signal, called);
  const passOn = () => {
    for (const call of called) call();
  };
  signal.addEventListener("abort", passOn, { once: true });
  return called;
}

/** Calls `call` when `signal` is aborted. Any number of calls add one listener to the signal. @returns ends that */
export function whenAborted(signal: AbortSignal, call: () => void): () => void {
  const called = calledBy(signal);
  // One entry for each time it is asked for.
  const entry = () => call();
  called.add(entry);
  return () => void called.delete(entry);
}

/** Aborts `own` when `signal` is aborted, with its reason. @returns ends that */
export function follow(signal: AbortSignal, own: AbortController): () => void {
  return whenAborted(signal, () => own.abort(signal.reason));
}

/**
 * Runs `work` with a signal of its own, which is aborted when `signal` is. Listeners on it are released with it. A
 * signal that lives as long as the process would keep every object derived from it (AbortSignal.any, sockets; Node 20).
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

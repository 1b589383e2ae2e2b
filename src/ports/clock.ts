/** Time as an argument, so that an hour of waiting can be tested in a millisecond. */
export interface Clock {
  /** Milliseconds since the epoch. May jump when the machine's clock is set: measure short spans only. */
  now(): number;
  /**
   * Resolves after `ms` milliseconds, never earlier.
   * @throws the signal's reason as soon as it is aborted
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `run` once after `ms` milliseconds, never earlier. @returns cancels the call */
  after(ms: number, run: () => void): () => void;
}

/** A number in [0, 1). Chance as an argument, for jitter. */
export type Random = () => number;

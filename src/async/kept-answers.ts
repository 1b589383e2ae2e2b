/** Answers that are given again for a while, so that the same question at the same time is asked once. */
import type { Clock } from "../ports/clock.ts";

export interface KeptAnswersOptions {
  readonly forMs: number;
  /** With more of them, all are forgotten. */
  readonly most: number;
}

/** @returns the answer that is kept under the key, or else that of `make`. A failure is not kept. */
export type KeepAnswer = <T>(key: string, make: () => Promise<T>) => Promise<T>;

export function createKeptAnswers(clock: Pick<Clock, "now">, { forMs, most }: KeptAnswersOptions): KeepAnswer {
  const kept = new Map<string, { readonly until: number; readonly value: Promise<unknown> }>();
  return <T>(key: string, make: () => Promise<T>) => {
    const found = kept.get(key);
    if (found !== undefined && found.until > clock.now()) return found.value as Promise<T>;
    if (kept.size > most) kept.clear();
    const value = make();
    kept.set(key, { until: clock.now() + forMs, value });
    value.catch(() => kept.delete(key));
    return value;
  };
}

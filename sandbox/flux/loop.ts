/**
 * The loop that both controllers share: one key is worked at a time, again after its interval, and earlier when asked.
 */
import type { Clock } from "../../src/ports/clock.ts";

export interface Loop {
  add(key: string): void;
  stop(): void;
}

/**
 * @param work resolves with the milliseconds until the key is due again; undefined: only when it is added again
 * @param report receives what was thrown; the key is then worked again after ten seconds
 */
export function startLoop(
  clock: Clock,
  work: (key: string) => Promise<number | undefined>,
  report: (message: string) => void,
): Loop {
  const RETRY_MS = 10_000;
  const timers = new Map<string, () => void>();
  const waiting = new Set<string>();
  let busy = false;
  let stopped = false;

  const add = (key: string) => {
    if (stopped) return;
    waiting.add(key);
    if (!busy) void drain();
  };
  async function drain(): Promise<void> {
    busy = true;
    for (let [key] = waiting; key !== undefined && !stopped; [key] = waiting) {
      waiting.delete(key);
      timers.get(key)?.();
      const again = await work(key).catch((error: unknown) => {
        report(`${key}: ${error instanceof Error ? error.message : String(error)}`);
        return RETRY_MS;
      });
      const same = key;
      if (again !== undefined && !stopped)
        timers.set(
          same,
          clock.after(again, () => add(same)),
        );
    }
    busy = false;
  }
  return {
    add,
    stop: () => {
      stopped = true;
      waiting.clear();
      for (const cancel of timers.values()) cancel();
    },
  };
}

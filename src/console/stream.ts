/**
 * Server-sent events: a row of a Canary whenever it changes, at most four times a second. A browser that was away names the
 * last id that it saw, and gets what it missed, or `reset` when too much has happened.
 */
import type { Clock } from "../ports/clock.ts";
import type { ObjectCache } from "../ports/kube.ts";
import { rowOf } from "./views.ts";

export interface StreamEvent {
  readonly id: number;
  readonly event: "row" | "gone" | "reset";
  readonly namespace: string;
  /** JSON */
  readonly data: string;
}

export interface Stream {
  /** @param since the last id that the browser saw @returns stops */
  subscribe(since: number | undefined, listener: (events: readonly StreamEvent[]) => void): () => void;
  readonly last: number;
}

const RING = 10_000;
const COALESCE_MS = 250;

export function createStream(canaries: ObjectCache, clock: Clock, signal: AbortSignal): Stream {
  let last = 0;
  let ring: StreamEvent[] = [];
  const listeners = new Set<(events: readonly StreamEvent[]) => void>();
  let pending = new Map<string, Omit<StreamEvent, "id">>();
  let flushing = false;

  const flush = async (): Promise<void> => {
    flushing = true;
    await clock.sleep(COALESCE_MS, signal).catch(() => undefined);
    flushing = false;
    const events = [...pending.values()].map((event): StreamEvent => {
      last += 1;
      return { ...event, id: last };
    });
    pending = new Map();
    ring = [...ring, ...events].slice(-RING);
    for (const listener of listeners) listener(events);
  };
  canaries.onChange((change) => {
    const { namespace = "", name } = change.object.metadata;
    const gone = change.type === "deleted";
    const data = JSON.stringify(gone ? { namespace, name } : rowOf(change.object));
    pending.set(`${namespace}/${name}`, { event: gone ? "gone" : "row", namespace, data });
    if (!flushing && !signal.aborted) void flush();
  });

  return {
    get last() {
      return last;
    },
    subscribe(since, listener) {
      const [oldest] = ring;
      if (since !== undefined && since < last) {
        const missed = oldest === undefined || oldest.id > since + 1;
        listener(
          missed ? [{ id: last, event: "reset", namespace: "", data: "{}" }] : ring.filter(({ id }) => id > since),
        );
      }
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

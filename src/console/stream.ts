/**
 * Server-sent events: a row of a Canary whenever it changes, at most four times a second, and its name when the record
 * of its release grows. A browser that was away names the last id that it saw, and gets what it missed, or `reset` when
 * too much has happened. Ids are of one process: a browser that comes from another replica, or from before a restart,
 * gets `reset`.
 */
import { randomBytes } from "node:crypto";
import type { Clock } from "../ports/clock.ts";
import type { ObjectCache } from "../ports/kube.ts";
import { shownText } from "./shown.ts";
import { rowOf } from "./views.ts";

export interface StreamEvent {
  readonly id: string;
  readonly event: "row" | "gone" | "record" | "reset";
  readonly namespace: string;
  /** JSON */
  readonly data: string;
}

export interface Stream {
  /** @param since the last id that the browser saw @returns stops */
  subscribe(since: string | undefined, listener: (events: readonly StreamEvent[]) => void): () => void;
  readonly last: string;
}

const RING = 10_000;
/** Characters of all events that are kept. */
const RING_SIZE = 8 * 2 ** 20;
const COALESCE_MS = 250;

/** The last events, of which there are neither too many nor too long ones. */
function lately(events: readonly StreamEvent[]): StreamEvent[] {
  let size = 0;
  const first = events.findLastIndex(({ data }) => {
    size += data.length;
    return size > RING_SIZE;
  });
  return events.slice(Math.max(first + 1, events.length - RING));
}

export function createStream(
  canaries: ObjectCache,
  records: Pick<ObjectCache, "onChange">,
  clock: Clock,
  signal: AbortSignal,
): Stream {
  const process = randomBytes(6).toString("hex");
  const idOf = (count: number) => `${process}-${count}`;
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
      return { ...event, id: idOf(last) };
    });
    pending = new Map();
    ring = lately([...ring, ...events]);
    for (const listener of listeners) listener(events);
  };
  const tell = (key: string, event: Omit<StreamEvent, "id">): void => {
    pending.set(key, event);
    if (!flushing && !signal.aborted) void flush();
  };
  canaries.onChange((change) => {
    const { namespace = "", name } = change.object.metadata;
    const gone = change.type === "deleted";
    const data = JSON.stringify(gone ? { namespace, name } : rowOf(change.object));
    tell(`${namespace}/${name}`, { event: gone ? "gone" : "row", namespace, data });
  });
  records.onChange(({ object }) => {
    const { namespace = "" } = object.metadata;
    const name = shownText(String(object.spec?.canary));
    tell(`record ${namespace}/${name}`, { event: "record", namespace, data: JSON.stringify({ namespace, name }) });
  });

  /** What a browser that saw `since` has missed. */
  const missed = (since: string): readonly StreamEvent[] => {
    const [own, count] = since.split("-");
    const seen = own === process ? Number(count) : Number.NaN;
    if (seen >= last) return [];
    const isKept = seen >= last - ring.length;
    return isKept ? ring.slice(seen - last) : [{ id: idOf(last), event: "reset", namespace: "", data: "{}" }];
  };

  return {
    get last() {
      return idOf(last);
    },
    subscribe(since, listener) {
      const events = since === undefined ? [] : missed(since);
      if (events.length > 0) listener(events);
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

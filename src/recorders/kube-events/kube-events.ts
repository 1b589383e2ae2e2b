/**
 * The operator's events as Kubernetes Events (`kubectl describe canary`). Recording never waits. The events of one
 * object are written in order; objects do not wait for each other:
 *
 *   record ─► the lane of the object ─► ready ─► one of PARALLEL writers ─► written, or refused for good
 *                     ▲                                   │
 *                     └───────── wait, twice as long ◄────┘ no answer, overload
 *
 * When too many events of one object wait, or too many in all, the oldest of the longest lane is dropped and counted.
 */
import { setMaxListeners } from "node:events";
import { errorText } from "../../error-text.ts";
import type { Clock, Random } from "../../ports/clock.ts";
import { isAlreadyExists, isNotFound, KubeError, type KubeWriter } from "../../ports/kube.ts";
import { type ObjectRef, RESOURCES } from "../../ports/kubernetes.ts";
import type { Log } from "../../ports/log.ts";
import { type Correlation, createCorrelator, eventObject, eventPatch, type KubeEvent } from "./correlate.ts";

export interface KubeEvents {
  /** Returns at once; never throws. */
  record(event: KubeEvent): void;
  /** Resolves when all recorded events are written; when `signal` is aborted first, the rest is given up. */
  flush(signal: AbortSignal): Promise<void>;
}

export interface KubeEventsOptions {
  readonly writer: Pick<KubeWriter, "create" | "mergePatch">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** source.component; "flagger" when absent: dashboards and alerts look for it. */
  readonly component?: string;
  /** "Synced" when absent, for all events, as in Flagger. */
  readonly reason?: string;
  /** Most events that wait per object; 200 when absent. */
  readonly capacity?: number;
  /** Most events that wait in all; 10,000 when absent. */
  readonly totalCapacity?: number;
  /** Called for every event that is dropped, for a metric. */
  readonly onDropped?: () => void;
}

const CAPACITY = 200;
const TOTAL_CAPACITY = 10_000;
const PARALLEL = 4;
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 60_000;
/** The API's own limit for a note of events.k8s.io, in characters. */
const LONGEST_MESSAGE = 1024;

interface Entry {
  readonly event: KubeEvent;
  readonly atMs: number;
  /** Set by the first attempt, so that a second attempt does not count as a repetition. */
  correlation?: Correlation;
}

interface Lane {
  readonly key: string;
  readonly entries: Entry[];
  /** The oldest entry is being written, or waits for its next attempt. */
  busy: boolean;
  retryMs: number;
  dropped: number;
}

export function createKubeEvents(options: KubeEventsOptions): KubeEvents {
  const { clock, log } = options;
  const life = new AbortController();
  setMaxListeners(0, life.signal); // every lane that waits listens to it
  const write = createEventWriter(options, life.signal);
  const lanes = new Map<string, Lane>();
  /** Lanes with something to write, the longest waiting first. */
  const ready = new Set<Lane>();
  let waiting = 0;
  let writing = 0;
  let idle = () => {};

  function pump(): void {
    for (const lane of ready) {
      if (writing >= PARALLEL || life.signal.aborted) return;
      ready.delete(lane);
      void serve(lane);
    }
  }

  async function serve(lane: Lane): Promise<void> {
    const [entry] = lane.entries;
    if (entry === undefined) return;
    lane.busy = true;
    writing += 1;
    const end = await write(entry);
    writing -= 1;
    if (end === "again" && !life.signal.aborted) {
      const ms = lane.retryMs * (0.5 + options.random() / 2);
      lane.retryMs = Math.min(lane.retryMs * 2, RETRY_MAX_MS);
      void clock.sleep(ms, life.signal).then(
        () => next(lane),
        () => undefined, // given up by `flush`
      );
    } else {
      lane.entries.shift();
      waiting -= 1;
      lane.retryMs = RETRY_MIN_MS;
      next(lane);
    }
    pump();
  }

  function next(lane: Lane): void {
    lane.busy = false;
    if (lane.entries.length > 0) ready.add(lane);
    else {
      lanes.delete(lane.key);
      if (lane.dropped > 0)
        log.warn({ object: lane.key, dropped: lane.dropped }, "events were dropped, too many waited");
    }
    if (waiting === 0) idle();
    pump();
  }

  return {
    record(event) {
      if (life.signal.aborted) return;
      const key = `${event.object.namespace}/${event.object.name}`;
      const lane = lanes.get(key) ?? { key, entries: [], busy: false, retryMs: RETRY_MIN_MS, dropped: 0 };
      lanes.set(key, lane);
      lane.entries.push({ event: { ...event, message: cut(event.message) }, atMs: clock.now() });
      waiting += 1;
      const isFull = lane.entries.length - (lane.busy ? 1 : 0) > (options.capacity ?? CAPACITY);
      const areMany = waiting > (options.totalCapacity ?? TOTAL_CAPACITY);
      if ((isFull || areMany) && dropOldest(isFull ? lane : longestOf(lanes.values(), lane), options)) waiting -= 1;
      if (!lane.busy) ready.add(lane);
      pump();
    },
    async flush(signal) {
      const empty = new Promise<void>((resolve) => {
        idle = resolve;
      });
      const abort = () => {
        life.abort(signal.reason);
        if (waiting > 0) log.warn({ events: waiting }, "events were not written before the end");
        idle();
      };
      if (signal.aborted) abort();
      signal.addEventListener("abort", abort, { once: true });
      if (waiting > 0 && !life.signal.aborted) await empty;
      signal.removeEventListener("abort", abort);
    },
  };
}

/** Drops the oldest event that is not being written. @returns false when there is none */
function dropOldest(lane: Lane, { log, onDropped }: KubeEventsOptions): boolean {
  const [dropped] = lane.entries.splice(lane.busy ? 1 : 0, 1);
  if (dropped === undefined) return false;
  if (lane.dropped === 0) {
    const about = { object: lane.key, event: dropped.event.message };
    log.warn(about, "too many events wait for the API server, dropping the oldest");
  }
  lane.dropped += 1;
  onDropped?.();
  return true;
}

function longestOf(lanes: Iterable<Lane>, known: Lane): Lane {
  let longest = known;
  for (const lane of lanes) if (lane.entries.length > longest.entries.length) longest = lane;
  return longest;
}

function cut(message: string): string {
  return message.length <= LONGEST_MESSAGE ? message : `${message.slice(0, LONGEST_MESSAGE - 1)}…`;
}

/** One attempt to write an event. Afterwards it is done (written, or refused permanently), or due again. */
function createEventWriter({ writer, log, ...options }: KubeEventsOptions, signal: AbortSignal) {
  const component = options.component ?? "flagger";
  const reason = options.reason ?? "Synced";
  const correlator = createCorrelator();

  /** @returns false when the Event has expired */
  async function patched(ref: ObjectRef, patch: object): Promise<boolean> {
    try {
      await writer.mergePatch(ref, patch, {}, signal);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  async function attempt(entry: Entry): Promise<void> {
    entry.correlation ??= correlator.correlate(entry.event, entry.atMs);
    const { sighting, known } = entry.correlation;
    const object = eventObject(entry.event, sighting, component, reason);
    const { name, namespace } = object.metadata;
    if (known && (await patched({ type: RESOURCES.event, namespace, name }, eventPatch(sighting)))) return;
    await writer.create(RESOURCES.event, object, signal).catch((error: unknown) => {
      if (!isAlreadyExists(error)) throw error; // an earlier attempt succeeded, only its answer was lost
    });
  }

  return async (entry: Entry): Promise<"done" | "again"> => {
    try {
      await attempt(entry);
      return "done";
    } catch (error) {
      const { object, message } = entry.event;
      const text = errorText(error);
      const about = { object: `${object.namespace}/${object.name}`, event: message, error: text };
      if (isPassing(error) && !signal.aborted) {
        log.debug(about, "cannot write an event, trying again");
        return "again";
      }
      if (!signal.aborted) log.warn(about, "the API server refused an event");
      if (entry.correlation?.known === false) correlator.forget(entry.correlation.key);
      return "done";
    }
  };
}

/** Worth another attempt: no answer, overload, internal errors. Not: forbidden, no such namespace, invalid. */
function isPassing(error: unknown): boolean {
  return error instanceof KubeError && (error.code === 0 || error.code === 429 || error.code >= 500);
}

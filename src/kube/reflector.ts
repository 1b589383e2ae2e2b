/**
 * Mirrors one collection of the API server into a sink. It runs until it is stopped:
 *
 *            ┌── 404: the kind is not installed: nothing; look again later ─┐
 *            ▼                                                              │
 *   start ─► LIST ─► WATCH from the list's version ──── 410, an ERROR event ┤
 *                    ▲   │  changes and bookmarks       or not reachable ───┘
 *                    │   │  move the version on
 *                    └───┘ ended, broken or silent: resume
 *
 * A watch that lived for a while is resumed at once, because servers end watches every few minutes. After a watch that
 * ended quickly that would be a denial of service: only a watch that lived HEALTHY_MS resets the back-off.
 */

import { createBackOff, DeadlineExceeded, withDeadline } from "../async/back-off.ts";
import { errorText } from "../error-text.ts";
import type { Clock, Random } from "../ports/clock.ts";
import { isDenied, isGone, isNotFound, KubeError } from "../ports/kube.ts";
import {
  apiVersionOf,
  collectionPath,
  type KubeFields,
  type KubeObject,
  type ResourceType,
} from "../ports/kubernetes.ts";
import type { Log } from "../ports/log.ts";
import { bare, listAll, METADATA_OF_WATCH, type Sift } from "./client.ts";
import type { KubeTransport } from "./transport.ts";
import { statusError } from "./transport-errors.ts";

/** The objects to mirror. */
export interface Collection {
  readonly type: ResourceType;
  /** Absent or "": every namespace. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Mirror only names and versions. */
  readonly metadataOnly?: boolean;
  /** The part of each object that is kept, so that large objects of which little is needed do not fill the memory. */
  readonly part?: (object: KubeObject) => KubeObject;
  /**
   * Called when a list begins: what of each object is kept. The sink decides itself what it keeps of an object of the
   * watch.
   */
  readonly sift?: () => Sift;
}

export interface WatchTiming {
  /** Silence after which a watch counts as dead and is resumed. API servers send a bookmark about once a minute. */
  readonly idleMs: number;
  /** The server is asked to end each watch after this long (up to half as much again, at random). */
  readonly lifetimeMs: number;
  readonly backOffMinMs: number;
  readonly backOffMaxMs: number;
}

export const WATCH_TIMING: WatchTiming = {
  idleMs: 90_000,
  lifetimeMs: 300_000,
  backOffMinMs: 200,
  backOffMaxMs: 30_000,
};

/** What the watches of one cluster share. */
export interface WatchPorts {
  readonly transport: KubeTransport;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly timing?: WatchTiming;
}

/** The receiver of the objects. */
export interface Sink {
  /** The complete collection. */
  replaceAll(objects: readonly KubeObject[]): void;
  put(object: KubeObject): void;
  remove(last: KubeObject): void;
  /** The server does not know the kind. */
  absent(): void;
  /** Why the kind cannot be listed or watched; undefined: it can again. @param denied the server refused */
  troubled(why: string | undefined, denied?: boolean): void;
  /** The server has accepted a watch. */
  watching(): void;
}

const HEALTHY_MS = 5000;

type End = "closed" | "silent" | "too-old";

/** The progress of one watch. */
interface Progress {
  /** Version to resume from. */
  version: string;
  /** The server accepted the watch. */
  began: boolean;
}

/** Runs until `signal` is aborted; never rejects. */
export async function reflect(
  collection: Collection,
  ports: WatchPorts,
  sink: Sink,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, transport } = ports;
  const timing = ports.timing ?? WATCH_TIMING;
  const backOff = createBackOff(timing.backOffMinMs, timing.backOffMaxMs, random);
  const journal = createJournal(ports.log, collection);
  /** The version to resume from; undefined: list first. */
  let version: string | undefined;

  async function turn(): Promise<void> {
    if (version === undefined) {
      const { type, namespace } = collection;
      const keep = partOf(collection);
      const begin = collection.sift ?? (() => (object: KubeObject) => object);
      const sift = () => {
        const next = begin();
        return (object: KubeObject) => next(keep(object));
      };
      const options = { ...collection, sift };
      const listing = await listAll(transport, type, namespace ?? "", options, signal);
      signal.throwIfAborted();
      sink.replaceAll(listing.objects);
      version = listing.resourceVersion;
      sink.troubled(undefined);
    }
    const progress: Progress = { version, began: false };
    const startedAt = clock.now();
    try {
      const end = await watch(collection, ports, timing, sink, progress, journal, signal);
      version = end === "too-old" ? undefined : progress.version;
    } catch (error) {
      // A server that was unreachable, or refused, may come back with another history. A watch that resumes there could
      // wait for a version that never comes.
      version = progress.began ? progress.version : undefined;
      throw error;
    } finally {
      if (clock.now() - startedAt >= HEALTHY_MS) backOff.reset();
    }
    if (clock.now() - startedAt < HEALTHY_MS) await clock.sleep(backOff.next(), signal);
  }

  while (!signal.aborted) {
    try {
      await turn();
    } catch (error) {
      if (signal.aborted) return;
      if (isNotFound(error)) sink.absent();
      if (isNotFound(error)) journal.absent();
      else {
        journal.failed(error);
        sink.troubled(errorText(error), isDenied(error));
      }
      await clock.sleep(backOff.next(), signal).catch(() => undefined); // aborted: the loop's condition ends it
    }
  }
}

async function watch(
  collection: Collection,
  { transport, clock, random }: WatchPorts,
  timing: WatchTiming,
  sink: Sink,
  progress: Progress,
  journal: Journal,
  signal: AbortSignal,
): Promise<End> {
  const path = collectionPath(collection.type, collection.namespace ?? "");
  const lifetimeMs = timing.lifetimeMs * (1 + random() / 2);
  const query = {
    watch: "true",
    allowWatchBookmarks: "true",
    resourceVersion: progress.version,
    timeoutSeconds: String(Math.ceil(lifetimeMs / 1000)),
    labelSelector: collection.labelSelector,
    fieldSelector: collection.fieldSelector,
  };
  try {
    const end = await withDeadline(clock, timing.idleMs, signal, async (deadline): Promise<End> => {
      const accept = collection.metadataOnly === true ? { accept: METADATA_OF_WATCH } : {};
      const events = await transport.stream({ path, query, ...accept }, deadline.signal);
      progress.began = true;
      journal.watching();
      sink.troubled(undefined);
      sink.watching();
      for await (const event of events) {
        deadline.restart(timing.idleMs);
        if (!take(event, collection, sink, progress)) return "too-old";
      }
      return "closed";
    });
    journal.ended(end);
    return end;
  } catch (error) {
    if (isGone(error)) return "too-old";
    if (!(error instanceof DeadlineExceeded)) throw error;
    // A server may be deaf to watches, or a proxy withholds answers: lists keep the cache at most `idleMs` old, and the
    // log says so.
    if (!progress.began) throw notBegun(path, error);
    journal.ended("silent");
    return "silent";
  }
}

function notBegun(path: string, cause: DeadlineExceeded): KubeError {
  const fault = `the API server answers lists and gave ${cause.message} to the watch of ${path}`;
  const hint = "is there a proxy in between that withholds answers?";
  const message = `${fault}: ${hint} Until a watch begins, lists show what changed, every ${cause.ms / 1000} s`;
  return new KubeError(0, "Timeout", message, undefined, { cause });
}

/** Handles one event. @returns false when the version is too old to continue from @throws KubeError for ERROR events */
function take(event: KubeFields, collection: Collection, sink: Sink, progress: Progress): boolean {
  const { type, metadataOnly } = collection;
  const object: KubeObject = event?.object;
  const kept = () =>
    metadataOnly === true
      ? bare(object, { apiVersion: apiVersionOf(type), kind: type.kind })
      : partOf(collection)(object);
  if (event?.type === "ERROR") {
    const error = statusError(object, 500, "the API server ended the watch without saying why");
    if (isGone(error)) return false;
    progress.began = false; // for any error: list again
    throw error;
  }
  if (event?.type === "ADDED" || event?.type === "MODIFIED") sink.put(kept());
  if (event?.type === "DELETED") sink.remove(kept());
  progress.version = object?.metadata?.resourceVersion ?? progress.version;
  return true;
}

const partOf =
  ({ part }: Collection) =>
  (object: KubeObject): KubeObject =>
    part === undefined ? slim(object) : part(slim(object));

/** managedFields is often half of an object, and no reader of a cache needs it. */
export function slim(object: KubeObject): KubeObject {
  if (object.metadata.managedFields === undefined) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata: { ...metadata, name: object.metadata.name } };
}

type Journal = ReturnType<typeof createJournal>;

/** Logs each trouble once, and once that it is over. */
function createJournal(log: Log, { type, namespace }: Collection) {
  const kind = `${type.plural}.${apiVersionOf(type)}`;
  const fields = { kind, ...(namespace === undefined || namespace === "" ? {} : { namespace }) };
  let trouble: string | undefined;
  const once = (text: string, say: () => void) => {
    if (trouble !== text) say();
    trouble = text;
  };
  return {
    watching() {
      if (trouble !== undefined) log.info(fields, "watching again");
      trouble = undefined;
    },
    ended(end: End) {
      log.debug({ ...fields, end }, "a watch ended");
    },
    absent() {
      once("absent", () => log.info(fields, "this kind is not installed in the cluster; waiting for it"));
    },
    failed(error: unknown) {
      const text = errorText(error);
      once(text, () => log.warn({ ...fields, error: text }, "cannot watch, trying again"));
    },
  };
}

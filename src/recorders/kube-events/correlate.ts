/**
 * Distinguishes, counts and merges events as client-go's EventCorrelator does, without its token bucket: the bucket
 * would drop events of busy Canaries, because all their events have the same reason.
 */
import type { KubeFields } from "../../ports/kubernetes.ts";

/** The object an event is about, as the API has it. */
export interface InvolvedObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion?: string;
}

export interface KubeEvent {
  readonly object: InvolvedObject;
  readonly type: "Normal" | "Warning";
  readonly message: string;
  /** The run that it belongs to. Events of two runs are never merged into one line, or no history could be read. */
  readonly run?: string;
}

/** One Event object of the cluster and how often it happened. */
export interface Sighting {
  /** Of the Event object. */
  readonly name: string;
  readonly message: string;
  readonly count: number;
  /** Milliseconds since the epoch. */
  readonly firstMs: number;
  readonly lastMs: number;
}

export const COMBINED_PREFIX = "(combined from similar events): ";
/**
 * More messages than this about one object and of one type, within the window, are merged into one Event. client-go
 * merges beyond 10, which hides the second half of an ordinary rollout: all of a Canary's events share one reason
 * (Q90).
 */
export const SIMILAR_MAX = 200;
const SIMILAR_WINDOW_MS = 600_000;
/** Number of remembered events. API servers delete Events after an hour, so the oldest may be dropped. */
const REMEMBERED_MAX = 4096;

interface Family {
  readonly messages: Set<string>;
  lastMs: number;
}

/** A map that drops its least recently written entries. */
function remember<V>(memory: Map<string, V>, key: string, value: V): void {
  memory.delete(key);
  memory.set(key, value);
  const [oldest] = memory.keys();
  if (memory.size > REMEMBERED_MAX && oldest !== undefined) memory.delete(oldest);
}

export interface Correlation {
  /** The key for `forget`. */
  readonly key: string;
  readonly sighting: Sighting;
  /** The Event object exists already: increase its count. */
  readonly known: boolean;
}

export function createCorrelator() {
  const families = new Map<string, Family>();
  const sightings = new Map<string, Sighting>();
  let serial = 0;

  function isOneOfMany(familyKey: string, message: string, now: number): boolean {
    const known = families.get(familyKey);
    const family: Family =
      known === undefined || now - known.lastMs > SIMILAR_WINDOW_MS ? { messages: new Set(), lastMs: now } : known;
    family.lastMs = now;
    remember(families, familyKey, family);
    if (family.messages.has(message)) return false;
    if (family.messages.size >= SIMILAR_MAX) return true;
    family.messages.add(message);
    return false;
  }

  return {
    /** @param now time of the event, milliseconds since the epoch */
    correlate({ object, type, message, run }: KubeEvent, now: number): Correlation {
      const familyKey = JSON.stringify([
        object.apiVersion,
        object.kind,
        object.namespace,
        object.name,
        object.uid,
        type,
      ]);
      const combined = isOneOfMany(familyKey, message, now);
      const key = combined ? familyKey : `${familyKey} ${run ?? ""} ${message}`;
      const before = sightings.get(key);
      serial = (serial + 1) % 1_000_000;
      const sighting: Sighting = {
        name: before?.name ?? eventName(object.name, now, serial),
        message: combined ? `${COMBINED_PREFIX}${message}` : message,
        count: (before?.count ?? 0) + 1,
        firstMs: before?.firstMs ?? now,
        lastMs: now,
      };
      remember(sightings, key, sighting);
      return { key, sighting, known: before !== undefined };
    },
    /** The Event object was never created. */
    forget(key: string): void {
      sightings.delete(key);
    },
  };
}

/** `<object>.<hex of the time in nanoseconds>`; the serial number distinguishes events of the same millisecond. */
function eventName(object: string, nowMs: number, serial: number): string {
  const suffix = (BigInt(Math.trunc(nowMs)) * 1_000_000n + BigInt(serial)).toString(16);
  const room = 253 - suffix.length - 1;
  return `${object.slice(0, room).replace(/[^a-z0-9]+$/, "")}.${suffix}`;
}

/** metav1.Time: whole seconds. */
const seconds = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");

/** Names the run in an Event, as in the CanaryRun that records it. */
const RUN_ANNOTATION = "aviary.flagger.app/run";

/** The Event object as it is created. */
export function eventObject(event: KubeEvent, sighting: Sighting, component: string, reason: string): KubeFields {
  const { object, type, run } = event;
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: {
      name: sighting.name,
      namespace: object.namespace === "" ? "default" : object.namespace,
      ...(run === undefined ? {} : { annotations: { [RUN_ANNOTATION]: run } }),
    },
    involvedObject: { ...object },
    reason,
    message: sighting.message,
    type,
    source: { component },
    reportingComponent: component,
    reportingInstance: "",
    firstTimestamp: seconds(sighting.firstMs),
    lastTimestamp: seconds(sighting.lastMs),
    count: sighting.count,
  };
}

/** The fields that change when the event repeats. */
export function eventPatch(sighting: Sighting): KubeFields {
  return { count: sighting.count, lastTimestamp: seconds(sighting.lastMs), message: sighting.message };
}

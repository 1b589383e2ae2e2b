/** Events of the core group (as stored) and of events.k8s.io: the same facts under other names. */
import type { KubeObject } from "../../../src/ports/kubernetes.ts";

const NAMES: readonly (readonly [core: string, events: string])[] = [
  ["involvedObject", "regarding"],
  ["message", "note"],
  ["reportingComponent", "reportingController"],
  ["source", "deprecatedSource"],
  ["firstTimestamp", "deprecatedFirstTimestamp"],
  ["lastTimestamp", "deprecatedLastTimestamp"],
  ["count", "deprecatedCount"],
];

const TO_EVENTS = new Map(NAMES);
const TO_CORE = new Map(NAMES.map(([core, events]) => [events, core]));

function renamed(object: KubeObject, names: ReadonlyMap<string, string>): KubeObject {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => [names.get(name) ?? name, value]),
  ) as KubeObject;
}

/** events.k8s.io/v1 from the core group. */
export function eventFromStorage(object: KubeObject): KubeObject {
  return renamed(object, TO_EVENTS);
}

/** The core group from events.k8s.io/v1. */
export function eventToStorage(object: KubeObject): KubeObject {
  return renamed(object, TO_CORE);
}

/** Kubernetes Events as controllers and the kubelet write them: repetitions are counted, not repeated. */
import type { Clock } from "../../src/ports/clock.ts";
import { type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import { rfc3339 } from "../clock.ts";
import { ApiError, type Cluster } from "../cluster.ts";

export interface EventRecorder {
  normal(object: KubeObject, reason: string, message: string, fieldPath?: string): void;
  warning(object: KubeObject, reason: string, message: string, fieldPath?: string): void;
}

/** So many different events are remembered for counting; older ones start anew. */
const REMEMBERED = 2_000;

/** @param component shown by `kubectl describe` in the From column, e.g. "deployment-controller" */
export function eventRecorder(cluster: Cluster, clock: Clock, component: string): EventRecorder {
  const names = new Map<string, string>();
  let serial = 0;
  const freshName = (object: KubeObject) => {
    serial += 1;
    return `${object.metadata.name}.${(clock.now() * 4096 + (serial % 4096)).toString(16)}${component.length.toString(16)}`;
  };
  const count = (namespace: string, name: string): boolean => {
    const known = cluster.get(RESOURCES.event, namespace, name);
    if (known === undefined) return false;
    const copy = structuredClone(known);
    copy.count = (copy.count ?? 1) + 1;
    copy.lastTimestamp = rfc3339(clock.now());
    cluster.update(RESOURCES.event, copy);
    return true;
  };
  const record = (type: string, object: KubeObject, reason: string, message: string, fieldPath?: string) => {
    const namespace = object.metadata.namespace ?? "default";
    const id = [object.metadata.uid, type, reason, message, fieldPath].join("\n");
    const known = names.get(id);
    if (known !== undefined && count(namespace, known)) return;
    const name = freshName(object);
    if (!create(cluster, { object, namespace, name, type, reason, message, fieldPath, component }, clock.now())) return;
    names.set(id, name);
    for (const oldest of names.keys()) {
      if (names.size <= REMEMBERED) break;
      names.delete(oldest);
    }
  };
  return {
    normal: (object, reason, message, fieldPath) => record("Normal", object, reason, message, fieldPath),
    warning: (object, reason, message, fieldPath) => record("Warning", object, reason, message, fieldPath),
  };
}

interface Occurrence {
  readonly object: KubeObject;
  readonly namespace: string;
  readonly name: string;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly fieldPath: string | undefined;
  readonly component: string;
}

/** @returns false when the namespace takes no more events because it is being deleted */
function create(cluster: Cluster, event: Occurrence, nowMs: number): boolean {
  const { object, namespace, name, component } = event;
  const now = rfc3339(nowMs);
  try {
    cluster.create(RESOURCES.event, {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name, namespace },
      involvedObject: {
        apiVersion: object.apiVersion,
        kind: object.kind,
        name: object.metadata.name,
        namespace: object.metadata.namespace,
        uid: object.metadata.uid,
        resourceVersion: object.metadata.resourceVersion,
        ...(event.fieldPath === undefined ? {} : { fieldPath: event.fieldPath }),
      },
      type: event.type,
      reason: event.reason,
      message: event.message,
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
      source: { component },
      reportingComponent: component,
      reportingInstance: "",
    });
    return true;
  } catch (error) {
    // A lost event is no failure: its namespace may be in deletion (403, 404).
    if (error instanceof ApiError && (error.code === 403 || error.code === 404)) return false;
    throw error;
  }
}

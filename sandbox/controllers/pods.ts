/** Questions about pods. */
import { type KubeFields, type KubeObject, RESOURCES, type ResourceType } from "../../src/ports/kubernetes.ts";
import type { Cluster } from "../cluster.ts";
import {
  controllerOf,
  controllerRef,
  edit,
  isControlledBy,
  isTerminating,
  matchesSelector,
  namespaceOf,
} from "./objects.ts";

export function condition(object: KubeObject, type: string): KubeFields | undefined {
  return object.status?.conditions?.find((entry: KubeFields) => entry.type === type);
}

/** Succeeded or Failed: its containers will not run again. */
export function isFinished(pod: KubeObject): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

/** Neither finished nor being deleted. */
export function isActive(pod: KubeObject): boolean {
  return !isFinished(pod) && !isTerminating(pod);
}

export function isReady(pod: KubeObject): boolean {
  return condition(pod, "Ready")?.status === "True";
}

/** Milliseconds until a ready pod counts as available; 0: it does; undefined: it is not ready. */
export function untilAvailable(pod: KubeObject, minReadySeconds: number, now: number): number | undefined {
  if (!isReady(pod)) return undefined;
  const since = Date.parse(condition(pod, "Ready")?.lastTransitionTime ?? "");
  if (minReadySeconds <= 0) return 0;
  return Number.isNaN(since) ? minReadySeconds * 1000 : Math.max(0, since + minReadySeconds * 1000 - now);
}

export interface Availability {
  readonly ready: number;
  readonly available: number;
  /** Milliseconds until the next ready pod becomes available; undefined: none is on its way. */
  readonly nextMs: number | undefined;
}

/** Counts ready and available pods. */
export function availability(pods: readonly KubeObject[], minReadySeconds: number, now: number): Availability {
  const waits = pods.flatMap((pod) => untilAvailable(pod, minReadySeconds, now) ?? []);
  const later = waits.filter((wait) => wait > 0);
  return {
    ready: waits.length,
    available: waits.length - later.length,
    nextMs: later.length === 0 ? undefined : Math.min(...later),
  };
}

/**
 * The objects of `type` that `owner` controls. Objects that match its selector and have no controller are adopted;
 * those that match no more are released.
 */
export function claim(cluster: Cluster, owner: KubeObject, type: ResourceType): readonly KubeObject[] {
  const { uid } = owner.metadata;
  return cluster.list(type, namespaceOf(owner)).flatMap((object) => {
    const matches = matchesSelector(owner.spec?.selector, object.metadata.labels);
    if (isControlledBy(object, owner)) {
      if (matches || isTerminating(owner)) return [object];
      edit(cluster, type, object, (copy) => {
        copy.metadata.ownerReferences = (copy.metadata.ownerReferences ?? []).filter((ref) => ref.uid !== uid);
      });
      return [];
    }
    if (!matches || controllerOf(object) !== undefined || isTerminating(object) || isTerminating(owner)) return [];
    const adopted = edit(cluster, type, object, (copy) => {
      copy.metadata.ownerReferences = [...(copy.metadata.ownerReferences ?? []), controllerRef(owner)];
    });
    return adopted === undefined ? [] : [adopted];
  });
}

/** Pods in the order in which they should go: those that serve least first, and of equals the youngest. */
export function byDispensability(pods: readonly KubeObject[]): KubeObject[] {
  const rank = (pod: KubeObject): number[] => [
    pod.spec?.nodeName ? 1 : 0,
    { Pending: 0, Unknown: 1, Running: 2 }[String(pod.status?.phase ?? "Pending")] ?? 0,
    isReady(pod) ? 1 : 0,
    Number(pod.metadata.annotations?.["controller.kubernetes.io/pod-deletion-cost"] ?? 0),
    -(Date.parse(condition(pod, "Ready")?.lastTransitionTime ?? "") || 0),
    -(pod.status?.containerStatuses ?? []).reduce((n: number, c: KubeFields) => Math.max(n, c.restartCount ?? 0), 0),
    -(Date.parse(pod.metadata.creationTimestamp ?? "") || 0),
  ];
  return [...pods].sort((a, b) => {
    const [left, right] = [rank(a), rank(b)];
    const differs = left.findIndex((value, i) => value !== right[i]);
    return differs < 0 ? 0 : (left[differs] ?? 0) - (right[differs] ?? 0);
  });
}

/** A pod made from a template. */
export function podFromTemplate(template: KubeFields, owner: KubeObject, name: string): KubeObject {
  const metadata = structuredClone(template.metadata ?? {});
  return {
    apiVersion: "v1",
    kind: RESOURCES.pod.kind,
    metadata: {
      ...(metadata.labels === undefined ? {} : { labels: metadata.labels }),
      ...(metadata.annotations === undefined ? {} : { annotations: metadata.annotations }),
      ...(metadata.finalizers === undefined ? {} : { finalizers: metadata.finalizers }),
      name,
      generateName: `${owner.metadata.name}-`,
      namespace: namespaceOf(owner),
      ownerReferences: [controllerRef(owner)],
    },
    spec: structuredClone(template.spec),
  };
}

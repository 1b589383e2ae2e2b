import type { KubeObject, ObjectRef, ResourceType } from "./kubernetes.ts";

/** The cluster as the caches last saw it. Objects are shared and frozen: copy before changing. */
export interface Snapshot {
  get(ref: ObjectRef): KubeObject | undefined;
  /** How many replicas an object asked for when it was deleted; undefined when that was not seen, or when it exists. */
  replicasBefore?(ref: ObjectRef): number | undefined;
  /** Every object of a kind in a namespace, in no order; empty for a kind that nothing watches. */
  list(type: ResourceType, namespace: string): readonly KubeObject[];
}

import type { KubeObject, ObjectRef } from "./kubernetes.ts";

/** The cluster as it was last heard of. Objects are shared and frozen: copy before changing. */
export interface Snapshot {
  get(ref: ObjectRef): KubeObject | undefined;
}

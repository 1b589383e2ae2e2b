/**
 * What the sandbox's own parts (controllers, kubelet, mesh, gateway) see of the embedded API server: the same objects,
 * rules and errors as over HTTP, without the HTTP. Everything is synchronous because the store is memory.
 */
import type { KubeObject, ResourceType } from "../src/ports/kubernetes.ts";

export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  /** For DELETED the object's last state. Frozen: copy before changing. */
  readonly object: KubeObject;
}

/** Thrown by every verb; rendered over HTTP as a metav1.Status. */
export class ApiError extends Error {
  /** @param code HTTP status, e.g. 409 @param reason e.g. "Conflict", "NotFound", "Invalid", "AlreadyExists" */
  constructor(
    readonly code: number,
    readonly reason: string,
    message: string,
    /** metav1.StatusDetails */
    readonly details?: Readonly<Record<string, unknown>>,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

export interface Cluster {
  get(type: ResourceType, namespace: string, name: string): KubeObject | undefined;
  /** All objects of a kind; `namespace` "" means every namespace. Frozen: copy before changing. */
  list(type: ResourceType, namespace?: string): readonly KubeObject[];
  /** Fills uid, resourceVersion, generation, creationTimestamp, defaults. @throws ApiError 409 AlreadyExists, 422 Invalid */
  create(type: ResourceType, object: KubeObject): KubeObject;
  /** Replaces everything but status. @throws ApiError 409 Conflict when metadata.resourceVersion is set and stale, 404 */
  update(type: ResourceType, object: KubeObject): KubeObject;
  /** Replaces only status (for kinds with the status subresource). @throws ApiError as `update` */
  updateStatus(type: ResourceType, object: KubeObject): KubeObject;
  /** Sets deletionTimestamp while finalizers remain, else removes. Missing objects are not an error. */
  remove(type: ResourceType, namespace: string, name: string): void;
  /**
   * Calls `listener` with ADDED for what exists, then with every change, in order, from a microtask (never re-entrant
   * into the verb that caused it). Works for kinds whose CRD is registered later, too.
   * @returns stops the watch
   */
  watch(type: ResourceType, listener: (event: WatchEvent) => void): () => void;
}

/** Where `kubectl logs` finds a container's output; the kubelet implements it, the API server serves it. */
export interface PodLogs {
  /** Lines so far, oldest first; undefined when there is no such container. `container` undefined: the pod's only one. */
  read(namespace: string, pod: string, container: string | undefined): readonly LogLine[] | undefined;
  /** Calls `listener` for every further line, and `ended` once when the container is gone. @returns stops following */
  follow(
    namespace: string,
    pod: string,
    container: string | undefined,
    listener: (line: LogLine) => void,
    ended: () => void,
  ): () => void;
}

export interface LogLine {
  /** RFC 3339 */
  readonly time: string;
  readonly text: string;
}

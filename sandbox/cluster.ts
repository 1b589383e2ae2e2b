/**
 * What the sandbox's own parts (controllers, kubelet, mesh, gateway) see of the embedded API server: the same objects,
 * rules and errors as over HTTP, without the HTTP. Everything is synchronous because the store is memory.
 */
import type { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
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
  /**
   * Fills uid, resourceVersion, generation, creationTimestamp, defaults.
   * @throws ApiError 409 AlreadyExists, 422 Invalid
   */
  create(type: ResourceType, object: KubeObject): KubeObject;
  /**
   * Replaces everything but status.
   * @throws ApiError 409 Conflict when metadata.resourceVersion is set and stale, 404
   */
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
  /**
   * Lines so far, oldest first; undefined when there is no such container. `container` undefined: the pod's only one.
   */
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

export interface ContainerPlace {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** A command that runs beside a container's program. */
export interface ContainerCommand {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** The exit code. */
  readonly exited: Promise<number>;
  /** The client's terminal has a new size. */
  resize(columns: number, rows: number): void;
  /** Ends the command; a command that has ended is left alone. */
  stop(): void;
}

/** How `kubectl exec`, `attach` and `port-forward` reach a pod; the kubelet implements it, the API server serves it. */
export interface PodConnections {
  /** @throws ApiError 400 when the container does not run */
  exec(
    place: ContainerPlace,
    request: { readonly command: readonly string[]; readonly tty: boolean },
  ): Promise<ContainerCommand>;
  /** The output of the container's own program from now on. @throws ApiError 400 when the container does not run */
  attach(place: ContainerPlace): Promise<ContainerCommand>;
  /** @throws Error that says why nothing answers on that port */
  connect(namespace: string, pod: string, port: number): Promise<Socket>;
}

/** What the operator asks of a Kubernetes API server. Objects travel as raw JSON, see kubernetes.ts. */
import type { Json, KubeFields, KubeObject, ObjectRef, ResourceType } from "./kubernetes.ts";

/** Every failure of a call: what the API server answered, or why there is no answer (`code` 0). */
export class KubeError extends Error {
  /**
   * @param code HTTP status; 0 when no usable answer came
   * @param reason metav1.Status.reason, e.g. "Conflict", or Aviary's own where there is no answer to quote:
   *   Unreachable, Timeout, BadAnswer, Config (no usable kubeconfig), Credentials (an exec plugin or a token file
   *   failed)
   * @param details metav1.Status.details
   */
  constructor(
    readonly code: number,
    readonly reason: string,
    message: string,
    readonly details?: KubeFields,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "KubeError";
  }
}

const answered = (error: unknown, code: number, reason?: string): boolean =>
  error instanceof KubeError && error.code === code && (reason === undefined || error.reason === reason);

/** The object does not exist. */
export const isNotFound = (error: unknown): boolean => answered(error, 404);
/** The operator's role does not allow the request. */
export const isForbidden = (error: unknown): boolean => answered(error, 403);
/** The server does not let us: unknown user (401), or no right (403). */
export const isDenied = (error: unknown): boolean => answered(error, 401) || answered(error, 403);
/** The object already exists (409). */
export const isAlreadyExists = (error: unknown): boolean => answered(error, 409, "AlreadyExists");
/**
 * Another writer changed the object, or owns the applied field (409, but not AlreadyExists): read again, decide again.
 */
export const isConflict = (error: unknown): boolean => answered(error, 409) && !isAlreadyExists(error);
/** The resourceVersion or continue token is too old (410): list again. */
export const isGone = (error: unknown): boolean => answered(error, 410);
/** No usable answer came: the server is away, silent, or speaks something else. Worth trying again later. */
export const isUnreachable = (error: unknown): boolean =>
  error instanceof KubeError && ["Unreachable", "Timeout", "BadAnswer"].includes(error.reason) && error.code === 0;

/** Which objects a list contains. */
export interface ListOptions {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** At most this many objects; all when absent. */
  readonly limit?: number;
  /** What is kept of each object while the next ones are read; all of it when absent. A fake may keep all. */
  readonly part?: (object: KubeObject) => KubeObject;
}

/** Reads that go to the API server each time. @throws KubeError, or the signal's reason when aborted */
export interface KubeReader {
  /** undefined when there is no such object, or no such kind. */
  get(ref: ObjectRef, signal: AbortSignal): Promise<KubeObject | undefined>;
  /** `namespace` "" means every namespace. */
  list(
    type: ResourceType,
    namespace: string,
    options: ListOptions,
    signal: AbortSignal,
  ): Promise<readonly KubeObject[]>;
}

/** How an object is applied. */
export interface ApplyOptions {
  /** Owner of the fields; the client's own when absent. */
  readonly fieldManager?: string;
  /** Take fields over from other managers instead of failing with Conflict. */
  readonly force: boolean;
}

/** How a patch is written. */
export interface PatchOptions {
  readonly subresource?: "status" | "scale";
  /** Compare and set: the patch fails with Conflict when the object is no longer at this version. */
  readonly resourceVersion?: string;
}

/** One operation of a JSON patch (RFC 6902). */
export interface JsonPatchOperation {
  readonly op: "add" | "remove" | "replace" | "test" | "move" | "copy";
  readonly path: string;
  readonly from?: string;
  readonly value?: Json;
}

/** Conditions of a deletion. */
export interface DeleteOptions {
  /** What happens to the objects it owns; the kind's default when absent. */
  readonly propagation?: "Background" | "Foreground" | "Orphan";
  /** Delete only this very object, not a namesake created since. @throws Conflict */
  readonly uid?: string;
}

/** @throws KubeError, or the signal's reason when aborted. A write that got no answer may or may not have happened. */
export interface KubeWriter {
  /** The namespace is the object's own. @throws AlreadyExists */
  create(type: ResourceType, object: KubeObject, signal: AbortSignal): Promise<KubeObject>;
  /** PUT. Conflict when metadata.resourceVersion is set and stale. @throws NotFound */
  replace(
    type: ResourceType,
    object: KubeObject,
    options: Pick<PatchOptions, "subresource">,
    signal: AbortSignal,
  ): Promise<KubeObject>;
  /** Server-side apply: creates the object, or sets the fields named here and takes them over. */
  apply(type: ResourceType, object: KubeObject, options: ApplyOptions, signal: AbortSignal): Promise<KubeObject>;
  /** JSON merge patch (RFC 7386): null removes, lists are replaced whole. @throws NotFound */
  mergePatch(ref: ObjectRef, patch: KubeFields, options: PatchOptions, signal: AbortSignal): Promise<KubeObject>;
  /** JSON patch (RFC 6902). @throws NotFound, Invalid when a `test` fails */
  jsonPatch(
    ref: ObjectRef,
    operations: readonly JsonPatchOperation[],
    options: Pick<PatchOptions, "subresource">,
    signal: AbortSignal,
  ): Promise<KubeObject>;
  /** @returns false when there was nothing to delete */
  delete(ref: ObjectRef, options: DeleteOptions, signal: AbortSignal): Promise<boolean>;
}

/** All that the engine itself writes with: objects as they should be, and the status of Canaries. */
export type ObjectWriter = Pick<KubeWriter, "create" | "mergePatch">;

/** Deletes the copies that nothing needs any more. */
export type ObjectRemover = Pick<KubeWriter, "delete">;

/** One change of a cached object. Objects are shared and frozen: copy before changing. */
export type ObjectChange =
  | { readonly type: "added"; readonly object: KubeObject }
  | { readonly type: "modified"; readonly object: KubeObject; readonly old: KubeObject }
  | { readonly type: "deleted"; readonly object: KubeObject; readonly old: KubeObject };

/** Called for every change of an object in a cache. */
export type ChangeListener = (change: ObjectChange) => void | Promise<void>;

/** Objects of one kind, kept current in memory by a watch. Objects are shared and frozen: copy before changing. */
export interface ObjectCache {
  readonly type: ResourceType;
  /**
   * Resolves once the cache says what the server would say: everything was listed, or the kind is not installed.
   * Rejects with the signal's reason when the cache is stopped before that.
   */
  readonly synced: Promise<void>;
  /** True while the server does not know the kind (its CRD is not installed): the cache is empty then. */
  readonly absent: boolean;
  /** Why the server cannot be listed or watched now, in its words, e.g. that RBAC forbids it; undefined when it can. */
  readonly trouble?: string | undefined;
  /**
   * The server's words when it lets us list, and refuses (401, 403) to let us watch; undefined once a watch has begun.
   * Such a cache looks current, and is not.
   */
  readonly refusal?: string | undefined;
  /** Resolves with the server's words when it refuses (401, 403) to list or watch; absent: it is never refused. */
  readonly denied?: Promise<string>;
  get(namespace: string, name: string): KubeObject | undefined;
  /** `namespace` absent or "": all that are cached. In no particular order. */
  list(namespace?: string): readonly KubeObject[];
  /** Objects that the named index files under `key`. @throws Error when there is no such index */
  byIndex(index: string, key: string): readonly KubeObject[];
  /**
   * Calls `listener` with `added` for what is cached already, then with every change in order. Never called
   * re-entrantly; a promise is awaited before this listener's next call, but no other caller waits for the promise;
   * what it throws is logged.
   * @returns stops listening
   */
  onChange(listener: ChangeListener): () => void;
  /**
   * Only where not all objects are kept: resolves when `get` returns the object, and keeps it current until it is
   * released as often as it was held. Absent: all objects are kept.
   * @throws KubeError when it cannot be read, Error when too much is held
   */
  hold?(namespace: string, name: string): Promise<void>;
  release?(namespace: string, name: string): void;
  /** Whether the object is not kept, although it was held: it has become too large. Absent: never. */
  lacks?(namespace: string, name: string): boolean;
  /** Held objects are asked for with the verb `get`; absent: with `list`. */
  readonly needsGet?: true;
}

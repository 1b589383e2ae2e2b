/** What the operator needs of an API server, as the suite asks it; see cases.ts. */
import type { DeleteOptions, PatchOptions } from "../../src/ports/kube.ts";
import type { KubeFields, KubeObject, ObjectRef, ResourceType } from "../../src/ports/kubernetes.ts";

export interface Page {
  readonly items: readonly KubeObject[];
  /** Of the collection: a watch may begin there. */
  readonly resourceVersion: string;
  /** Where the next page begins; absent on the last one. */
  readonly next?: string;
}

export interface ListQuery {
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
  readonly limit?: string;
  readonly continue?: string;
}

export interface WatchQuery {
  readonly resourceVersion: string;
  readonly fieldSelector?: string;
  readonly allowWatchBookmarks?: string;
  readonly timeoutSeconds?: string;
}

/** One line of a watch. */
export interface WatchLine {
  readonly type: string;
  readonly object: KubeFields;
}

/** An open watch. `next` waits for a line; undefined: the server ended the watch. */
export interface OpenWatch {
  next(): Promise<WatchLine | undefined>;
  close(): void;
}

/** All failures are KubeErrors. */
export interface Subject {
  create(type: ResourceType, object: KubeObject): Promise<KubeObject>;
  /** undefined: there is no such object. */
  get(ref: ObjectRef): Promise<KubeObject | undefined>;
  /** `namespace` "": all namespaces. */
  list(type: ResourceType, namespace: string, query: ListQuery): Promise<Page>;
  replace(type: ResourceType, object: KubeObject): Promise<KubeObject>;
  mergePatch(ref: ObjectRef, patch: KubeFields, options: PatchOptions): Promise<KubeObject>;
  /** False: there was no such object. */
  delete(ref: ObjectRef, options: DeleteOptions): Promise<boolean>;
  /** @throws KubeError 410 when the version is too old, unless the watch itself says so */
  watch(type: ResourceType, namespace: string, query: WatchQuery): Promise<OpenWatch>;
  /** A version from which no watch can begin any more. */
  tooOld(): string;
}

/** A very small API server in memory: versions, generations, the status subresource, finalizers, owners. */
import { KubeError } from "../ports/kube.ts";
import {
  apiVersionOf,
  type KubeFields,
  type KubeObject,
  type ObjectRef,
  type ResourceType,
} from "../ports/kubernetes.ts";

/** Who wrote: the operator under test, the user, or the cluster's own controllers. */
export type Author = "operator" | "user" | "cluster";

export interface Change {
  readonly type: "added" | "modified" | "deleted";
  readonly kind: ResourceType;
  readonly object: KubeObject;
  readonly old?: KubeObject;
  readonly by: Author;
}

export interface PatchScope {
  readonly subresource?: "status" | "scale";
  readonly resourceVersion?: string;
}

export interface Api {
  get(ref: ObjectRef): KubeObject | undefined;
  list(type: ResourceType): readonly KubeObject[];
  /** @throws KubeError AlreadyExists */
  create(type: ResourceType, object: KubeObject, by: Author): KubeObject;
  /** JSON merge patch. @throws KubeError NotFound, Conflict */
  patch(ref: ObjectRef, patch: KubeFields, scope: PatchScope, by: Author): KubeObject;
  delete(ref: ObjectRef, by: Author): void;
  /** Calls `listener` after every change, in order. @returns stops */
  onChange(listener: (change: Change) => void): () => void;
  /** Of the last write. */
  readonly version: number;
}

const SEPARATE_STATUS = new Set(["Canary", "Deployment"]);

export function createApi(now: () => number): Api {
  const collections = new Map<string, Map<string, KubeObject>>();
  const listeners = new Set<(change: Change) => void>();
  let version = 0;
  let uids = 0;

  const collection = (type: ResourceType): Map<string, KubeObject> => {
    const key = `${type.plural}.${type.group}`;
    const found = collections.get(key) ?? new Map<string, KubeObject>();
    collections.set(key, found);
    return found;
  };
  const keyOf = (namespace: string, name: string) => `${namespace}/${name}`;
  const tell = (change: Change) => {
    for (const listener of [...listeners]) listener(change);
  };
  const stamp = (object: KubeObject): KubeObject => {
    version += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
  };

  function remove(type: ResourceType, object: KubeObject, by: Author): void {
    const { namespace = "", name, uid } = object.metadata;
    collection(type).delete(keyOf(namespace, name));
    version += 1;
    tell({ type: "deleted", kind: type, object, old: object, by });
    for (const [, dependent, kind] of dependents(uid)) remove(kind, dependent, "cluster");
  }

  const kinds = new Map<string, ResourceType>();
  function dependents(uid: string | undefined): [string, KubeObject, ResourceType][] {
    return [...collections].flatMap(([key, objects]) => {
      const kind = kinds.get(key);
      if (kind === undefined) return [];
      return [...objects.values()]
        .filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid) === true)
        .map((object): [string, KubeObject, ResourceType] => [key, object, kind]);
    });
  }

  function put(type: ResourceType, before: KubeObject, wanted: KubeObject, by: Author): KubeObject {
    if (wanted === before) return before;
    const generation = (before.metadata.generation ?? 0) + (wanted.spec === before.spec ? 0 : 1);
    const after = stamp({ ...wanted, metadata: { ...wanted.metadata, generation } });
    const { namespace = "", name, deletionTimestamp, finalizers = [] } = after.metadata;
    if (deletionTimestamp !== undefined && finalizers.length === 0) {
      remove(type, after, by);
      return after;
    }
    collection(type).set(keyOf(namespace, name), after);
    tell({ type: "modified", kind: type, object: after, old: before, by });
    return after;
  }

  const api: Api = {
    get: ({ type, namespace, name }) => collection(type).get(keyOf(namespace, name)),
    list: (type) => [...collection(type).values()],
    create(type, object, by) {
      const { namespace = "", name } = object.metadata;
      kinds.set(`${type.plural}.${type.group}`, type);
      if (collection(type).has(keyOf(namespace, name))) throw refused(409, "AlreadyExists", type, name);
      uids += 1;
      const metadata = {
        ...object.metadata,
        uid: object.metadata.uid ?? `00000000-0000-4000-8000-${String(uids).padStart(12, "0")}`,
        generation: 1,
        creationTimestamp: new Date(now()).toISOString(),
      };
      const created = stamp({ ...object, apiVersion: apiVersionOf(type), kind: type.kind, metadata });
      collection(type).set(keyOf(namespace, name), created);
      tell({ type: "added", kind: type, object: created, by });
      return created;
    },
    patch(ref, patch, { subresource, resourceVersion }, by) {
      const before = api.get(ref);
      if (before === undefined) throw refused(404, "NotFound", ref.type, ref.name);
      if (resourceVersion !== undefined && resourceVersion !== before.metadata.resourceVersion) {
        throw refused(409, "Conflict", ref.type, ref.name);
      }
      if (subresource === "status") return put(ref.type, before, merged(before, { status: patch.status }), by);
      const { status: _status, ...rest } = patch;
      return put(ref.type, before, merged(before, SEPARATE_STATUS.has(ref.type.kind) ? rest : patch), by);
    },
    delete(ref, by) {
      const before = api.get(ref);
      if (before === undefined) return;
      if ((before.metadata.finalizers ?? []).length === 0) return remove(ref.type, before, by);
      if (before.metadata.deletionTimestamp !== undefined) return;
      put(ref.type, before, merged(before, { metadata: { deletionTimestamp: new Date(now()).toISOString() } }), by);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    get version() {
      return version;
    },
  };
  return api;
}

const TEXTS = {
  AlreadyExists: "already exists",
  NotFound: "not found",
  Conflict: "the object has been modified; please apply your changes to the latest version and try again",
} as const;

function refused(code: number, reason: keyof typeof TEXTS, type: ResourceType, name: string): KubeError {
  const resource = type.group === "" ? type.plural : `${type.plural}.${type.group}`;
  return new KubeError(code, reason, `${resource} "${name}" ${TEXTS[reason]}`);
}

/** RFC 7386, sharing what does not change: @returns the very `before` when nothing does */
export function merged(before: KubeFields, patch: KubeFields): KubeFields {
  let after: KubeFields = before;
  for (const [key, wanted] of Object.entries(patch)) {
    const value = mergedValue(before?.[key], wanted);
    if (value === before?.[key]) continue;
    if (after === before) after = { ...before };
    if (value === undefined) delete after[key];
    else after[key] = value;
  }
  return after;
}

function mergedValue(before: unknown, wanted: unknown): unknown {
  if (wanted === null || wanted === undefined) return undefined;
  if (isFields(wanted)) return merged(isFields(before) ? before : {}, wanted);
  return sameJson(before, wanted) ? before : wanted;
}

const isFields = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object") return false;
  return JSON.stringify(a) === JSON.stringify(b);
}

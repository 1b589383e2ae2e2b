/** A very small API server in memory: versions, generations, the status subresource, finalizers, owners. */
import { applyMergePatch } from "../json/merge-patch.ts";
import { KubeError } from "../ports/kube.ts";
import {
  apiVersionOf,
  type KubeFields,
  type KubeObject,
  type ObjectRef,
  RESOURCES,
  type ResourceType,
} from "../ports/kubernetes.ts";

/** The writer: the operator under test, the user, or the cluster's own controllers. */
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

/** A mutating admission webhook. */
export type Admit = (object: KubeObject) => KubeObject;

/** @param admit for what the operator makes and changes */
export function createApi(now: () => number, admit: Admit = (object) => object): Api {
  const store = createStore();
  const admitted = (object: KubeObject, by: Author) => (by === "operator" ? admit(object) : object);
  let uids = 0;
  const api: Api = {
    get: ({ type, namespace, name }) => store.collection(type).get(`${namespace}/${name}`),
    list: (type) => [...store.collection(type).values()],
    create(type, object, by) {
      if (store.collection(type).has(keyOf(object))) throw refused(409, "AlreadyExists", type, object.metadata.name);
      uids += 1;
      const metadata = {
        ...object.metadata,
        uid: object.metadata.uid ?? `00000000-0000-4000-8000-${String(uids).padStart(12, "0")}`,
        generation: 1,
        creationTimestamp: inSeconds(now()),
      };
      const made = admitted({ ...object, apiVersion: apiVersionOf(type), kind: type.kind, metadata }, by);
      validate(type, made);
      return store.add(type, made, by);
    },
    patch(ref, patch, { subresource, resourceVersion }, by) {
      const before = api.get(ref);
      if (before === undefined) throw refused(404, "NotFound", ref.type, ref.name);
      if (resourceVersion !== undefined && resourceVersion !== before.metadata.resourceVersion) {
        throw refused(409, "Conflict", ref.type, ref.name);
      }
      if (subresource === "status")
        return store.put(ref.type, before, applyMergePatch(before, { status: patch.status }), by);
      const { status: _status, ...rest } = patch;
      const after = admitted(applyMergePatch(before, SEPARATE_STATUS.has(ref.type.kind) ? rest : patch), by);
      validate(ref.type, after);
      return store.put(ref.type, before, after, by);
    },
    delete(ref, by) {
      const before = api.get(ref);
      if (before === undefined) return;
      const { finalizers = [], deletionTimestamp } = before.metadata;
      if (finalizers.length === 0) store.remove(ref.type, before, by);
      else if (deletionTimestamp === undefined) {
        const metadata = { deletionTimestamp: inSeconds(now()) };
        store.put(ref.type, before, applyMergePatch(before, { metadata }), by);
      }
    },
    onChange: store.onChange,
    get version() {
      return store.version();
    },
  };
  return api;
}

/** @throws KubeError Invalid, for limits of which people set one and the other comes from elsewhere */
function validate(type: ResourceType, { metadata, spec }: KubeObject): void {
  if (type !== RESOURCES.hpa || spec.maxReplicas >= (spec.minReplicas ?? 1)) return;
  throw refused(422, "Invalid", type, metadata.name);
}

/** Kubernetes writes whole seconds. */
const inSeconds = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;

const keyOf = ({ metadata }: KubeObject) => `${metadata.namespace ?? ""}/${metadata.name}`;

/** Objects by kind and name, their versions, and the listeners for changes. */
function createStore() {
  const collections = new Map<ResourceType, Map<string, KubeObject>>();
  const listeners = new Set<(change: Change) => void>();
  let version = 0;

  function collection(type: ResourceType): Map<string, KubeObject> {
    const found = collections.get(type) ?? new Map<string, KubeObject>();
    collections.set(type, found);
    return found;
  }

  function tell(change: Change): void {
    for (const listener of [...listeners]) listener(change);
  }

  function stamp(object: KubeObject): KubeObject {
    version += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
  }

  function remove(type: ResourceType, object: KubeObject, by: Author): void {
    collection(type).delete(keyOf(object));
    version += 1;
    tell({ type: "deleted", kind: type, object, old: object, by });
    for (const [kind, objects] of collections) {
      for (const dependent of [...objects.values()]) {
        const owned = dependent.metadata.ownerReferences?.some(({ uid }) => uid === object.metadata.uid);
        if (owned === true) remove(kind, dependent, "cluster");
      }
    }
  }

  return {
    collection,
    remove,
    version: () => version,
    add(type: ResourceType, object: KubeObject, by: Author): KubeObject {
      const created = stamp(object);
      collection(type).set(keyOf(created), created);
      tell({ type: "added", kind: type, object: created, by });
      return created;
    },
    put(type: ResourceType, before: KubeObject, wanted: KubeObject, by: Author): KubeObject {
      if (wanted === before) return before;
      const generation = (before.metadata.generation ?? 0) + (wanted.spec === before.spec ? 0 : 1);
      const after = stamp({ ...wanted, metadata: { ...wanted.metadata, generation } });
      const { deletionTimestamp, finalizers = [] } = after.metadata;
      if (deletionTimestamp !== undefined && finalizers.length === 0) {
        remove(type, after, by);
        // As a real API server answers: a deleted object gets no new version.
        const { resourceVersion = "" } = before.metadata;
        return { ...after, metadata: { ...after.metadata, resourceVersion } };
      }
      collection(type).set(keyOf(after), after);
      tell({ type: "modified", kind: type, object: after, old: before, by });
      return after;
    },
    onChange(listener: (change: Change) => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

const TEXTS = {
  AlreadyExists: "already exists",
  NotFound: "not found",
  Invalid: "is invalid: spec.maxReplicas: must be greater than or equal to `minReplicas`",
  Conflict: "the object has been modified; please apply your changes to the latest version and try again",
} as const;

function refused(code: number, reason: keyof typeof TEXTS, type: ResourceType, name: string): KubeError {
  const resource = type.group === "" ? type.plural : `${type.plural}.${type.group}`;
  return new KubeError(code, reason, `${resource} "${name}" ${TEXTS[reason]}`);
}

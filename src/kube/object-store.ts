/** Objects in memory by namespace and name, with indexes; reports what a write changed. */
import type { ObjectChange } from "../ports/kube.ts";
import type { KubeObject, ResourceType } from "../ports/kubernetes.ts";
import { deepFreeze } from "./deep-freeze.ts";

/** The keys under which an object is indexed, e.g. the uids of its owners. Must depend on nothing but the object. */
export type Indexer = (object: KubeObject) => readonly string[];

/** Of an object within its kind. */
export const keyOf = (namespace: string, name: string) => `${namespace}/${name}`;
export const keyOfObject = ({ metadata }: KubeObject) => keyOf(metadata.namespace ?? "", metadata.name);

/** The object may exist, and is not in memory: to take it for missing would be a mistake. */
export function notHeld({ kind }: ResourceType, namespace: string, name: string): Error {
  return new Error(`${kind} ${namespace}/${name} is read and was not asked for: hold it first`);
}

export interface ObjectStore {
  readonly size: number;
  get(namespace: string, name: string): KubeObject | undefined;
  list(namespace?: string): readonly KubeObject[];
  byIndex(index: string, key: string): readonly KubeObject[];
  /**
   * Returns no change when this version was stored already; two changes when an object of that name with another uid
   * was.
   */
  put(object: KubeObject): readonly ObjectChange[];
  /** @param last the object's last state @returns no change when it was not stored */
  remove(last: KubeObject): readonly ObjectChange[];
  /** Replaces the contents of the store. */
  replaceAll(objects: readonly KubeObject[]): readonly ObjectChange[];
}

export function createObjectStore(indexers: Readonly<Record<string, Indexer>> = {}): ObjectStore {
  const namespaces = new Map<string, Map<string, KubeObject>>();
  const indexes = new Map(Object.keys(indexers).map((name) => [name, new Map<string, Set<KubeObject>>()]));
  let size = 0;

  const namespaceOf = (object: KubeObject) => object.metadata.namespace ?? "";
  const find = (object: KubeObject) => namespaces.get(namespaceOf(object))?.get(object.metadata.name);

  function reindex(old: KubeObject | undefined, object: KubeObject | undefined): void {
    for (const [name, index] of indexes) {
      const keysOf = indexers[name] ?? (() => []);
      for (const key of old === undefined ? [] : keysOf(old)) {
        const filed = index.get(key);
        if (old !== undefined) filed?.delete(old);
        if (filed?.size === 0) index.delete(key);
      }
      for (const key of object === undefined ? [] : keysOf(object)) {
        const filed = index.get(key) ?? new Set();
        if (object !== undefined) filed.add(object);
        index.set(key, filed);
      }
    }
  }

  function put(object: KubeObject): readonly ObjectChange[] {
    const old = find(object);
    if (old !== undefined && isSameVersion(old, object)) return [];
    // The object was deleted and created again between two lists: these are two objects, not two states of one.
    if (old !== undefined && old.metadata.uid !== object.metadata.uid) return [...remove(old), ...put(object)];
    const frozen = deepFreeze(withKnownSpec(object, old));
    const inNamespace = namespaces.get(namespaceOf(object)) ?? new Map<string, KubeObject>();
    inNamespace.set(object.metadata.name, frozen);
    namespaces.set(namespaceOf(object), inNamespace);
    reindex(old, frozen);
    if (old === undefined) size += 1;
    return [old === undefined ? { type: "added", object: frozen } : { type: "modified", object: frozen, old }];
  }

  function remove(last: KubeObject): readonly ObjectChange[] {
    const old = find(last);
    if (old === undefined) return [];
    const inNamespace = namespaces.get(namespaceOf(last));
    inNamespace?.delete(last.metadata.name);
    if (inNamespace?.size === 0) namespaces.delete(namespaceOf(last));
    reindex(old, undefined);
    size -= 1;
    return [{ type: "deleted", object: deepFreeze(last), old }];
  }

  const list = (namespace = ""): readonly KubeObject[] =>
    namespace === ""
      ? [...namespaces.values()].flatMap((inNamespace) => [...inNamespace.values()])
      : [...(namespaces.get(namespace)?.values() ?? [])];

  return {
    get size() {
      return size;
    },
    get: (namespace, name) => namespaces.get(namespace)?.get(name),
    list,
    byIndex(index, key) {
      const filed = indexes.get(index);
      if (filed === undefined) throw new Error(`no index "${index}"; there are: ${[...indexes.keys()].join(", ")}`);
      return [...(filed.get(key) ?? [])];
    },
    put,
    remove,
    replaceAll(objects) {
      const kept = new Set(objects.map((object) => `${namespaceOf(object)}/${object.metadata.name}`));
      const gone = list().filter((object) => !kept.has(`${namespaceOf(object)}/${object.metadata.name}`));
      return [...gone.flatMap(remove), ...objects.flatMap(put)];
    },
  };
}

/**
 * Versions are compared for equality only, because their order is opaque. The uid distinguishes objects of one name.
 */
function isSameVersion(a: KubeObject, b: KubeObject): boolean {
  const version = a.metadata.resourceVersion;
  return version !== undefined && version === b.metadata.resourceVersion && a.metadata.uid === b.metadata.uid;
}

/**
 * Reuses the stored spec when only the status of a workload changed (the API server counts generations). Values derived
 * from a spec, like the hash of a pod template, are cached by the spec's identity.
 */
function withKnownSpec(object: KubeObject, old: KubeObject | undefined): KubeObject {
  const { generation } = object.metadata;
  const counts = object.apiVersion === "apps/v1" && typeof generation === "number" && generation > 0;
  return counts && old?.metadata.generation === generation ? { ...object, spec: old["spec"] } : object;
}

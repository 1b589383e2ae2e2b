/**
 * A cluster without a server: objects in memory, written as the operator writes them (created when missing, else merged
 * with the smallest patch). Objects that are read from it are frozen, so that no test changes them by accident.
 */
import { applyMergePatch } from "../json/merge-patch.ts";
import type { KubeFields, KubeObject, ObjectRef } from "../ports/kubernetes.ts";
import { apiVersionOf } from "../ports/kubernetes.ts";
import type { Snapshot } from "../ports/snapshot.ts";

/** @returns undefined when nothing differs */
export type Diff = (from: KubeObject, to: KubeObject) => KubeFields | undefined;

export interface ToyCluster extends Snapshot {
  /** Stores an object as another client would. */
  put(...objects: readonly KubeObject[]): void;
  remove(object: Pick<KubeObject, "apiVersion" | "kind" | "metadata">): void;
  /** Writes in order. @returns "create Kind/name" or "patch Kind/name <patch>" for each write that was needed */
  apply(objects: readonly KubeObject[]): readonly string[];
  /** By kind and name, in the namespace "test". @throws Error when it is not there */
  at(kind: string, name: string): KubeObject;
  names(): readonly string[];
}

export function createToyCluster(diff: Diff, ...objects: readonly KubeObject[]): ToyCluster {
  const stored = new Map<string, KubeObject>();
  const keyOf = (apiVersion: string, kind: string, namespace: string, name: string) =>
    `${apiVersion}/${kind}/${namespace}/${name}`;
  const keyFor = ({ apiVersion, kind, metadata }: Pick<KubeObject, "apiVersion" | "kind" | "metadata">) =>
    keyOf(apiVersion, kind, metadata.namespace ?? "", metadata.name);
  const store = (object: KubeObject) => void stored.set(keyFor(object), frozen(structuredClone(object)));
  const cluster: ToyCluster = {
    get: ({ type, namespace, name }: ObjectRef) => stored.get(keyOf(apiVersionOf(type), type.kind, namespace, name)),
    list: (type, namespace) =>
      [...stored.values()].filter(
        ({ apiVersion, kind, metadata }) =>
          apiVersion === apiVersionOf(type) && kind === type.kind && metadata.namespace === namespace,
      ),
    put: (...added) => added.forEach(store),
    remove: (object) => void stored.delete(keyFor(object)),
    apply: (wanted) => wanted.flatMap(write),
    at(kind, name) {
      const found = [...stored.values()].find((object) => object.kind === kind && object.metadata.name === name);
      if (found === undefined) throw new Error(`no ${kind} ${name} among ${cluster.names().join(", ")}`);
      return found;
    },
    names: () => [...stored.values()].map(({ kind, metadata }) => `${kind}/${metadata.name}`).sort(),
  };

  function write(wanted: KubeObject): readonly string[] {
    const what = `${wanted.kind}/${wanted.metadata.name}`;
    const seen = stored.get(keyFor(wanted));
    if (seen === undefined) {
      store(JSON.parse(JSON.stringify(wanted)));
      return [`create ${what}`];
    }
    const patch = diff(seen, wanted);
    if (patch === undefined) return [];
    store(applyMergePatch(seen, JSON.parse(JSON.stringify(patch))));
    return [`patch ${what} ${JSON.stringify(patch)}`];
  }

  cluster.put(...objects);
  return cluster;
}

function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const inner of Object.values(value)) frozen(inner);
  return Object.freeze(value);
}

/**
 * The objects of one resource, the log of their latest changes, and those who listen.
 *
 *   put/delete --> objects (by namespace, by name)
 *              --> log      so that a watch can resume from a resourceVersion
 *              --> listeners, synchronously and in order
 */

import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import type { Change, ChangeLog } from "./change-log.ts";

export interface Collection {
  get(namespace: string, name: string): KubeObject | undefined;
  /** Sorted by namespace and name; `namespace` "" means every namespace. */
  list(namespace: string): readonly KubeObject[];
  readonly size: number;
  apply(change: Change): void;
  readonly since: ChangeLog["since"];
  /** @returns stops listening */
  listen(listener: (change: Change) => void): () => void;
}

const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

export function createCollection(log: ChangeLog): Collection {
  const namespaces = new Map<string, Map<string, KubeObject>>();
  const listeners = new Set<(change: Change) => void>();
  let size = 0;

  const store = ({ type, object }: Change) => {
    const { namespace = "", name } = object.metadata;
    const names = namespaces.get(namespace) ?? new Map<string, KubeObject>();
    if (type === "DELETED") names.delete(name);
    else names.set(name, object);
    if (names.size === 0) namespaces.delete(namespace);
    else namespaces.set(namespace, names);
    if (type !== "MODIFIED") size += type === "ADDED" ? 1 : -1;
  };
  const sorted = (namespace: string) =>
    [...(namespaces.get(namespace)?.values() ?? [])].sort((a, b) => byName(a.metadata.name, b.metadata.name));
  return {
    get: (namespace, name) => namespaces.get(namespace)?.get(name),
    list: (namespace) => (namespace === "" ? [...namespaces.keys()].sort(byName).flatMap(sorted) : sorted(namespace)),
    get size() {
      return size;
    },
    apply: (change) => {
      store(change);
      log.push(change);
      for (const listener of [...listeners]) listener(change);
    },
    since: log.since,
    listen: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

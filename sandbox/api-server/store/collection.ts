/**
 * The objects of one resource, the log of their latest changes, and those who listen.
 *
 *   put/delete --> objects (by namespace, by name)
 *              --> log      so that a watch can resume from a resourceVersion
 *              --> listeners, synchronously and in order
 */

import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import type { WatchEvent } from "../../cluster.ts";

/** One change. Objects are frozen. */
export interface Change {
  readonly type: WatchEvent["type"];
  /** The change's place in the history of the whole store. */
  readonly version: number;
  /** The new state; for DELETED the last one, with the resourceVersion of the deletion. */
  readonly object: KubeObject;
  /** The state before; absent for ADDED. Tells whether a selector matched until now. */
  readonly previous?: KubeObject;
}

export interface Collection {
  get(namespace: string, name: string): KubeObject | undefined;
  /** Sorted by namespace and name; `namespace` "" means every namespace. */
  list(namespace: string): readonly KubeObject[];
  readonly size: number;
  apply(change: Change): void;
  /** Changes after `version`, oldest first; undefined when they are no longer remembered. */
  since(version: number): readonly Change[] | undefined;
  /** @returns stops listening */
  listen(listener: (change: Change) => void): () => void;
}

const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * @param history so many changes are remembered at least
 * @param since version at which the memory begins
 */
export function createCollection(history: number, since: number): Collection {
  const namespaces = new Map<string, Map<string, KubeObject>>();
  const listeners = new Set<(change: Change) => void>();
  let log: Change[] = [];
  let forgotten = since;
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
  const remember = (change: Change) => {
    log.push(change);
    if (log.length <= 2 * history) return;
    forgotten = log[log.length - history - 1]?.version ?? forgotten;
    log = log.slice(-history);
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
      remember(change);
      for (const listener of [...listeners]) listener(change);
    },
    since: (version) => {
      if (version < forgotten) return undefined;
      const first = log.findIndex((change) => change.version > version);
      return first < 0 ? [] : log.slice(first);
    },
    listen: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

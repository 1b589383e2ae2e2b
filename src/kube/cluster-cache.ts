/**
 * All watches of one cluster: one per kind, started when a caller first asks for the kind. Kinds that are not installed
 * read as empty, and fill when they are installed.
 */

import { abortable } from "../async/abortable.ts";
import { follow } from "../async/own-signal.ts";
import type { ObjectCache } from "../ports/kube.ts";
import { apiVersionOf, type KubeObject, type ObjectRef, type ResourceType } from "../ports/kubernetes.ts";
import { startContentCache } from "./content-cache.ts";
import type { Keeping } from "./left-out.ts";
import type { Indexer } from "./object-store.ts";
import type { Collection, WatchPorts } from "./reflector.ts";
import { startWatchCache } from "./watch-cache.ts";

export interface ClusterCacheOptions {
  /** The only namespace to watch; absent or "": all. */
  readonly namespace?: string;
  /**
   * Kinds that are watched in single namespaces, on demand, by their metadata: right for kinds with many large objects
   * of which few are needed (ConfigMaps, Secrets). All other kinds are watched once, over all namespaces.
   */
  readonly perNamespace?: (type: ResourceType) => boolean;
  /** The part of each object of the kind that is kept; undefined: all of it. */
  readonly part?: (type: ResourceType) => Collection["part"];
  /** How much is kept of a kind that is watched over all namespaces; undefined: all. */
  readonly keeping?: (type: ResourceType) => Keeping | undefined;
  /** Indexes for `byIndex`, by kind. */
  readonly indexers?: (type: ResourceType) => Readonly<Record<string, Indexer>>;
}

export interface ClusterCache {
  /**
   * The cache for objects of this kind; starts it if necessary. It may hold more than the given namespace.
   * @throws Error when watching is restricted to another namespace, or the kind needs a namespace and none is given
   */
  track(type: ResourceType, namespace?: string): ObjectCache;
  /** Stops watching and drops the cache; the next `track` starts anew. */
  untrack(type: ResourceType, namespace?: string): void;
  /**
   * One object as last seen; waits for the first list. @throws the signal's reason
   */
  read(ref: ObjectRef, signal: AbortSignal): Promise<KubeObject | undefined>;
  /** The kinds that are watched, for a status page. */
  readonly tracked: readonly { readonly type: ResourceType; readonly namespace: string; readonly cache: ObjectCache }[];
}

interface Tracked {
  readonly type: ResourceType;
  readonly namespace: string;
  readonly cache: ObjectCache;
  stop(): void;
}

const ledgerOf = (keeping: Keeping | undefined) => (keeping === undefined ? {} : { ledger: keeping.ledger });

/** Everything stops when `signal` is aborted. */
export function createClusterCache(
  ports: WatchPorts,
  signal: AbortSignal,
  options: ClusterCacheOptions = {},
): ClusterCache {
  const only = options.namespace ?? "";
  const tracked = new Map<string, Tracked>();

  function scopeOf(type: ResourceType, namespace: string): { readonly key: string; readonly namespace: string } {
    const kind = `${apiVersionOf(type)}/${type.plural}`;
    if (!type.namespaced) return { key: kind, namespace: "" };
    if (only !== "" && namespace !== "" && namespace !== only) {
      throw new Error(`cannot read ${type.plural} of namespace ${namespace}: only namespace ${only} is watched`);
    }
    if (only !== "") return { key: kind, namespace: only };
    if (options.perNamespace?.(type) !== true) return { key: kind, namespace: "" };
    if (namespace === "") throw new Error(`${type.plural} are watched in single namespaces: say which`);
    return { key: `${kind} ${namespace}`, namespace };
  }

  function start(type: ResourceType, namespace: string): Tracked {
    const own = new AbortController();
    if (signal.aborted) own.abort(signal.reason);
    const leave = follow(signal, own);
    const indexers = options.indexers?.(type) ?? {};
    const part = options.part?.(type);
    const keeping = options.keeping?.(type);
    const kept = { ...(part === undefined ? {} : { part }), ...(keeping === undefined ? {} : { keeping }) };
    const cache =
      options.perNamespace?.(type) === true
        ? startContentCache({ type, namespace, ...ledgerOf(keeping) }, ports, own.signal)
        : startWatchCache({ type, namespace, indexers, ...kept }, ports, own.signal);
    const stop = () => {
      leave();
      own.abort(new Error(`${type.plural} are no longer watched`));
    };
    return { type, namespace, cache, stop };
  }

  function track(type: ResourceType, namespace = ""): ObjectCache {
    const scope = scopeOf(type, namespace);
    const known = tracked.get(scope.key) ?? start(type, scope.namespace);
    tracked.set(scope.key, known);
    return known.cache;
  }

  return {
    track,
    untrack(type, namespace = "") {
      const { key } = scopeOf(type, namespace);
      tracked.get(key)?.stop();
      tracked.delete(key);
    },
    async read(ref, readSignal) {
      const cache = track(ref.type, ref.namespace);
      await abortable(cache.synced, readSignal);
      await cache.hold?.(ref.namespace, ref.name);
      const object = cache.get(ref.namespace, ref.name);
      cache.release?.(ref.namespace, ref.name);
      return object;
    },
    get tracked() {
      return [...tracked.values()].map(({ type, namespace, cache }) => ({ type, namespace, cache }));
    },
  };
}

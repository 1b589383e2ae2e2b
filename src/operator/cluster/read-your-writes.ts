/**
 * The caches, and on top of them the operator's own last writes, which the caches may not show yet. So no turn decides
 * on a cluster that is older than the last write, and no turn writes the same thing twice.
 */
import type { CanaryRef } from "../../core/spec/spec.ts";
import { apiVersionOf, type KubeObject, type ObjectRef, type ResourceType } from "../../ports/kubernetes.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import { createRefMap } from "./ref-map.ts";

export interface FreshSnapshot extends Snapshot {
  /** Remembers the answer to a write until the cache has caught up with it. @param by in whose turn it was written */
  remember(type: ResourceType, written: KubeObject, by: CanaryRef): void;
  /**
   * Called for each watch event: the cache has caught up with the write of that version.
   * @returns whether the event only shows a write of a turn of this Canary, which is no reason for another turn
   */
  isOwnWrite(canary: CanaryRef, type: ResourceType, object: KubeObject): boolean;
  /** Drops what is remembered of an object that is not there any more. */
  forget(ref: ObjectRef): void;
  /** The object is gone. Its last write is forgotten. */
  noteDeletion(type: ResourceType, last: KubeObject): void;
}

/** One text per object: "virtualservices.networking.istio.io/test/podinfo". */
export function refKey({ type, namespace, name }: ObjectRef): string {
  return `${type.plural}.${type.group}/${namespace}/${name}`;
}

interface Written {
  readonly object: KubeObject;
  /** What the cache held then. */
  readonly before: KubeObject | undefined;
  readonly by: CanaryRef;
}

/** Far more than writes can be under way. */
const GONE_MAX = 1000;

export function createFreshSnapshot(
  cached: (ref: ObjectRef) => KubeObject | undefined,
  listed: (type: ResourceType, namespace: string) => readonly KubeObject[] = () => [],
): FreshSnapshot {
  const written = createRefMap<Written>();
  /** Replicas of deleted workloads: a workload that is created again begins with as many pods. */
  const sizes = new Map<string, number>();
  /** Uids of objects that are gone: the answer to a write may come after the news that its object was deleted. */
  const gone = new Set<string>();
  const refTo = (type: ResourceType, { metadata: { namespace = "", name } }: KubeObject): ObjectRef => ({
    type,
    namespace,
    name,
  });
  const snapshot: FreshSnapshot = {
    list(type, namespace) {
      const fromCache = listed(type, namespace);
      const own = written
        .values()
        .filter(
          ({ object: { kind, apiVersion, metadata } }) =>
            kind === type.kind && apiVersion === apiVersionOf(type) && metadata.namespace === namespace,
        );
      if (own.length === 0) return fromCache;
      const names = new Set(fromCache.map(({ metadata }) => metadata.name));
      const unseen = own.filter(({ object }) => !names.has(object.metadata.name));
      const refs = unseen.map(({ object }) => ({ type, namespace, name: object.metadata.name }));
      return [...fromCache, ...refs.flatMap((ref) => snapshot.get(ref) ?? [])];
    },
    replicasBefore: (ref) => (snapshot.get(ref) === undefined ? sizes.get(refKey(ref)) : undefined),
    get(ref) {
      const fromCache = cached(ref);
      if (written.size === 0) return fromCache;
      const own = written.get(ref);
      if (own === undefined) return fromCache;
      if (!hasCaughtUp(fromCache, own)) return own.object;
      written.delete(ref);
      return fromCache;
    },
    remember(type, object, by) {
      if (gone.has(object.metadata.uid ?? "")) return;
      const ref = refTo(type, object);
      written.set(ref, { object, before: cached(ref), by });
    },
    isOwnWrite(canary, type, object) {
      const ref = refTo(type, object);
      const { resourceVersion } = object.metadata;
      const own = written.get(ref);
      if (own === undefined || own.by.name !== canary.name || own.by.namespace !== canary.namespace) return false;
      const isSameVersion = resourceVersion !== undefined && own.object.metadata.resourceVersion === resourceVersion;
      if (isSameVersion) written.delete(ref);
      return isSameVersion;
    },
    forget: written.delete,
    noteDeletion(type, last) {
      const ref = refTo(type, last);
      const own = written.get(ref);
      if (typeof last.spec?.replicas === "number") remember(sizes, refKey(ref), last.spec.replicas);
      if (last.metadata.uid !== undefined) gone.add(last.metadata.uid);
      const [oldest = ""] = gone;
      if (gone.size > GONE_MAX) gone.delete(oldest);
      // A namesake that was made since is another object.
      if (own?.object.metadata.uid === last.metadata.uid) written.delete(ref);
    },
  };
  return snapshot;
}

function remember(sizes: Map<string, number>, key: string, replicas: number): void {
  sizes.delete(key);
  sizes.set(key, replicas);
  const [oldest = ""] = sizes.keys();
  if (sizes.size > GONE_MAX) sizes.delete(oldest);
}

/**
 * Versions are compared as numbers where they are numbers; else any change since the write counts as having caught up.
 */
function hasCaughtUp(fromCache: KubeObject | undefined, own: Written): boolean {
  if (fromCache === undefined) return own.before !== undefined;
  const cachedVersion = Number(fromCache.metadata.resourceVersion);
  const ownVersion = Number(own.object.metadata.resourceVersion);
  if (Number.isFinite(cachedVersion) && Number.isFinite(ownVersion)) return cachedVersion >= ownVersion;
  return fromCache !== own.before;
}

/** Which objects each Canary depends on, and the watches that wake it when one of them changes. */
import type { CanaryRef } from "../core/canary.ts";
import type { ObjectCache, ObjectChange } from "../ports/kube.ts";
import type { KubeObject, ObjectRef, ResourceType } from "../ports/kubernetes.ts";
import { refKey } from "./fresh.ts";

export interface Follower {
  /** Resolves when every object named can be read. The Canary is woken by changes of these objects and of no others. */
  follow(canary: CanaryRef, refs: readonly ObjectRef[], signal: AbortSignal): Promise<void>;
  unfollow(canary: CanaryRef): void;
  cached(ref: ObjectRef): KubeObject | undefined;
}

export const canaryKey = ({ namespace, name }: CanaryRef): string => `${namespace}/${name}`;

export function canaryRef(key: string): CanaryRef {
  const slash = key.indexOf("/");
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** @param track the cache of a kind, started if need be @param wake asks for a turn */
export function createFollower(
  track: (type: ResourceType, namespace: string) => ObjectCache,
  wake: (canary: CanaryRef) => void,
): Follower {
  const followers = new Map<string, Set<string>>();
  const followed = new Map<string, ReadonlySet<string>>();
  const listening = new Set<ObjectCache>();

  function wakeFollowers(type: ResourceType, { object }: ObjectChange): void {
    const { namespace = "", name } = object.metadata;
    for (const key of followers.get(refKey({ type, namespace, name })) ?? []) wake(canaryRef(key));
  }

  function listen(ref: ObjectRef): ObjectCache {
    const cache = track(ref.type, ref.namespace);
    if (!listening.has(cache)) {
      listening.add(cache);
      cache.onChange((change) => wakeFollowers(ref.type, change));
    }
    return cache;
  }

  function drop(key: string): void {
    for (const object of followed.get(key) ?? []) {
      const keys = followers.get(object);
      keys?.delete(key);
      if (keys?.size === 0) followers.delete(object);
    }
    followed.delete(key);
  }

  return {
    async follow(canary, refs, signal) {
      const key = canaryKey(canary);
      const wanted = new Set(refs.map(refKey));
      const known = followed.get(key);
      if (known === undefined || known.size !== wanted.size || [...wanted].some((object) => !known.has(object))) {
        drop(key);
        followed.set(key, wanted);
        for (const object of wanted) followers.set(object, (followers.get(object) ?? new Set()).add(key));
      }
      await Promise.all(refs.map((ref) => listen(ref).synced));
      signal.throwIfAborted();
    },
    unfollow: (canary) => drop(canaryKey(canary)),
    cached: ({ type, namespace, name }) => track(type, namespace).get(namespace, name),
  };
}

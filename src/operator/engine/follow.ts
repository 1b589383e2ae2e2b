/** Which objects each Canary depends on, and the watches that wake it when one of them changes. */

import { abortable } from "../../async/abortable.ts";
import type { Pace } from "../../async/give-way.ts";
import { type CanaryRef, canaryKey } from "../../core/spec/spec.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ObjectCache, ObjectChange } from "../../ports/kube.ts";
import type { KubeObject, ObjectRef, ResourceType } from "../../ports/kubernetes.ts";
import { KindMissing, ReadFailure } from "../cluster/read-failure.ts";
import { createRefMap } from "../cluster/ref-map.ts";
import { createHoldings, isSameList, leftOutIn } from "./holdings.ts";

export interface Follower {
  /**
   * Resolves when every object named can be read. The Canary is woken by changes of these objects and of no others.
   * @throws ReadFailure when the API server does not let us read them
   */
  follow(canary: CanaryRef, refs: readonly ObjectRef[], signal: AbortSignal): Promise<void>;
  /** Whether the Canary follows these very objects already, and every one of them can be read now. */
  isFollowing(canary: CanaryRef, refs: readonly ObjectRef[]): boolean;
  unfollow(canary: CanaryRef): void;
  /** Whether the object takes too much memory to be kept before a Canary follows it: then `cached` throws. */
  isLeftOut(ref: ObjectRef): boolean;
  cached(ref: ObjectRef): KubeObject | undefined;
  /** What the caches hold of a kind that some Canary follows; empty for other kinds. */
  listed(type: ResourceType, namespace: string): readonly KubeObject[];
  /** One object, once it is known whether there is one. @throws ReadFailure, or the signal's reason */
  read(ref: ObjectRef, signal: AbortSignal): Promise<KubeObject | undefined>;
}

export interface FollowerOptions {
  readonly clock: Clock;
  /** The cache of a kind, started if need be. */
  readonly track: (type: ResourceType, namespace: string) => ObjectCache;
  /** Requests a turn of the Canary. */
  readonly wake: (canary: CanaryRef) => void;
  /** Whether a change only shows a write by a turn of this Canary; see FreshSnapshot. */
  readonly isOwnWrite: (canary: CanaryRef, type: ResourceType, object: KubeObject) => boolean;
  /** Called for every deleted object. */
  readonly onDeleted: (type: ResourceType, last: KubeObject) => void;
  /** For the Canaries that waited for one cache; absent: they go on one after the other. */
  readonly pace?: Pace | undefined;
}

/** The register of followers, with lookups by object and by Canary. */
function createRegister() {
  const byObject = createRefMap<Set<string>>();
  const byCanary = new Map<string, readonly ObjectRef[]>();

  function drop(canary: string): void {
    for (const object of byCanary.get(canary) ?? []) {
      const canaries = byObject.get(object);
      canaries?.delete(canary);
      if (canaries?.size === 0) byObject.delete(object);
    }
    byCanary.delete(canary);
  }

  return {
    drop,
    followersOf: (ref: ObjectRef): Iterable<string> => byObject.get(ref) ?? [],
    /** Whether the Canary follows these very objects. */
    holds: (canary: string, refs: readonly ObjectRef[]) => isSameList(byCanary.get(canary), refs),
    set(canary: string, refs: readonly ObjectRef[]): void {
      drop(canary);
      byCanary.set(canary, refs);
      for (const object of refs) byObject.set(object, (byObject.get(object) ?? new Set()).add(canary));
    },
  };
}

/**
 * After this time an empty cache is announced to users. Large clusters and busy servers may need most of it.
 */
const SILENCE_MS = 60_000;

/** The Canary of a key that `canaryKey` made. */
export function canaryRef(key: string): CanaryRef {
  const slash = key.indexOf("/");
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

export function createFollower({ clock, track, wake, isOwnWrite, onDeleted, pace }: FollowerOptions): Follower {
  const register = createRegister();
  const holdings = createHoldings(track);
  const listening = new Set<ObjectCache>();
  const filled = new Set<ObjectCache>();
  const waits = new Map<ObjectCache, Promise<void>>();

  function onChange(type: ResourceType, { type: what, object }: ObjectChange): void {
    const { namespace = "", name } = object.metadata;
    if (what === "deleted") onDeleted(type, object);
    for (const key of register.followersOf({ type, namespace, name })) {
      const canary = canaryRef(key);
      if (what === "deleted" || !isOwnWrite(canary, type, object)) wake(canary);
    }
  }

  function listen(ref: ObjectRef): ObjectCache {
    const cache = track(ref.type, ref.namespace);
    if (!listening.has(cache)) {
      listening.add(cache);
      cache.onChange((change) => onChange(ref.type, change));
    }
    return cache;
  }

  /** @throws ReadFailure when the server refuses, or is silent for too long */
  async function firstList(cache: ObjectCache): Promise<void> {
    let cancel = () => {};
    const full = cache.synced.then(() => {
      filled.add(cache);
      return "filled" as const;
    });
    const silence = new Promise<string>((resolve) => {
      cancel = clock.after(SILENCE_MS, () => resolve(`no answer within ${SILENCE_MS / 1000} s`));
    });
    const end = await Promise.race([full, cache.denied ?? silence, silence]).finally(() => cancel());
    if (end !== "filled") throw new ReadFailure(troubleOf(cache, end), cache.synced);
  }

  /** One wait per cache, which all turns share. */
  function whenFilled(cache: ObjectCache): Promise<void> {
    const wait = waits.get(cache) ?? firstList(cache);
    waits.set(cache, wait);
    return wait;
  }

  /** Waits until the caches are filled. */
  async function fill(caches: readonly ObjectCache[], signal: AbortSignal): Promise<void> {
    const empty = caches.filter((cache) => !filled.has(cache));
    if (empty.length > 0) await abortable(Promise.all(empty.map(whenFilled)), signal);
    const refused = caches.find(({ refusal }) => refusal !== undefined);
    if (refused !== undefined) throw new ReadFailure(troubleOf(refused, refused.refusal ?? ""));
  }

  const isLeftOut = leftOutIn(track);

  function isReadable(ref: ObjectRef): boolean {
    const cache = track(ref.type, ref.namespace);
    const isKnown = filled.has(cache) && cache.refusal === undefined && !cache.absent;
    return isKnown && !isLeftOut(ref);
  }

  return {
    async follow(canary, refs, signal) {
      const key = canaryKey(canary);
      if (!register.holds(key, refs)) register.set(key, refs);
      const caches = refs.map(listen);
      await fill(caches, signal);
      const round = pace?.();
      if (round !== undefined) await round;
      const missing = caches.find(({ absent }) => absent);
      if (missing !== undefined) throw new KindMissing(missing.type);
      await abortable(holdings.keep(key, refs), signal);
    },
    isFollowing(canary, refs) {
      const key = canaryKey(canary);
      return register.holds(key, refs) && refs.every(isReadable) && holdings.areKept(key, refs);
    },
    unfollow(canary) {
      register.drop(canaryKey(canary));
      holdings.drop(canaryKey(canary));
    },
    isLeftOut,
    cached: ({ type, namespace, name }) => track(type, namespace).get(namespace, name),
    listed: (type, namespace) =>
      [...listening].filter((cache) => cache.type === type).flatMap((cache) => cache.list(namespace)),
    async read(ref, signal) {
      const cache = track(ref.type, ref.namespace);
      await fill([cache], signal);
      await abortable(holdings.touch(ref), signal);
      return cache.get(ref.namespace, ref.name);
    },
  };
}

function troubleOf({ type, trouble, needsGet }: ObjectCache, end: string): string {
  const kind = `${type.plural}${type.group && `.${type.group}`}`;
  const verbs = needsGet === true ? "get, list and watch" : "list and watch";
  return `cannot read ${kind}: ${trouble ?? end}: grant the operator's role the verbs ${verbs} on ${kind}`;
}

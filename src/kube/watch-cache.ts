/** One collection of objects, kept current in memory; see reflector.ts for how. */
import { setMaxListeners } from "node:events";
import type { ObjectCache, ObjectChange } from "../ports/kube.ts";
import { createListeners } from "./listeners.ts";
import { createObjectStore, type Indexer } from "./object-store.ts";
import { type Collection, reflect, type Sink, type WatchWorld } from "./reflector.ts";

export interface CacheScope extends Collection {
  /** For `byIndex`. */
  readonly indexers?: Readonly<Record<string, Indexer>>;
}

/** Starts to list and watch; stops when `signal` is aborted. Cached objects stay readable. */
export function startWatchCache(scope: CacheScope, world: WatchWorld, signal: AbortSignal): ObjectCache {
  const store = createObjectStore(scope.indexers);
  const listeners = createListeners(world.log);
  const synced = createGate<void>();
  const denied = createGate<string>();
  let absent = false;
  let trouble: string | undefined;
  const permission = createPermission();
  const emit = (changes: readonly ObjectChange[]) => {
    for (const change of changes) listeners.emit(change);
  };
  const sink: Sink = {
    replaceAll(objects) {
      absent = false;
      permission.listed();
      emit(store.replaceAll(objects));
      synced.open();
    },
    put: (object) => emit(store.put(object)),
    remove: (last) => emit(store.remove(last)),
    absent() {
      absent = true;
      trouble = undefined;
      emit(store.replaceAll([]));
      synced.open();
    },
    troubled(why, isDenied) {
      trouble = why;
      if (why === undefined || isDenied !== true) return;
      denied.open(why);
      permission.refused(why);
    },
    watching: permission.granted,
  };
  setMaxListeners(0, signal); // all caches of a process share it
  void reflect(scope, world, sink, signal).then(() => synced.fail(signal.reason), synced.fail);

  return {
    type: scope.type,
    synced: synced.passed,
    denied: denied.passed,
    get absent() {
      return absent;
    },
    get trouble() {
      return trouble;
    },
    get refusal() {
      return permission.refusal;
    },
    get: store.get,
    list: store.list,
    byIndex: store.byIndex,
    onChange(listener) {
      const backlog = store.list().map((object): ObjectChange => ({ type: "added", object }));
      return listeners.add(listener, backlog);
    },
  };
}

/** Whether the server has ever let us watch what it lets us list, and its words when it has not. */
export function createPermission() {
  let refusal: string | undefined;
  let listed = false;
  let watched = false;
  return {
    get refusal() {
      return refusal;
    },
    listed() {
      listed = true;
    },
    refused(why: string) {
      if (listed && !watched) refusal = why;
    },
    granted() {
      watched = true;
      refusal = undefined;
    },
  };
}

/** A promise that other code settles, once. */
export function createGate<T>() {
  let open = (_value: T) => {};
  let fail = (_reason: unknown) => {};
  const passed = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  passed.catch(() => {}); // the cache may stop while no caller waits
  return { passed, open, fail };
}

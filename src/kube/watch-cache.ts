/**
 * One collection of objects, kept current in memory; see reflector.ts for how, and bounded-store.ts for how much of it.
 */
import { setMaxListeners } from "node:events";
import type { ObjectCache, ObjectChange } from "../ports/kube.ts";
import type { KubeObject } from "../ports/kubernetes.ts";
import { type BoundedStore, createBoundedStore } from "./bounded-store.ts";
import { listAll } from "./client.ts";
import type { Keeping } from "./left-out.ts";
import { createListeners } from "./listeners.ts";
import { createObjectStore, type Indexer, type ObjectStore } from "./object-store.ts";
import { type Collection, reflect, type Sink, slim, type WatchPorts } from "./reflector.ts";

export interface CacheScope extends Collection {
  /** For `byIndex`. */
  readonly indexers?: Readonly<Record<string, Indexer>>;
  /** How much is kept; absent: all. */
  readonly keeping?: Keeping;
}

/** Starts to list and watch; stops when `signal` is aborted. Cached objects stay readable. */
export function startWatchCache(scope: CacheScope, ports: WatchPorts, signal: AbortSignal): ObjectCache {
  const store = createObjectStore(scope.indexers);
  const listeners = createListeners(ports.log);
  const synced = createGate<void>();
  const denied = createGate<string>();
  let absent = false;
  let trouble: string | undefined;
  const permission = createPermission();
  const emit = (changes: readonly ObjectChange[]) => {
    for (const change of changes) listeners.emit(change);
  };
  const bounded = boundedBy(scope, { store, emit, ports, signal });
  const contents = bounded ?? {
    replaceAll: (objects: readonly KubeObject[]) => emit(store.replaceAll(objects)),
    put: (object: KubeObject) => emit(store.put(object)),
    remove: (last: KubeObject) => emit(store.remove(last)),
    get: store.get,
  };
  const sink: Sink = {
    replaceAll(objects) {
      absent = false;
      permission.listed();
      contents.replaceAll(objects);
      synced.open();
    },
    put: contents.put,
    remove: contents.remove,
    absent() {
      absent = true;
      bounded?.beginList();
      trouble = undefined;
      contents.replaceAll([]);
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
  const sift = bounded === undefined ? {} : { sift: bounded.beginList };
  void reflect({ ...scope, ...sift }, ports, sink, signal).then(() => synced.fail(signal.reason), synced.fail);

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
    get: contents.get,
    ...(bounded === undefined ? {} : { lacks: bounded.lacks, hold: bounded.hold, release: bounded.release }),
    list: store.list,
    byIndex: store.byIndex,
    onChange(listener) {
      const backlog = store.list().map((object): ObjectChange => ({ type: "added", object }));
      return listeners.add(listener, backlog);
    },
  };
}

interface Within {
  readonly store: ObjectStore;
  readonly emit: (changes: readonly ObjectChange[]) => void;
  readonly ports: WatchPorts;
  readonly signal: AbortSignal;
}

function boundedBy({ type, keeping }: CacheScope, { store, emit, ports, signal }: Within): BoundedStore | undefined {
  if (keeping === undefined) return undefined;
  return createBoundedStore({
    ...{ type, keeping, store, emit, log: ports.log },
    /** The right to list is needed anyway, and the right to get is not. */
    async read(namespace, name) {
      const options = { fieldSelector: `metadata.name=${name}`, sift: () => slim };
      const { objects } = await listAll(ports.transport, type, namespace, options, signal);
      return objects.find(({ metadata }) => metadata.name === name);
    },
  });
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

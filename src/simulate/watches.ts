/** Watch caches of one process: its view of the cluster is always a little stale, and under faults very stale. */
import type { ChangeListener, ObjectCache, ObjectChange } from "../ports/kube.ts";
import { type KubeObject, RESOURCES, type ResourceType } from "../ports/kubernetes.ts";
import type { Api, Change } from "./api.ts";
import type { Life, Schedule } from "./schedule.ts";

/** What happens to one watch event on its way. */
export interface WatchFate {
  /** Delay in milliseconds; events of one watch never overtake each other. */
  readonly delayMs: number;
  readonly twice?: boolean;
  /** The watch breaks here: it is silent for this long, then everything is listed again. */
  readonly deafMs?: number;
}

export interface WatchPorts {
  readonly api: Api;
  readonly schedule: Schedule;
  readonly life: Life;
  readonly fate: (change: Change) => WatchFate;
}

const LIST_MS = 5;

interface Entry {
  /** undefined: there is none. */
  object: KubeObject | undefined;
  /** How many hold it. */
  holders: number;
}

/** The cache of a kind, started on first use; one for all namespaces. */
export function createWatches(ports: WatchPorts): (type: ResourceType) => ObjectCache {
  const caches = new Map<ResourceType, ObjectCache>();
  return (type) => {
    const found = caches.get(type);
    if (found !== undefined) return found;
    const started = startWatch(type, ports);
    caches.set(type, started);
    return started;
  };
}

function startWatch(type: ResourceType, { api, schedule, life, fate }: WatchPorts): ObjectCache {
  const known = new Map<string, KubeObject>();
  /** By namespace and name: an object is asked for far more often than it changes. */
  const entries = new Map<string, Map<string, Entry>>();
  function entryOf(namespace: string, name: string): Entry {
    const inNamespace = entries.get(namespace) ?? new Map<string, Entry>();
    const entry = inNamespace.get(name) ?? { object: undefined, holders: 0 };
    entries.set(namespace, inNamespace.set(name, entry));
    return entry;
  }
  const listeners = new Set<ChangeListener>();
  let deaf = true;
  /** Counts the watches that broke: events that were under way on them never arrive. */
  let broken = 0;
  let freeAt = 0;
  let open = () => {};
  const synced = new Promise<void>((resolve) => {
    open = resolve;
  });
  const keyOf = ({ metadata }: KubeObject) => `${metadata.namespace ?? ""}/${metadata.name}`;
  const emit = (change: ObjectChange) => {
    for (const listener of listeners) void listener(change);
  };

  function learn(object: KubeObject): void {
    const old = known.get(keyOf(object));
    known.set(keyOf(object), object);
    const { namespace = "", name } = object.metadata;
    entryOf(namespace, name).object = object;
    emit(old === undefined ? { type: "added", object } : { type: "modified", object, old });
  }

  function unlearn(object: KubeObject): void {
    const old = known.get(keyOf(object));
    if (old === undefined) return;
    known.delete(keyOf(object));
    entryOf(object.metadata.namespace ?? "", object.metadata.name).object = undefined;
    emit({ type: "deleted", object, old });
  }

  function list(): void {
    if (!life.alive) return;
    deaf = false;
    const present = api.list(type);
    const keys = new Set(present.map(keyOf));
    for (const object of [...known.values()]) if (!keys.has(keyOf(object))) unlearn(object);
    for (const object of present) {
      if (known.get(keyOf(object))?.metadata.resourceVersion !== object.metadata.resourceVersion) learn(object);
    }
    open();
  }

  function deliver(change: Change, watch: number): void {
    if (!life.alive || deaf || watch !== broken) return;
    if (change.type === "deleted") unlearn(change.object);
    else learn(change.object);
  }

  api.onChange((change) => {
    if (change.kind !== type || !life.alive || deaf) return;
    const { delayMs, twice, deafMs } = fate(change);
    if (deafMs !== undefined) {
      deaf = true;
      broken += 1;
      schedule.after(deafMs, list);
      return;
    }
    freeAt = Math.max(freeAt, schedule.now() + delayMs);
    const watch = broken;
    schedule.after(freeAt - schedule.now(), () => deliver(change, watch));
    if (twice === true) schedule.after(freeAt - schedule.now(), () => deliver(change, watch));
  });
  schedule.after(LIST_MS, list);

  // The caches of the operator hold what Canaries name, and perhaps no more, see kube/bounded-store.ts.
  const isLacking = (entry: Entry | undefined): boolean =>
    entry?.object !== undefined && entry.holders === 0 && type !== RESOURCES.canary;

  return {
    type,
    synced,
    absent: false,
    get(namespace, name) {
      const entry = entries.get(namespace)?.get(name);
      if (!isLacking(entry)) return entry?.object;
      throw new Error(`${type.kind} ${namespace}/${name} is read and was not asked for: hold it first`);
    },
    lacks: (namespace, name) => isLacking(entries.get(namespace)?.get(name)),
    async hold(namespace, name) {
      entryOf(namespace, name).holders += 1;
    },
    release(namespace, name) {
      const entry = entryOf(namespace, name);
      entry.holders = Math.max(0, entry.holders - 1);
    },
    list: (namespace = "") =>
      [...known.values()].filter((object) => namespace === "" || object.metadata.namespace === namespace),
    byIndex(index) {
      throw new Error(`there is no index "${index}"`);
    },
    onChange(listener) {
      for (const object of known.values()) void listener({ type: "added", object });
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/**
 * A cache for kinds with many large objects of which few are needed: ConfigMaps and Secrets. It mirrors the metadata of
 * all objects, and reads the contents of those that are held:
 *
 *   metadata watch ─► version of each object ─► is it held? ─► GET ─► contents, and listeners get the change
 *                                                  └─ no: nothing is read, no listener is called
 *
 * So memory depends on the configs that Canaries refer to, not on those in the namespace.
 */
import { setMaxListeners } from "node:events";
import { createBackOff } from "../async/back-off.ts";
import { errorText } from "../error-text.ts";
import { isNotFound, type ObjectCache, type ObjectChange } from "../ports/kube.ts";
import { apiVersionOf, type KubeObject, objectPath, type ResourceType } from "../ports/kubernetes.ts";
import { deepFreeze } from "./deep-freeze.ts";
import type { Ledger } from "./ledger.ts";
import { createListeners } from "./listeners.ts";
import { createObjectStore, keyOf, keyOfObject, notHeld, type ObjectStore } from "./object-store.ts";
import { type Collection, reflect, type Sink, type WatchPorts } from "./reflector.ts";
import { createGate, createPermission } from "./watch-cache.ts";
import { weightOf } from "./weight.ts";

/** Contents that are held in one namespace, in characters of JSON. Ten configs of the largest size fit. */
const MOST_HELD = 16 * 2 ** 20;
const RETRY_MIN_MS = 200;
const RETRY_MAX_MS = 30_000;

interface Held {
  readonly namespace: string;
  readonly name: string;
  holders: number;
  object: KubeObject | undefined;
  /** Characters of JSON. */
  size: number;
  /** Bytes of memory, as the ledger counts them. */
  weight: number;
  /** The contents were there, and gave way to those of another namespace. */
  isShed: boolean;
  /** Settles when the contents are as new as the metadata. */
  reading: Promise<void> | undefined;
}

export interface ContentScope extends Collection {
  /** Contents count as needed objects of their namespace; absent: nothing but `MOST_HELD` bounds them. */
  readonly ledger?: Ledger;
}

/** Starts to watch; stops when `signal` is aborted. Contents that were read stay readable. */
export function startContentCache(scope: ContentScope, ports: WatchPorts, signal: AbortSignal): ObjectCache {
  const { type } = scope;
  const known = createObjectStore();
  const listeners = createListeners(ports.log);
  const contents = createContents(scope, ports, known, listeners.emit, signal);
  const synced = createGate<void>();
  const denied = createGate<string>();
  const permission = createPermission();
  const state: { absent: boolean; trouble: string | undefined } = { absent: false, trouble: undefined };
  const sink: Sink = {
    replaceAll(objects) {
      state.absent = false;
      permission.listed();
      contents.changed(known.replaceAll(objects));
      synced.open();
    },
    put: (object) => contents.changed(known.put(object)),
    remove: (last) => contents.changed(known.remove(last)),
    absent() {
      Object.assign(state, { absent: true, trouble: undefined });
      contents.changed(known.replaceAll([]));
      synced.open();
    },
    troubled(why, isDenied) {
      state.trouble = why;
      if (why === undefined || isDenied !== true) return;
      denied.open(why);
      permission.refused(why);
    },
    watching: permission.granted,
  };
  setMaxListeners(0, signal); // all caches of a process share it
  void reflect({ ...scope, metadataOnly: true }, ports, sink, signal).then(
    () => synced.fail(signal.reason),
    synced.fail,
  );
  return {
    type,
    synced: synced.passed,
    denied: denied.passed,
    get absent() {
      return state.absent;
    },
    get trouble() {
      return state.trouble;
    },
    get refusal() {
      return permission.refusal;
    },
    get: contents.get,
    list: contents.list,
    byIndex(index) {
      throw new Error(`${type.plural} have no index "${index}"`);
    },
    onChange: (listener) => listeners.add(listener, []),
    needsGet: true,
    lacks: contents.lacks,
    hold: contents.hold,
    release: contents.release,
  };
}

/** @throws KubeError; undefined: there is no such object */
async function readOne(type: ResourceType, { namespace, name }: Held, { transport }: WatchPorts, signal: AbortSignal) {
  try {
    const object = await transport.send({ method: "GET", path: objectPath({ type, namespace, name }) }, signal);
    return { ...object, apiVersion: apiVersionOf(type), kind: type.kind } as KubeObject;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

const emptyOf = (namespace: string, name: string): Held => ({
  ...{ namespace, name, holders: 0, object: undefined, size: 0 },
  ...{ weight: 0, isShed: false, reading: undefined },
});

interface Reading {
  readonly type: ResourceType;
  readonly entry: Held;
  readonly ports: WatchPorts;
  readonly signal: AbortSignal;
}

/** Reads until the contents are as new as the metadata. */
async function tryUntil(
  isDone: () => boolean,
  read: () => Promise<void>,
  { type, entry, ports, signal }: Reading,
): Promise<void> {
  const backOff = createBackOff(RETRY_MIN_MS, RETRY_MAX_MS, ports.random);
  while (!isDone()) {
    try {
      await read();
    } catch (error) {
      if (signal.aborted) return;
      const text = errorText(error);
      ports.log.warn({ object: keyOf(entry.namespace, entry.name), error: text }, `cannot read ${type.plural}`);
      await ports.clock.sleep(backOff.next(), signal).catch(() => undefined);
    }
  }
}

const shedIn = (held: ReadonlyMap<string, Held>) => [...held.values()].filter(({ isShed }) => isShed).length;

/** The largest contents that weigh so much together. */
function heaviestOf(held: ReadonlyMap<string, Held>, bytes: number): readonly Held[] {
  const chosen: Held[] = [];
  let weight = 0;
  for (const entry of [...held.values()].sort((a, b) => b.weight - a.weight)) {
    if (weight >= bytes || entry.weight === 0) break;
    chosen.push(entry);
    weight += entry.weight;
  }
  return chosen;
}

/** The contents that are held. @param known the metadata of all objects */
function createContents(
  { type, namespace: only = "", ledger }: ContentScope,
  ports: WatchPorts,
  known: ObjectStore,
  emit: (change: ObjectChange) => void,
  signal: AbortSignal,
) {
  const held = new Map<string, Held>();
  const shed = (namespace: string, bytes: number) => heaviestOf(held, namespace === only ? bytes : 0).forEach(giveUp);
  const account = ledger?.open(type, () => new Map([[only, shedIn(held)]]), shed);
  const isHeld = (entry: Held) => held.get(keyOf(entry.namespace, entry.name)) === entry;

  /** @throws KubeError @throws Error when the contents are too large */
  async function readInto(entry: Held): Promise<void> {
    const object = await readOne(type, entry, ports, signal);
    const size = object === undefined ? 0 : JSON.stringify(object).length;
    let all = size;
    for (const other of held.values()) if (other !== entry) all += other.size;
    if (all > MOST_HELD) throw new Error(tooLarge(type, entry.namespace, all));
    const weight = weightOf(object);
    // What the entry holds now goes when the new contents come.
    const more = weight - entry.weight;
    if (account?.makeRoom(only, "needed", more) === false) throw new Error(noRoom(type, entry.namespace));
    take(entry, object, size, weight);
  }

  /** Another namespace, which takes less, needs the room. */
  function giveUp(entry: Held): void {
    const { object } = entry;
    if (object === undefined) return;
    weigh(entry, 0);
    Object.assign(entry, { object: undefined, size: 0, isShed: true });
    // Those who read it take a turn, and say why it is left out.
    emit({ type: "modified", object, old: object });
  }

  function weigh(entry: Held, weight: number): void {
    if (isHeld(entry)) account?.add(only, "needed", weight - entry.weight);
    entry.weight = weight;
  }

  function take(entry: Held, object: KubeObject | undefined, size: number, weight: number): void {
    const old = entry.object;
    weigh(entry, weight);
    Object.assign(entry, { object: deepFreeze(object), size, isShed: false });
    const change = changeOf(old, entry.object);
    if (change !== undefined && isHeld(entry)) emit(change);
  }

  function refreshOnce(entry: Held): void {
    if (entry.reading !== undefined || !isStale(entry, known.get(entry.namespace, entry.name))) return;
    const isDone = () => signal.aborted || !isHeld(entry) || !isStale(entry, known.get(entry.namespace, entry.name));
    entry.reading = tryUntil(isDone, () => readInto(entry), { type, entry, ports, signal }).then(() => {
      entry.reading = undefined;
      if (!signal.aborted && isHeld(entry)) refreshOnce(entry); // a change may have come at the last moment
    });
  }

  function release(namespace: string, name: string): void {
    const entry = held.get(keyOf(namespace, name));
    if (entry === undefined) return;
    entry.holders -= 1;
    if (entry.holders > 0) return;
    weigh(entry, 0);
    held.delete(keyOf(namespace, name));
  }

  return {
    changed(changes: readonly ObjectChange[]): void {
      for (const { type: what, object } of changes) {
        const entry = held.get(keyOfObject(object));
        if (entry === undefined) continue;
        if (what === "deleted") take(entry, undefined, 0, 0);
        else refreshOnce(entry);
      }
    },
    async hold(namespace: string, name: string): Promise<void> {
      const key = keyOf(namespace, name);
      const entry = held.get(key) ?? emptyOf(namespace, name);
      held.set(key, entry);
      entry.holders += 1;
      if (!isStale(entry, known.get(namespace, name))) return;
      try {
        await readInto(entry);
      } catch (error) {
        release(namespace, name);
        throw error;
      }
    },
    release,
    lacks: (namespace: string, name: string): boolean => held.get(keyOf(namespace, name))?.isShed === true,
    get(namespace: string, name: string): KubeObject | undefined {
      const entry = held.get(keyOf(namespace, name));
      if (entry !== undefined && !entry.isShed) return entry.object;
      if (known.get(namespace, name) === undefined) return undefined;
      throw notHeld(type, namespace, name);
    },
    list: (namespace = ""): readonly KubeObject[] =>
      [...held.values()].flatMap(({ object }) =>
        object === undefined || (namespace !== "" && object.metadata.namespace !== namespace) ? [] : [object],
      ),
  };
}

function tooLarge({ plural }: ResourceType, namespace: string, size: number): string {
  const mebi = (characters: number) => Math.ceil(characters / 2 ** 20);
  return (
    `the ${plural} that Canaries of namespace ${namespace} refer to hold ${mebi(size)} MiB: ` +
    `at most ${mebi(MOST_HELD)} MiB can be tracked; refer to fewer or smaller ones`
  );
}

const noRoom = ({ plural }: ResourceType, namespace: string): string =>
  `the ${plural} that Canaries of namespace ${namespace} refer to do not fit into the memory that its objects may take: ` +
  "refer to fewer or smaller ones, or give the operator more memory (--max-old-space-size)";

/** Versions are compared as numbers where both are numbers: the contents may be newer than the metadata. */
function isStale({ object }: Held, metadata: KubeObject | undefined): boolean {
  if (metadata === undefined) return false;
  if (object === undefined || object.metadata.uid !== metadata.metadata.uid) return true;
  const [have, want] = [Number(object.metadata.resourceVersion), Number(metadata.metadata.resourceVersion)];
  if (Number.isFinite(have) && Number.isFinite(want)) return have < want;
  return object.metadata.resourceVersion !== metadata.metadata.resourceVersion;
}

function changeOf(old: KubeObject | undefined, object: KubeObject | undefined): ObjectChange | undefined {
  if (object === undefined) return old === undefined ? undefined : { type: "deleted", object: old, old };
  if (old === undefined) return { type: "added", object };
  return old.metadata.resourceVersion === object.metadata.resourceVersion
    ? undefined
    : { type: "modified", object, old };
}

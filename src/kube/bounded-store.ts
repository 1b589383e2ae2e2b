/**
 * The objects of one kind in memory, within the bounds of their namespaces. What does not fit is left out
 * (left-out.ts): its version and weight are noted, and a sketch where the kind has one. An object that a Canary names
 * comes first, and is read by its name.
 *
 *   list, watch ─► does it fit? ─► yes: kept whole
 *                       └─ no: left out ─► a Canary names it, and there is room ─► read by name, kept whole
 */
import type { ObjectChange } from "../ports/kube.ts";
import type { KubeObject, ResourceType } from "../ports/kubernetes.ts";
import type { Log } from "../ports/log.ts";
import type { Sift } from "./client.ts";
import { createSieve, type Keeping, keep, type Sieve, shedFrom, strike, type Table, tableOf } from "./left-out.ts";
import { keyOf, keyOfObject, notHeld, type ObjectStore } from "./object-store.ts";

export interface BoundedStoreOptions {
  readonly type: ResourceType;
  readonly keeping: Keeping;
  readonly store: ObjectStore;
  readonly emit: (changes: readonly ObjectChange[]) => void;
  /** One object by its name, from the API server. @throws KubeError */
  readonly read: (namespace: string, name: string) => Promise<KubeObject | undefined>;
  readonly log: Log;
}

export interface BoundedStore {
  /**
   * For the objects of a list, page by page. The store keeps them itself, and returns nothing: an object that has to
   * give way is free at once. The list takes effect with `replaceAll`.
   */
  beginList(): Sift;
  replaceAll(): void;
  put(object: KubeObject): void;
  remove(last: KubeObject): void;
  /** @throws Error for an object that is left out, unless the kind needs all */
  get(namespace: string, name: string): KubeObject | undefined;
  /** The object is left out, or nothing is known of it. */
  lacks(namespace: string, name: string): boolean;
  /** @throws KubeError, Error when there is no room */
  hold(namespace: string, name: string): Promise<void>;
  release(namespace: string, name: string): void;
}

interface Draft {
  readonly table: Table;
  readonly objects: Map<string, KubeObject>;
}

/** What is known now. A new list brings a new table. */
interface State {
  table: Table;
  /** Of the list that is under way. */
  draft: Draft | undefined;
  /** How many Canaries name an object. */
  readonly holders: Map<string, number>;
  /** Named objects that are not there, as a reading by name has found. */
  readonly missing: Set<string>;
}

export function createBoundedStore(options: BoundedStoreOptions): BoundedStore {
  const { type, keeping, store, emit, log } = options;
  const { ledger, needsAll } = keeping;
  const table = tableOf(ledger.open(type, () => state.table.leftIn, shed));
  /** A namespace that takes less needs the room. */
  function shed(namespace: string, bytes: number, ofDraft: boolean): void {
    if (state.draft !== undefined) shedDraft(state.draft, sieve, namespace, bytes);
    if (!ofDraft) shedLive(state.table, { store, sieve, emit, wake }, namespace, bytes);
  }
  const state: State = { table, draft: undefined, holders: new Map(), missing: new Set() };
  const sieve = createSieve(type, keeping, (key) => needsAll || state.holders.has(key), log);
  const giveWay = (object: KubeObject) => giveWayIn(store, sieve, object);
  /** The Canaries that name an object which was left out take a turn, and say so. */
  const wake = (object: KubeObject) => {
    if (state.holders.has(keyOfObject(object))) emit([{ type: "modified", object, old: object }]);
  };

  function take(object: KubeObject): void {
    state.missing.delete(keyOfObject(object));
    const kept = sieve.sift(state.table, object);
    if (kept === undefined) {
      if (store.remove(object).length > 0) wake(object);
      return;
    }
    const old = giveWay(kept);
    const changes = store.put(kept);
    emit(old === undefined ? changes : [{ type: "modified", object: kept, old }]);
  }

  const lacks = (namespace: string, name: string) => lacksIn(state, namespace, name);
  const readings = createReadings(options, state, sieve, take);

  function release(namespace: string, name: string): void {
    const key = keyOf(namespace, name);
    const others = (state.holders.get(key) ?? 0) - 1;
    if (others > 0) {
      state.holders.set(key, others);
      return;
    }
    state.holders.delete(key);
    state.missing.delete(key);
    readings.forget(key);
    const object = store.get(namespace, name);
    if (needsAll || object === undefined || state.table.kept.get(key)?.share !== "needed") return;
    const kept = sieve.sift(state.table, object);
    if (kept === object) return;
    store.remove(object);
    if (kept !== undefined) store.put(kept); // nothing has changed, so no listener is called
  }

  return {
    beginList: () => begun(state, sieve),
    replaceAll() {
      if (state.draft === undefined) return;
      const { objects, lost } = replaced(state, state.draft, store, ledger.bounds.needed);
      readings.clear();
      for (const object of objects) giveWay(object);
      emit(store.replaceAll(objects));
      for (const object of lost) wake(object);
    },
    put(object) {
      if (!readings.isOutdated(object)) take(object);
    },
    remove(last) {
      if (readings.isOutdated(last)) return;
      strike(state.table, last.metadata.namespace ?? "", keyOfObject(last));
      emit(store.remove(last));
    },
    get(namespace, name) {
      if (needsAll || !lacks(namespace, name)) return store.get(namespace, name);
      throw notHeld(type, namespace, name);
    },
    lacks,
    async hold(namespace, name) {
      const key = keyOf(namespace, name);
      state.holders.set(key, (state.holders.get(key) ?? 0) + 1);
      try {
        for (let tries = 0; tries < 3 && lacks(namespace, name); tries += 1) await readings.read(namespace, name);
        if (lacks(namespace, name)) throw new Error(sieve.refusal(namespace));
      } catch (error) {
        release(namespace, name);
        throw error;
      }
    },
    release,
  };
}

function partsOf(key: string): readonly [namespace: string, name: string] {
  const [namespace = "", name = ""] = key.split("/");
  return [namespace, name];
}

interface Live extends Pick<BoundedStoreOptions, "store" | "emit"> {
  readonly sieve: Sieve;
  readonly wake: (object: KubeObject) => void;
}

function shedLive(table: Table, { store, sieve, emit, wake }: Live, namespace: string, bytes: number): void {
  for (const object of shedFrom(table, namespace, bytes, (key) => store.get(...partsOf(key)))) {
    const sketch = sieve.sketchOf(table, object);
    store.remove(object);
    if (sketch !== undefined) store.put(sketch);
    // To those who read the object it has changed.
    if (sketch !== undefined) emit([{ type: "modified", object: sketch, old: object }]);
    else wake(object);
  }
}

function shedDraft({ table, objects }: Draft, sieve: Sieve, namespace: string, bytes: number): void {
  for (const object of shedFrom(table, namespace, bytes, (key) => objects.get(key))) {
    const sketch = sieve.sketchOf(table, object);
    if (sketch === undefined) objects.delete(keyOfObject(object));
    else objects.set(keyOfObject(object), sketch);
  }
}

function lacksIn({ table, missing }: State, namespace: string, name: string): boolean {
  if (table.left.size === 0 && table.uncounted.size === 0) return false;
  const key = keyOf(namespace, name);
  if (table.left.has(key)) return true;
  return table.uncounted.has(namespace) && !table.kept.has(key) && !missing.has(key);
}

/**
 * A store takes no object of a version that it has. @returns the sketch that gives way to the object, or the other way
 * round
 */
function giveWayIn(store: ObjectStore, sieve: Sieve, object: KubeObject): KubeObject | undefined {
  const old = store.get(object.metadata.namespace ?? "", object.metadata.name);
  if (old === undefined || sieve.isSketch(old) === sieve.isSketch(object)) return undefined;
  store.remove(old);
  return old;
}

function begun(state: State, sieve: Sieve): Sift {
  const draft = { table: tableOf(state.table.account.draft()), objects: new Map<string, KubeObject>() };
  state.draft = draft;
  return (object) => {
    const kept = sieve.sift(draft.table, object);
    if (kept !== undefined) draft.objects.set(keyOfObject(object), kept);
    return undefined;
  };
}

/** The list takes effect. @returns what is kept, and what Canaries name and is not in memory any more */
function replaced(state: State, draft: Draft, store: ObjectStore, most: number) {
  const { held, lost } = carryOver(state, draft.table, store, most);
  state.table.account.replace();
  state.table = { ...draft.table, account: state.table.account };
  state.draft = undefined;
  state.missing.clear();
  const keys = new Set(held.map(keyOfObject));
  const listed = [...draft.objects.values()];
  // Objects that are held already stay as they are.
  const others = keys.size === 0 ? listed : listed.filter((object) => !keys.has(keyOfObject(object)));
  return { objects: [...others, ...held], lost };
}

/**
 * What Canaries name was perhaps left out of a new list, because it came when nothing was known of the Canaries yet, or
 * late.
 * @returns the objects that stay as they are, and those that have changed and are not in memory any more
 */
function carryOver({ table, holders }: State, draft: Table, store: ObjectStore, most: number) {
  const held: KubeObject[] = [];
  const lost: KubeObject[] = [];
  for (const key of holders.keys()) {
    const out = draft.left.get(key);
    const known = out === undefined ? undefined : store.get(...partsOf(key));
    if (out === undefined || known === undefined) continue;
    const isSame = table.kept.has(key) && known.metadata.resourceVersion === out.version;
    if (isSame && keep(draft, known, "needed", most)) held.push(known);
    else lost.push(known);
  }
  return { held, lost };
}

/** Reads single objects by their names, beside the watch. */
function createReadings({ read }: BoundedStoreOptions, state: State, sieve: Sieve, take: (object: KubeObject) => void) {
  const under = new Map<string, Promise<void>>();
  /** Objects that the watch showed while they were being read. */
  const overtaken = new Set<string>();
  /** Versions that were read. The watch may still show older ones, which count for nothing. */
  const ahead = new Map<string, string | undefined>();

  async function readInto(namespace: string, name: string): Promise<void> {
    const key = keyOf(namespace, name);
    const { table } = state;
    const { weight = 0 } = table.left.get(key) ?? {};
    if (!table.account.fits(namespace, "needed", weight)) throw new Error(sieve.refusal(namespace));
    const object = await read(namespace, name);
    // Another list was read meanwhile, or the watch has shown a version that may be later.
    if (overtaken.delete(key) || table !== state.table) return;
    if (object !== undefined) {
      ahead.set(key, object.metadata.resourceVersion);
      take(object);
      return;
    }
    strike(table, namespace, key);
    state.missing.add(key);
  }

  return {
    /** @throws KubeError, Error when there is no room */
    read(namespace: string, name: string): Promise<void> {
      const key = keyOf(namespace, name);
      const reading = under.get(key) ?? readInto(namespace, name).finally(() => under.delete(key));
      under.set(key, reading);
      return reading;
    },
    /** Whether a later state of the object was read already. */
    isOutdated(object: KubeObject): boolean {
      const key = keyOfObject(object);
      if (Number(object.metadata.resourceVersion) < Number(ahead.get(key))) return true;
      ahead.delete(key);
      if (under.has(key)) overtaken.add(key);
      return false;
    },
    forget: (key: string) => ahead.delete(key),
    clear: () => ahead.clear(),
  };
}

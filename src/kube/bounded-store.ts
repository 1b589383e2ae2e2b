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
import { createSieve, type Keeping, keep, type Sieve, strike, type Table, tableOf } from "./left-out.ts";
import { keyOf, keyOfObject, notHeld, type ObjectStore } from "./object-store.ts";

export type { Keeping } from "./left-out.ts";

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
  /** For the objects of a list, page by page. The list takes effect with `replaceAll`. */
  beginList(): Sift;
  /** @param objects what the list's sift kept */
  replaceAll(objects: readonly KubeObject[]): void;
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

/** What is known now. A new list brings a new table. */
interface State {
  table: Table;
  /** Of the list that is under way. */
  draft: Table;
  /** How many Canaries name an object. */
  readonly holders: Map<string, number>;
  /** Named objects that are not there, as a reading by name has found. */
  readonly missing: Set<string>;
}

export function createBoundedStore(options: BoundedStoreOptions): BoundedStore {
  const { type, keeping, store, emit, log } = options;
  const { ledger, needsAll } = keeping;
  const table = tableOf(ledger.open(() => state.table.left.size));
  const state: State = { table, draft: table, holders: new Map(), missing: new Set() };
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
    beginList() {
      const draft = tableOf(state.table.account.draft());
      state.draft = draft;
      return (object) => sieve.sift(draft, object);
    },
    replaceAll(objects) {
      const { held, lost } = carryOver(state, store, ledger.bounds.needed);
      state.table.account.replace(state.draft.account);
      state.table = { ...state.draft, account: state.table.account };
      state.missing.clear();
      readings.clear();
      const keys = new Set(held.map(keyOfObject));
      const others = keys.size === 0 ? objects : objects.filter((object) => !keys.has(keyOfObject(object)));
      for (const object of others) giveWay(object);
      emit(store.replaceAll([...others, ...held]));
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

/**
 * What Canaries name was perhaps left out of a new list, because it came when nothing was known of the Canaries yet, or
 * late.
 * @returns the objects that stay as they are, and those that have changed and are not in memory any more
 */
function carryOver({ table, draft, holders }: State, store: ObjectStore, most: number) {
  const held: KubeObject[] = [];
  const lost: KubeObject[] = [];
  for (const key of holders.keys()) {
    const out = draft.left.get(key);
    const [namespace = "", name = ""] = key.split("/");
    const known = out === undefined ? undefined : store.get(namespace, name);
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

/** What is kept of a kind's objects, and what is left out because its namespace stores too much (ledger.ts). */
import type { KubeObject, ResourceType } from "../ports/kubernetes.ts";
import type { Log } from "../ports/log.ts";
import type { Account, Ledger, Share } from "./ledger.ts";
import { keyOf, keyOfObject } from "./object-store.ts";
import { weightOf } from "./weight.ts";

/** What is kept of a kind. */
export interface Keeping {
  readonly ledger: Ledger;
  /** Every object is needed, also when no Canary names it: Canaries themselves, and what people ask for. */
  readonly needsAll: boolean;
  /** What is kept of an object that is left out, without its generation; absent: nothing. */
  readonly sketch?: (object: KubeObject) => KubeObject;
}

/** A spare object is not heavier. Larger ones are rare, and are read when they are needed. */
const MOST_SPARE = 64 * 2 ** 10;
const MOST_SKETCH = 2 * 2 ** 10;
/** Objects of a namespace that are noted one by one. Whether there are others is asked when a Canary names one. */
const MOST_NOTED = 2000;

interface LeftOut {
  readonly version: string | undefined;
  readonly weight: number;
}

/** What is known of the kind's objects: as of the last list, and the changes since. */
export interface Table {
  readonly account: Account;
  readonly kept: Map<string, { readonly share: Share; readonly weight: number }>;
  readonly left: Map<string, LeftOut>;
  readonly leftIn: Map<string, number>;
  /** Namespaces in which more objects are left out than are noted. */
  readonly uncounted: Set<string>;
}

export const tableOf = (account: Account): Table => ({
  account,
  kept: new Map(),
  left: new Map(),
  leftIn: new Map(),
  uncounted: new Set(),
});

/** Forgets what is noted of the object. */
export function strike({ account, kept, left, leftIn }: Table, namespace: string, key: string): void {
  const before = kept.get(key);
  if (before !== undefined) account.add(namespace, before.share, -before.weight);
  kept.delete(key);
  if (left.delete(key)) leftIn.set(namespace, (leftIn.get(namespace) ?? 1) - 1);
}

/** @param share of what the object is; spare objects have a bound of their own @returns whether the object is kept */
export function keep(table: Table, object: KubeObject, share: Share, most: number): boolean {
  const { namespace = "" } = object.metadata;
  const key = keyOfObject(object);
  strike(table, namespace, key);
  const weight = weightOf(object, most);
  if (weight > most || !table.account.makeRoom(namespace, share, weight)) {
    note(table, object, weight);
    return false;
  }
  table.account.add(namespace, share, weight);
  table.kept.set(key, { share, weight });
  return true;
}

/**
 * Leaves out needed objects of the namespace, the largest first, until about so many bytes are free.
 * @param find the object by its key @returns what was left out
 */
export function shedFrom(
  table: Table,
  namespace: string,
  bytes: number,
  find: (key: string) => KubeObject | undefined,
): readonly KubeObject[] {
  const start = keyOf(namespace, "");
  const own = [...table.kept].filter(([key, { share }]) => share === "needed" && key.startsWith(start));
  own.sort(([, a], [, b]) => b.weight - a.weight);
  const gone: KubeObject[] = [];
  let free = 0;
  for (const [key, { weight }] of own) {
    if (free >= bytes) break;
    const object = find(key);
    if (object === undefined) continue;
    strike(table, namespace, key);
    note(table, object, weight);
    gone.push(object);
    free += weight;
  }
  return gone;
}

function note({ left, leftIn, uncounted }: Table, { metadata }: KubeObject, weight: number): void {
  const { namespace = "", name, resourceVersion: version } = metadata;
  const noted = leftIn.get(namespace) ?? 0;
  if (noted >= MOST_NOTED) {
    uncounted.add(namespace);
    return;
  }
  leftIn.set(namespace, noted + 1);
  left.set(keyOf(namespace, name), { version, weight });
}

export type Sieve = ReturnType<typeof createSieve>;

/** @param isNeeded by the key of an object: a Canary names it, or the kind needs all */
export function createSieve(
  type: ResourceType,
  { ledger, sketch }: Keeping,
  isNeeded: (key: string) => boolean,
  log: Log,
) {
  const sketches = new WeakSet<KubeObject>();
  const announce = createAnnouncements(type, ledger, log);
  /** What is kept of an object that is left out. */
  function sketchOf({ left }: Table, object: KubeObject): KubeObject | undefined {
    const small = left.has(keyOfObject(object)) ? sketch?.(object) : undefined;
    if (small === undefined || weightOf(small, MOST_SKETCH) > MOST_SKETCH) return undefined;
    sketches.add(small);
    return small;
  }
  return {
    /** Why an object that is needed is left out. */
    refusal: announce.text,
    isSketch: (object: KubeObject) => sketches.has(object),
    /** @returns what is kept: the object itself, a sketch, or nothing */
    sift(into: Table, object: KubeObject): KubeObject | undefined {
      const key = keyOfObject(object);
      const share = isNeeded(key) ? "needed" : "spare";
      if (keep(into, object, share, share === "needed" ? ledger.bounds.needed : MOST_SPARE)) return object;
      announce.once(object.metadata.namespace ?? "", share);
      return sketchOf(into, object);
    },
    sketchOf,
  };
}

/** Above this share of the common bound, the message blames all namespaces, and not the namespace of the object. */
const CROWDED = 0.75;

function createAnnouncements(type: ResourceType, { bounds, needed }: Ledger, log: Log) {
  const announced = new Set<string>();
  const mebi = (bytes: number) => Math.floor(bytes / 2 ** 20);
  const text = (namespace: string) => {
    const isCrowded = needed() > bounds.neededInAll * CROWDED && needed(namespace) < bounds.needed * CROWDED;
    const share = isCrowded
      ? `${mebi(needed(namespace))} MiB, the share of one namespace while all together take ${mebi(needed())} MiB`
      : `${mebi(bounds.needed)} MiB`;
    return (
      `the objects of namespace ${namespace} that the operator needs, ${type.plural} among them, take more than ` +
      `${share}: delete some of them or make them smaller, or give the operator more memory (--max-old-space-size)`
    );
  };
  return {
    text,
    once(namespace: string, share: Share): void {
      const key = `${share} ${namespace}`;
      if (announced.has(key)) return;
      announced.add(key);
      if (share === "needed") log.warn({ namespace }, text(namespace));
      else
        log.info(
          { namespace },
          `not all ${type.plural} of namespace ${namespace} are kept in memory: they are large or many`,
        );
    },
  };
}

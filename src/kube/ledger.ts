/**
 * How much memory the cached objects of each namespace may take, over all kinds. A tenant decides what its namespace
 * holds, and must not fill the memory of an operator that serves other namespaces.
 */

/**
 * `needed`: a Canary names the object. `spare`: it is kept only because it spares a request when a Canary names it
 * later.
 */
export type Share = "needed" | "spare";

/** All in bytes, as weight.ts counts them. */
export interface Bounds {
  /** Of one namespace. */
  readonly needed: number;
  /** Of one namespace. */
  readonly spare: number;
  /** Of all namespaces. */
  readonly spareInAll: number;
}

/** @param heapLimit what V8 may use, bytes */
export function boundsFor(heapLimit: number): Bounds {
  return { needed: heapLimit / 8, spare: heapLimit / 24, spareInAll: heapLimit / 6 };
}

type Sums = Record<Share, number>;

/** What one cache keeps. */
export interface Account {
  /** By namespace. */
  readonly sums: ReadonlyMap<string, Readonly<Sums>>;
  fits(namespace: string, share: Share, weight: number): boolean;
  /** @param weight negative: so much less is kept */
  add(namespace: string, share: Share, weight: number): void;
  /**
   * For a list that is under way: it counts as if what this account holds were dropped, and nothing else sees it before
   * `replace`.
   */
  draft(): Account;
  /** From now on this account holds what the draft held. */
  replace(draft: Account): void;
}

export interface Ledger {
  readonly bounds: Bounds;
  /** @param leftOut how many objects the cache leaves out now */
  open(leftOut: () => number): Account;
  /** Of all caches: bytes that are kept, and objects that are left out. */
  figures(): { readonly bytes: number; readonly leftOut: number };
}

const NOTHING: Readonly<Sums> = { needed: 0, spare: 0 };

function note(sums: Map<string, Sums>, namespace: string, share: Share, weight: number): void {
  const before = sums.get(namespace) ?? NOTHING;
  const after = { ...before, [share]: before[share] + weight };
  if (after.needed === 0 && after.spare === 0) sums.delete(namespace);
  else sums.set(namespace, after);
}

export function createLedger(bounds: Bounds): Ledger {
  const totals = new Map<string, Sums>();
  const counts: (() => number)[] = [];
  let spareInAll = 0;

  function noteTotal(namespace: string, share: Share, weight: number): void {
    note(totals, namespace, share, weight);
    if (share === "spare") spareInAll += weight;
  }

  /** @param instead the account that a draft stands for */
  function account(instead?: Account): Account {
    const sums = new Map<string, Sums>();
    const spareInstead = [...(instead?.sums.values() ?? [])].reduce((all, { spare }) => all + spare, 0);
    let spareOwn = 0;
    const self: Account = {
      sums,
      fits(namespace, share, weight) {
        const total = (totals.get(namespace) ?? NOTHING)[share];
        const drafted = (sums.get(namespace) ?? NOTHING)[share];
        const present =
          instead === undefined ? total : total - (instead.sums.get(namespace) ?? NOTHING)[share] + drafted;
        if (present + weight > bounds[share]) return false;
        const all = instead === undefined ? spareInAll : spareInAll - spareInstead + spareOwn;
        return share === "needed" || all + weight <= bounds.spareInAll;
      },
      add(namespace, share, weight) {
        note(sums, namespace, share, weight);
        if (share === "spare") spareOwn += weight;
        if (instead === undefined) noteTotal(namespace, share, weight);
      },
      draft: () => account(self),
      replace(draft) {
        for (const [namespace, { needed, spare }] of [...sums]) {
          self.add(namespace, "needed", -needed);
          self.add(namespace, "spare", -spare);
        }
        for (const [namespace, { needed, spare }] of draft.sums) {
          self.add(namespace, "needed", needed);
          self.add(namespace, "spare", spare);
        }
      },
    };
    return self;
  }

  return {
    bounds,
    open(leftOut) {
      counts.push(leftOut);
      return account();
    },
    figures() {
      let bytes = 0;
      for (const { needed, spare } of totals.values()) bytes += needed + spare;
      return { bytes, leftOut: counts.reduce((all, count) => all + count(), 0) };
    },
  };
}

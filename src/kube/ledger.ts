/**
 * How much memory the cached objects of each namespace may take, over all kinds, and those of all namespaces together.
 * A tenant decides what its namespace holds, and must not fill the memory of an operator that serves other namespaces.
 *
 * What all need has one bound. When it is reached, the namespace that takes most gives way to those that take less: so
 * a namespace that needs no more than its fair share, the bound divided by the namespaces, is always kept whole.
 */

import type { ResourceType } from "../ports/kubernetes.ts";

/**
 * `needed`: a Canary names the object. `spare`: it is kept only because it spares a request when a Canary names it
 * later.
 */
export type Share = "needed" | "spare";

/** All in bytes, as weight.ts counts them. */
export interface Bounds {
  /** Of one namespace. */
  readonly needed: number;
  readonly neededInAll: number;
  /** Of one namespace. */
  readonly spare: number;
  readonly spareInAll: number;
}

/** @param heapLimit what V8 may use, bytes */
export function boundsFor(heapLimit: number): Bounds {
  return { needed: heapLimit / 8, neededInAll: heapLimit / 4, spare: heapLimit / 24, spareInAll: heapLimit / 6 };
}

/** Leaves out needed objects of a namespace until about so many bytes are free. @param ofDraft only of the draft */
export type Shed = (namespace: string, bytes: number, ofDraft: boolean) => void;

/** What one cache keeps. */
export interface Account {
  /** Whether there is room, or a namespace that takes more would give way. */
  fits(namespace: string, share: Share, weight: number): boolean;
  /** As `fits`, and lets the namespaces that take more give way. */
  makeRoom(namespace: string, share: Share, weight: number): boolean;
  /** @param weight negative: so much less is kept */
  add(namespace: string, share: Share, weight: number): void;
  /** For a list that is under way: it counts as if what this account holds were dropped. A former draft is dropped. */
  draft(): Account;
  /** From now on this account holds what the draft held. */
  replace(): void;
}

export interface Ledger {
  readonly bounds: Bounds;
  /** @param leftOut how many objects the cache leaves out now, by namespace */
  open(type: ResourceType, leftOut: () => ReadonlyMap<string, number>, shed: Shed): Account;
  /** What is needed of one namespace; absent: of all. */
  needed(namespace?: string): number;
  /** How many bytes all caches keep. */
  bytes(): number;
  /** How many objects all caches leave out. */
  leftOut(): number;
  /** How many objects of a kind are left out, by namespace. */
  leftOutOf(type: ResourceType): ReadonlyMap<string, number>;
}

/** Bytes by namespace, and in all. */
function createSums() {
  const sums = new Map<string, Record<Share, number>>();
  const all: Record<Share, number> = { needed: 0, spare: 0 };
  return {
    all,
    namespaces: () => sums.keys(),
    of: (namespace: string, share: Share): number => sums.get(namespace)?.[share] ?? 0,
    add(namespace: string, share: Share, bytes: number): void {
      if (bytes === 0) return;
      const after = { needed: 0, spare: 0, ...sums.get(namespace) };
      after[share] += bytes;
      all[share] += bytes;
      if (after.needed === 0 && after.spare === 0) sums.delete(namespace);
      else sums.set(namespace, after);
    },
  };
}
type SumsOf = ReturnType<typeof createSums>;

interface Member {
  readonly type: ResourceType;
  readonly leftOut: () => ReadonlyMap<string, number>;
  readonly shed: Shed;
  /** As all others see it. */
  readonly counted: SumsOf;
  live: SumsOf;
  /** Of the list that is under way. */
  draft: SumsOf | undefined;
}

const SHARES = ["needed", "spare"] as const;
/** So much more than needed of the heaviest namespace gives way at once, so that it is not asked for each object. */
const SLICE = 1 / 8;

function heaviestOf(namespaces: Iterable<string>, bytesOf: (namespace: string) => number) {
  let heaviest = { name: "", bytes: -1 };
  for (const name of namespaces) {
    const bytes = bytesOf(name);
    if (bytes > heaviest.bytes) heaviest = { name, bytes };
  }
  return heaviest;
}

function leftOutOf(members: readonly Member[]): ReadonlyMap<string, number> {
  const all = new Map<string, number>();
  for (const { leftOut } of members)
    for (const [namespace, count] of leftOut()) all.set(namespace, (all.get(namespace) ?? 0) + count);
  return all;
}

export function createLedger(bounds: Bounds): Ledger {
  const totals = createSums();
  const members: Member[] = [];

  /** Live objects and those of a list that is under way are in memory both; most of them are the same. */
  function recount({ counted, live, draft }: Member, namespace: string, share: Share): void {
    const now = Math.max(live.of(namespace, share), draft?.of(namespace, share) ?? 0);
    const change = now - counted.of(namespace, share);
    counted.add(namespace, share, change);
    totals.add(namespace, share, change);
  }

  function recountAll(member: Member, ...before: readonly (SumsOf | undefined)[]): void {
    const namespaces = new Set(before.flatMap((sums) => [...(sums?.namespaces() ?? [])]));
    for (const namespace of namespaces) for (const share of SHARES) recount(member, namespace, share);
  }

  /** @param own of the member: live or draft */
  function account(member: Member, own: () => SumsOf): Account {
    const { counted } = member;
    const present = (namespace: string, share: Share) =>
      totals.of(namespace, share) - counted.of(namespace, share) + own().of(namespace, share);
    const inAll = (share: Share) => totals.all[share] - counted.all[share] + own().all[share];

    const heaviestBeside = (namespace: string) => {
      const others = new Set([...totals.namespaces(), ...own().namespaces()]);
      others.delete(namespace);
      return heaviestOf(others, (name) => present(name, "needed"));
    };

    /** @returns bytes that are free now and were not before */
    function shed(namespace: string, bytes: number): number {
      const before = inAll("needed");
      const ofDraft = own() === member.draft;
      for (const other of [member, ...members.filter((one) => one !== member)]) {
        const missing = bytes - (before - inAll("needed"));
        if (missing <= 0) break;
        other.shed(namespace, missing, ofDraft && other === member);
      }
      return before - inAll("needed");
    }

    const isWithin = (namespace: string, share: Share, weight: number) =>
      present(namespace, share) + weight <= bounds[share];

    const self: Account = {
      fits(namespace, share, weight) {
        if (!isWithin(namespace, share, weight)) return false;
        if (share === "spare") return inAll(share) + weight <= bounds.spareInAll;
        if (inAll(share) + weight <= bounds.neededInAll) return true;
        return heaviestBeside(namespace).bytes > present(namespace, share) + weight;
      },
      makeRoom(namespace, share, weight) {
        while (self.fits(namespace, share, weight)) {
          const excess = inAll(share) + weight - bounds.neededInAll;
          if (share === "spare" || excess <= 0) return true;
          const { name, bytes } = heaviestBeside(namespace);
          if (shed(name, Math.max(excess, bytes * SLICE)) <= 0) return false;
        }
        return false;
      },
      add(namespace, share, weight) {
        own().add(namespace, share, weight);
        recount(member, namespace, share);
      },
      draft() {
        const former = member.draft;
        const draft = createSums();
        member.draft = draft;
        recountAll(member, former);
        return account(member, () => draft);
      },
      replace() {
        const { live, draft = createSums() } = member;
        member.live = draft;
        member.draft = undefined;
        recountAll(member, live, draft);
      },
    };
    return self;
  }

  return {
    bounds,
    open(type, leftOut, shed) {
      const member: Member = { type, leftOut, shed, counted: createSums(), live: createSums(), draft: undefined };
      members.push(member);
      return account(member, () => member.live);
    },
    needed: (namespace) => (namespace === undefined ? totals.all.needed : totals.of(namespace, "needed")),
    bytes: () => totals.all.needed + totals.all.spare,
    leftOut: () => [...leftOutOf(members).values()].reduce((all, count) => all + count, 0),
    leftOutOf: (wanted) => leftOutOf(members.filter(({ type }) => type === wanted)),
  };
}

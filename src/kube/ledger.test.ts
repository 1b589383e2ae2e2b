import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import type { ObjectChange } from "../ports/kube.ts";
import { type KubeObject, RESOURCES } from "../ports/kubernetes.ts";
import { SILENT_LOG } from "../ports/log.ts";
import { type BoundedStore, createBoundedStore } from "./bounded-store.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { createObjectStore, keyOfObject, type ObjectStore } from "./object-store.ts";
import { weightOf } from "./weight.ts";

const KiB = 2 ** 10;
const BOUNDS = { needed: 100 * KiB, neededInAll: 300 * KiB, spare: 0, spareInAll: 0 };

interface Kept {
  readonly bounded: BoundedStore;
  readonly store: ObjectStore;
  readonly told: ObjectChange[];
}

let ledger: Ledger;
let version: number;

beforeEach(() => {
  ledger = createLedger(BOUNDS);
  version = 0;
});

/** A kind of which every object is needed; of what is left out the name stays. */
function open(): Kept {
  const [store, told]: [ObjectStore, ObjectChange[]] = [createObjectStore(), []];
  const bounded = createBoundedStore({
    type: RESOURCES.canary,
    keeping: { ledger, needsAll: true, sketch: ({ spec: _, ...object }) => object },
    ...{ store, emit: (changes) => void told.push(...changes) },
    ...{ read: () => Promise.resolve(undefined), log: SILENT_LOG },
  });
  return { bounded, store, told };
}

function object(namespace: string, name: string, size: number): KubeObject {
  version += 1;
  const metadata = { namespace, name, uid: `${namespace}/${name}`, resourceVersion: String(version) };
  return { apiVersion: "v1", kind: "Canary", metadata, spec: { filler: "x".repeat(size) } };
}

const wholeIn = ({ store }: Kept, namespace?: string) => store.list(namespace).filter(({ spec }) => spec !== undefined);
const weightIn = (kept: Kept) => wholeIn(kept).reduce((all, each) => all + weightOf(each), 0);

function list({ bounded }: Kept, objects: readonly KubeObject[]): void {
  const sift = bounded.beginList();
  for (const each of objects) sift(each);
  bounded.replaceAll();
}

describe("many namespaces that each take all that one may take", () => {
  const greedy = () =>
    Array.from({ length: 40 }, (_, n) =>
      Array.from({ length: 12 }, (_, i) => object(`greedy-${n}`, `c-${i}`, 8 * KiB)),
    );

  it("take no more than the bound of all, in a list, and leave a quiet one whole, wherever it stands in the list", () => {
    for (const at of [0, 20, 40]) {
      const kept = open();
      const quiet = Array.from({ length: 5 }, (_, i) => object("quiet", `c-${i}`, KiB / 2));
      const all = greedy();
      list(kept, [...all.slice(0, at).flat(), ...quiet, ...all.slice(at).flat()]);
      expect(weightIn(kept)).toBeLessThanOrEqual(BOUNDS.neededInAll);
      expect(wholeIn(kept, "quiet")).toHaveLength(5);
      expect(kept.store.size).toBe(40 * 12 + 5);
      list(kept, []);
      expect(ledger.needed()).toBe(0);
    }
  });

  it("give way one by one when a quiet one comes late, and those who read what is left out hear of it", () => {
    const [greedyOnes, late] = [open(), open()];
    list(greedyOnes, greedy().flat());
    greedyOnes.told.length = 0;
    for (let i = 0; i < 5; i += 1) late.bounded.put(object("quiet", `c-${i}`, KiB / 2));
    expect(wholeIn(late)).toHaveLength(5);
    const changed = greedyOnes.told.filter(({ type, object: { spec } }) => type === "modified" && spec === undefined);
    expect(changed.length).toBeGreaterThan(0);
    const [first] = changed.map((change) => change.object.metadata);
    expect(greedyOnes.bounded.lacks(first?.namespace ?? "", first?.name ?? "")).toBe(true);
    expect(ledger.needed()).toBeLessThanOrEqual(BOUNDS.neededInAll);
  });

  it("are bounded together with lists of other kinds that are under way", () => {
    const kinds = [open(), open(), open()];
    const sifts = kinds.map(({ bounded }) => bounded.beginList());
    for (const each of greedy().flat()) for (const sift of sifts) sift(each);
    expect(ledger.needed()).toBeLessThanOrEqual(BOUNDS.neededInAll);
    for (const { bounded } of kinds) bounded.replaceAll();
    expect(kinds.reduce((all, kept) => all + weightIn(kept), 0)).toBeLessThanOrEqual(BOUNDS.neededInAll);
  });

  it("are not counted twice by a list that begins anew", () => {
    const kept = open();
    for (let i = 0; i < 5; i += 1) {
      const sift = kept.bounded.beginList();
      for (const each of greedy().flat()) sift(each);
    }
    kept.bounded.replaceAll();
    expect(ledger.needed()).toBe(weightIn(kept));
  });
});

type Step = readonly [kind: number, namespace: number, name: number, size: number, what: "put" | "remove" | "list"];

it("a namespace that needs its fair share or less is whole, with any neighbours, and the sums are what is kept", () => {
  const step = fc.tuple(
    ...([fc.nat(2), fc.nat(7), fc.nat(15), fc.integer({ min: 1, max: 30 * KiB })] as const),
    fc.constantFrom("put", "put", "put", "remove", "list"),
  ) as fc.Arbitrary<Step>;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      ledger = createLedger(BOUNDS);
      const kinds = [open(), open(), open()];
      const server = kinds.map(() => new Map<string, KubeObject>());
      for (const [kind, namespace, name, size, what] of steps) {
        const [kept, there] = [kinds[kind] as Kept, server[kind] as Map<string, KubeObject>];
        const next = object(`n-${namespace}`, `o-${name}`, namespace === 0 ? Math.min(size, 400) : size);
        const key = keyOfObject(next);
        if (what === "list") list(kept, [...there.values()]);
        else if (what === "put") {
          there.set(key, next);
          kept.bounded.put(next);
        } else if (there.delete(key)) kept.bounded.remove(next);
        expect(ledger.needed()).toBeLessThanOrEqual(BOUNDS.neededInAll);
        expect(ledger.needed()).toBe(kinds.reduce((all, each) => all + weightIn(each), 0));
        // Three kinds of sixteen small objects are less than an eighth of the bound.
        const small = kinds.flatMap((each) => wholeIn(each, "n-0")).length;
        expect(small).toBe(
          server.flatMap((all) => [...all.values()].filter((o) => o.metadata.namespace === "n-0")).length,
        );
      }
    }),
    { numRuns: 150 },
  );
});

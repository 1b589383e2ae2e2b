import { beforeEach, describe, expect, it } from "vitest";
import type { ObjectChange } from "../ports/kube.ts";
import { type KubeObject, RESOURCES } from "../ports/kubernetes.ts";
import { SILENT_LOG } from "../ports/log.ts";
import { type BoundedStore, createBoundedStore } from "./bounded-store.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import type { Keeping } from "./left-out.ts";
import { createObjectStore, type ObjectStore } from "./object-store.ts";
import { weightOf } from "./weight.ts";

const KiB = 2 ** 10;
/** Five objects of 10 KiB are needed at most, and two are spare. */
const BOUNDS = { needed: 56 * KiB, neededInAll: 200 * KiB, spare: 24 * KiB, spareInAll: 36 * KiB };

let server: Map<string, KubeObject>;
let reads: string[];
let version: number;
let told: string[];
let said: string[];
let ledger: Ledger;
let memory: ObjectStore;
let kept: BoundedStore;
/** Called while an object is read. */
let meanwhile: () => void;

beforeEach(() => {
  server = new Map();
  [reads, told, said, version] = [[], [], [], 1];
  meanwhile = () => undefined;
  ledger = createLedger(BOUNDS);
  kept = open({ needsAll: false });
});

function open(keeping: Omit<Keeping, "ledger">): BoundedStore {
  memory = createObjectStore();
  return createBoundedStore({
    type: RESOURCES.service,
    keeping: { ledger, ...keeping },
    store: memory,
    emit: (changes: readonly ObjectChange[]) => {
      for (const { type, object } of changes) told.push(`${type} ${object.metadata.name}`);
    },
    async read(namespace, name) {
      reads.push(name);
      const object = server.get(`${namespace}/${name}`);
      await undefined;
      meanwhile();
      return object;
    },
    log: { ...SILENT_LOG, warn: (_, text) => void said.push(text) },
  });
}

/** A Service of the API server. */
function service(name: string, size = 10 * KiB, namespace = "test"): KubeObject {
  version += 1;
  const metadata = { namespace, name, uid: `uid-${name}`, resourceVersion: String(version) };
  const object = { apiVersion: "v1", kind: "Service", metadata, spec: { filler: "x".repeat(size) } };
  server.set(`${namespace}/${name}`, object);
  return object;
}

function list(objects: readonly KubeObject[]): void {
  const sift = kept.beginList();
  for (const object of objects) sift(object);
  kept.replaceAll();
}

const names = () => memory.list().map(({ metadata }) => metadata.name);
const sizeOf = (name: string) => kept.get("test", name)?.spec?.filler?.length;
const named = (count: number) => Array.from({ length: count }, (_, i) => service(`s-${i}`));

describe("objects that no Canary names", () => {
  it("are kept while there is room in their namespace, and in all", () => {
    list([...named(4), service("other", 10 * KiB, "other"), service("third", 10 * KiB, "third")]);
    expect(names()).toEqual(["s-0", "s-1", "other"]);
    expect(ledger.leftOut()).toBe(3);
    expect(said).toEqual([]);
  });

  it("are left out when they are large, and make room when they are deleted", () => {
    const [first] = named(1);
    kept.put(service("large", 20 * KiB));
    for (let i = 0; i < 50; i += 1) kept.put(service(`s-${i}`));
    expect(names()).toEqual(["large"]);
    kept.remove(service("large"));
    kept.put(first as KubeObject);
    expect(names()).toEqual(["s-0"]);
  });

  it("cannot be read by mistake as if they were not there", () => {
    list(named(3));
    expect(() => kept.get("test", "s-2")).toThrow("Service test/s-2 is read and was not asked for: hold it first");
    expect(kept.get("test", "s-9")).toBeUndefined();
  });
});

describe("an object that a Canary names", () => {
  it("is read by its name when it was left out, and then follows the watch", async () => {
    list(named(4));
    await kept.hold("test", "s-3");
    await kept.hold("test", "s-0");
    expect([reads, sizeOf("s-3"), told.at(-1)]).toEqual([["s-3"], 10 * KiB, "added s-3"]);
    kept.put(service("s-3", 9 * KiB));
    expect([reads.length, sizeOf("s-3"), told.at(-1)]).toEqual([1, 9 * KiB, "modified s-3"]);
    kept.remove(service("s-3"));
    expect([sizeOf("s-3"), told.at(-1)]).toEqual([undefined, "deleted s-3"]);
  });

  it("is refused when the namespace needs too much, in plain words, and gets its room when another one is released", async () => {
    list(named(8));
    for (const i of [2, 3, 4, 5, 6]) await kept.hold("test", `s-${i}`);
    const refusal =
      "the objects of namespace test that the operator needs, services among them, take more than 0 MiB: " +
      "delete some of them or make them smaller, or give the operator more memory (--max-old-space-size)";
    await expect(kept.hold("test", "s-7")).rejects.toThrow(refusal);
    await expect(kept.hold("test", "s-7")).rejects.toThrow(refusal);
    // What is known to be too large is not read again and again.
    expect(reads.filter((name) => name === "s-7").length).toBeLessThan(2);
    kept.release("test", "s-2");
    await kept.hold("test", "s-7");
    expect(sizeOf("s-7")).toBe(10 * KiB);
    expect(() => kept.get("test", "s-2")).toThrow("hold it first");
  });

  it("that outgrows the bound wakes the Canary, which is refused", async () => {
    list(named(1));
    await kept.hold("test", "s-0");
    kept.put(service("s-0", 60 * KiB));
    expect([told.at(-1), kept.lacks("test", "s-0"), names()]).toEqual(["modified s-0", true, []]);
    await expect(kept.hold("test", "s-0")).rejects.toThrow("take more than");
    expect(said).toHaveLength(1);
  });

  it("is read only once for two Canaries, and again after both have released it", async () => {
    list(named(3));
    await Promise.all([kept.hold("test", "s-2"), kept.hold("test", "s-2")]);
    kept.release("test", "s-2");
    expect([reads, sizeOf("s-2")]).toEqual([["s-2"], 10 * KiB]);
    kept.release("test", "s-2");
    await kept.hold("test", "s-2");
    expect(reads).toEqual(["s-2", "s-2"]);
  });

  it("keeps the version that was read when the watch tells of older ones later", async () => {
    const [, , older] = named(3);
    list([...server.values()]);
    service("s-2", 7 * KiB);
    await kept.hold("test", "s-2");
    kept.put(older as KubeObject);
    kept.remove(older as KubeObject);
    expect(sizeOf("s-2")).toBe(7 * KiB);
    kept.put(service("s-2", 6 * KiB));
    expect(sizeOf("s-2")).toBe(6 * KiB);
  });

  it("that is deleted while it is read is gone", async () => {
    list(named(3));
    meanwhile = () => kept.remove(service("s-2"));
    await kept.hold("test", "s-2");
    expect(sizeOf("s-2")).toBeUndefined();
  });

  it("survives a new list without another request, unless it has changed", async () => {
    list(named(6));
    for (const name of ["s-4", "s-5"]) await kept.hold("test", name);
    told = [];
    const before = [ledger.bytes(), ledger.leftOut()];
    list([...server.values()]);
    expect([sizeOf("s-4"), reads.length, told, ledger.bytes(), ledger.leftOut()]).toEqual([10 * KiB, 2, [], ...before]);
    service("s-5", 30 * KiB);
    list([...server.values()]);
    expect([sizeOf("s-5"), told]).toEqual([30 * KiB, ["modified s-5"]]);
  });

  it("is asked for by its name when too many are left out to note each", async () => {
    list(Array.from({ length: 2100 }, (_, i) => service(`many-${i}`, 12 * KiB)));
    expect(ledger.leftOut()).toBe(2000);
    await kept.hold("test", "many-2050");
    await kept.hold("test", "no-such");
    expect([sizeOf("many-2050"), sizeOf("no-such"), reads]).toEqual([12 * KiB, undefined, ["many-2050", "no-such"]]);
    expect(() => kept.get("test", "many-2051")).toThrow("hold it first");
    kept.put(service("no-such"));
    expect(sizeOf("no-such")).toBe(10 * KiB);
  });
});

describe("a kind of which all objects are needed", () => {
  const sketch = ({ spec: _, ...object }: KubeObject): KubeObject => object;

  it("keeps a sketch of those that do not fit, and the whole object as soon as there is room", async () => {
    kept = open({ needsAll: true, sketch });
    list(named(7));
    expect([names().length, sizeOf("s-4"), sizeOf("s-5"), kept.lacks("test", "s-5")]).toEqual([
      ...[7, 10 * KiB, undefined, true],
    ]);
    await expect(kept.hold("test", "s-5")).rejects.toThrow("services among them");
    expect(said).toHaveLength(1);
    kept.remove(service("s-0"));
    await kept.hold("test", "s-5");
    expect([sizeOf("s-5"), told.at(-1)]).toEqual([10 * KiB, "modified s-5"]);
    kept.put(service("s-5", 30 * KiB));
    expect([sizeOf("s-5"), told.at(-1)]).toEqual([undefined, "modified s-5"]);
    list([...server.values()].map(({ metadata }) => service(metadata.name, 1000)));
    expect(names().every((name) => sizeOf(name) === 1000)).toBe(true);
  });
});

it("the ledger counts what is in memory, through any sequence of changes", async () => {
  kept = open({ needsAll: false });
  let random = 7;
  const next = (below: number) => {
    random = (random * 48_271) % 2_147_483_647;
    return random % below;
  };
  const holds: string[] = [];
  for (let step = 0; step < 3000; step += 1) {
    const name = `s-${next(12)}`;
    const what = next(7);
    if (what <= 1) kept.put(service(name, next(20 * KiB)));
    else if (what === 2 && server.delete(`test/${name}`)) {
      version += 1;
      kept.remove({ ...service(name) });
      server.delete(`test/${name}`);
    } else if (what === 3) list([...server.values()]);
    else if (what === 4)
      await kept.hold("test", name).then(
        () => holds.push(name),
        () => undefined,
      );
    else if (holds.length > 0) kept.release("test", holds.splice(next(holds.length), 1)[0] ?? "");
    const weight = memory.list().reduce((all, object) => all + weightOf(object), 0);
    expect(ledger.bytes()).toBe(weight);
    expect(weight).toBeLessThanOrEqual(BOUNDS.needed + BOUNDS.spare);
    for (const held of holds) {
      if (!kept.lacks("test", held)) expect(kept.get("test", held)).toEqual(server.get(`test/${held}`));
    }
  }
});

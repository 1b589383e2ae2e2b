/** Laws of ownership, on random configurations of two managers. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import { builtinSchema } from "../schema/index.ts";
import { copyJson, fieldNode, isFields, type SchemaNode } from "../schema/node.ts";
import { type ApplyResult, serverSideApply, trackUpdate } from "./index.ts";

const SEED = Number(process.env.SEED ?? 20_240_607);
const RUNS = { seed: SEED, numRuns: 300 };
const schema = builtinSchema("apps", "v1", "Deployment")!;
const now = "2024-01-01T00:00:00Z";
const later = "2024-01-01T00:01:00Z";

type Spec = Record<string, unknown>;

const word = fc.constantFrom("a", "b", "c");
const record = (fields: Record<string, fc.Arbitrary<unknown>>, requiredKeys: string[] = []) =>
  fc.record(fields, { requiredKeys: requiredKeys as never[] });
const keyed = (element: fc.Arbitrary<Spec>, ...keys: string[]) =>
  fc.uniqueArray(element, { selector: (item) => keys.map((key) => item[key]).join(), maxLength: 3 });

const port = record({ containerPort: fc.constantFrom(80, 81), protocol: fc.constantFrom("TCP", "UDP"), name: word }, [
  "containerPort",
  "protocol",
]);
const container = record(
  {
    name: word,
    image: word,
    args: fc.array(word, { maxLength: 2 }),
    env: keyed(record({ name: word, value: word }, ["name"]), "name"),
    ports: keyed(port, "containerPort", "protocol"),
  },
  ["name"],
);
const configuration: fc.Arbitrary<KubeObject> = fc
  .record({
    metadata: record({
      labels: fc.dictionary(word, word, { maxKeys: 2 }),
      finalizers: fc.uniqueArray(word, { maxLength: 2 }),
    }),
    spec: record({
      replicas: fc.nat(2),
      paused: fc.boolean(),
      selector: record({ matchLabels: fc.dictionary(word, word, { maxKeys: 2 }) }),
      strategy: record({ type: word, rollingUpdate: record({ maxSurge: fc.nat(1) }) }),
      template: record({
        spec: record({ containers: keyed(container, "name"), nodeSelector: fc.dictionary(word, word) }),
      }),
    }),
  })
  .map(({ metadata, spec }) => {
    const object = { apiVersion: "apps/v1", kind: "Deployment", metadata: { ...metadata, name: "app" }, spec };
    // fast-check's dictionaries have no prototype; JSON has no such thing.
    return JSON.parse(JSON.stringify(object)) as KubeObject;
  });

const args = { schema, now, apiVersion: "apps/v1", force: false };

function forced(live: KubeObject | undefined, applied: KubeObject, manager: string, at = now): KubeObject {
  return objectOf(serverSideApply({ ...args, live, applied, manager, force: true, now: at }));
}

function objectOf(result: ApplyResult): KubeObject {
  if ("conflicts" in result) throw new Error(`conflicts: ${JSON.stringify(result.conflicts)}`);
  return result.object;
}

function plain(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata: metadata as KubeObject["metadata"] };
}

/** Every leaf of `part` is in `whole`, with keyed elements matched by their keys. */
function within(node: SchemaNode | undefined, part: unknown, whole: unknown): boolean {
  if (node?.atomic !== true && isFields(part) && isFields(whole)) {
    return Object.keys(part).every((name) => within(fieldNode(node, name), part[name], whole[name]));
  }
  if (Array.isArray(part) && Array.isArray(whole) && node?.list !== undefined && node.list.type !== "atomic") {
    const { keys, type } = node.list;
    const same = (a: Spec, b: Spec) => (type === "set" ? a === b : keys.every((key) => a[key] === b[key]));
    return part.every((item) => whole.some((other) => same(item, other) && within(node.items, item, other)));
  }
  return JSON.stringify(part) === JSON.stringify(whole);
}

/** Deals the leaves of a configuration to two managers; both name the keys of the elements they share. */
function deal(node: SchemaNode | undefined, value: unknown, coin: () => boolean): [unknown, unknown] {
  if (node?.atomic !== true && isFields(value) && Object.keys(value).length > 0) {
    const dealt = Object.entries(value).map(
      ([name, field]) => [name, deal(fieldNode(node, name), field, coin)] as const,
    );
    const side = (i: 0 | 1) =>
      Object.fromEntries(dealt.map(([name, sides]) => [name, sides[i]]).filter(([, field]) => field !== undefined));
    return [side(0), side(1)].map((fields) => (Object.keys(fields).length > 0 ? fields : undefined)) as [
      unknown,
      unknown,
    ];
  }
  if (Array.isArray(value) && value.length > 0 && node?.list?.type === "map") {
    const { keys } = node.list;
    const dealt = value.map((item: Spec) => {
      const key = Object.fromEntries(keys.map((name) => [name, item[name]]));
      const rest = Object.fromEntries(Object.entries(item).filter(([name]) => !keys.includes(name)));
      return deal(node.items, rest, coin).map((side) => ({ ...key, ...(side as Spec) }));
    });
    return [dealt.map(([a]) => a), dealt.map(([, b]) => b)];
  }
  return coin() ? [value, undefined] : [undefined, value];
}

describe(`server-side apply (SEED=${SEED})`, () => {
  it("changes nothing when the same is applied twice", () => {
    const property = fc.property(configuration, configuration, (first, second) => {
      const live = forced(forced(undefined, first, "a"), second, "b");
      expect(forced(live, second, "b", later)).toEqual(live);
    });
    fc.assert(property, RUNS);
  });

  it("leaves exactly what its only manager applied last", () => {
    const property = fc.property(configuration, configuration, (first, second) => {
      expect(plain(forced(forced(undefined, first, "a"), second, "a"))).toEqual(second);
    });
    fc.assert(property, RUNS);
  });

  it("never conflicts between managers of disjoint fields, in either order", () => {
    const property = fc.property(configuration, fc.infiniteStream(fc.boolean()), (whole, coins) => {
      const coin = () => coins.next().value as boolean;
      const [a, b] = deal(schema.root, { spec: whole.spec }, coin).map((side) => ({
        ...whole,
        metadata: { name: "app" },
        spec: {},
        ...(side as Spec),
      }));
      const apply = (live: KubeObject | undefined, applied: KubeObject, manager: string) =>
        objectOf(serverSideApply({ ...args, live, applied, manager }));
      const ab = apply(apply(undefined, a as KubeObject, "a"), b as KubeObject, "b");
      const ba = apply(apply(undefined, b as KubeObject, "b"), a as KubeObject, "a");
      expect(within(fieldNode(schema.root, "spec"), whole.spec, ab.spec)).toBe(true);
      expect(within(fieldNode(schema.root, "spec"), whole.spec, ba.spec)).toBe(true);
    });
    fc.assert(property, RUNS);
  });

  it("keeps everything a manager applied while others come, change and go without force", () => {
    const property = fc.property(configuration, fc.array(configuration, { maxLength: 4 }), (mine, others) => {
      let live = forced(undefined, mine, "me");
      for (const applied of others) {
        const result = serverSideApply({ ...args, live, applied, manager: "other" });
        if ("object" in result) live = result.object;
        expect(within(schema.root, mine, live)).toBe(true);
      }
    });
    fc.assert(property, RUNS);
  });

  it("gives every field an owner: what two appliers made is gone when both withdraw", () => {
    const property = fc.property(configuration, configuration, (first, second) => {
      const empty = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "app" } } as KubeObject;
      const live = forced(forced(undefined, first, "a"), second, "b");
      const left = forced(forced(live, empty, "a"), empty, "b");
      expect(left).toEqual(empty);
    });
    fc.assert(property, RUNS);
  });
});

describe(`the records of updates (SEED=${SEED})`, () => {
  it("make every later change of the writer's values a conflict, and no other", () => {
    const property = fc.property(configuration, configuration, configuration, (first, second, third) => {
      const live = forced(undefined, first, "a");
      const metadata = { ...second.metadata, managedFields: live.metadata.managedFields };
      const written = trackUpdate({ ...args, live, updated: { ...second, metadata } as KubeObject, manager: "w" });
      expect(plain(written)).toEqual(second);
      // The writer applies nothing new: the object is already as it says.
      expect(
        plain(objectOf(serverSideApply({ ...args, live: written, applied: copyJson(second), manager: "c" }))),
      ).toEqual(second);
      const result = serverSideApply({ ...args, live: written, applied: third, manager: "c" });
      if ("object" in result) expect(within(schema.root, second, result.object)).toBe(true);
    });
    fc.assert(property, RUNS);
  });
});

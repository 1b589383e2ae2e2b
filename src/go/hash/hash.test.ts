import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dump as print, STRUCTS, textOf as written } from "./dump.ts";
import { compareUtf8, fnv1a, utf8Bytes } from "./fnv.ts";
import { checksumText, hashPodTemplate, hashServiceSpec, hashText, webhookChecksum, withoutScaleDown } from "./hash.ts";
import { STRING_TYPES } from "./layout-pods.ts";
import { parseQuantity, quantityText } from "./quantity.ts";

interface Vector {
  readonly label: string;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: each type has its own input
  readonly input: any;
  readonly dump: string;
  readonly fnv32a: number;
  readonly hash: string;
}

/** Made by running Go's dump library over Kubernetes' API types. */
const VECTORS = JSON.parse(readFileSync(new URL("vectors.golden.json", import.meta.url), "utf8")) as Vector[];
const RUNS = { seed: 20260714, numRuns: 200 };

const dump = (type: string, value: unknown) => written((write) => print(type, value, write));

function textOf({ type, input }: Vector): string {
  if (type === "checksum") return checksumText(input.trackedConfigs ?? undefined, input.lastAppliedSpec);
  if (type === "v1.PodTemplateSpec/daemonset") return dump("PodTemplateSpec", withoutScaleDown(input));
  return dump(type.replace("v1.", ""), input);
}

function hashOf({ type, input }: Vector): string | undefined {
  if (type === "checksum") return webhookChecksum(input.trackedConfigs ?? undefined, input.lastAppliedSpec);
  if (type === "string") return hashText(input);
  if (type === "v1.ServiceSpec") return hashServiceSpec(input);
  if (type === "v1.PodTemplateSpec") return hashPodTemplate(input);
  if (type === "v1.PodTemplateSpec/daemonset") return hashPodTemplate(input, { daemonSet: true });
  return undefined;
}

describe("the spec hash of Flagger", () => {
  it("has all its vectors", () => expect(VECTORS.length).toBe(16));

  it.each(VECTORS.map((vector) => [vector.label, vector] as const))("%s", (_, vector) => {
    expect(textOf(vector)).toBe(vector.dump);
    expect(fnv1a(vector.dump)).toBe(vector.fnv32a);
    expect(hashOf(vector) ?? vector.hash).toBe(vector.hash);
  });

  it("has unchanged tables, also where no vector covers them", () => {
    // Compared once, field by field, with the Go types of k8s.io/api v0.36. Another number here would restart every
    // rollout.
    const words = [...STRUCTS].map(([type, fields]) => JSON.stringify([type, fields])).toSorted();
    expect(STRUCTS.size).toBe(117);
    expect(fnv1a(words.join("\n"))).toBe(3002411519);
    expect(fnv1a(STRING_TYPES.trim().split(/\s+/).toSorted().join("\n"))).toBe(749335580);
  });

  it("names an unknown type instead of guessing", () => {
    expect(() => dump("PodTemplate", {})).toThrow("the layout tables name a type they do not describe: PodTemplate");
  });
});

// ---- Values of every type in the tables, as an API server would send them.

type Random = () => number;
type Leaf = { readonly path: string; readonly change: () => void; readonly restore: () => void };

const NAMED_STRINGS = new Set(["string", "types.UID", ...STRING_TYPES.trim().split(/\s+/)]);
const UNPRINTED = new Set(["*Time", "Time"]);
const WORDS = ["a", "Zz", "7", "x-y", "café", "≠", "😀", "\ufb01"];
const QUANTITIES = ["1", "100m", "64Mi", "1.5Gi", "3e3", "0.5", "12345678901234567890"];

/** mulberry32: small, seeded, good enough to choose words. */
function seeded(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A value of `type`; each optional field is there with the probability `density`. */
function sample(type: string, random: Random, density: number): unknown {
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
  const inner = (of: string) => sample(of, random, density);
  if (NAMED_STRINGS.has(type)) return pick(WORDS);
  if (type === "bool") return true;
  if (type === "int32" || type === "int64") return 1 + Math.floor(random() * 65535);
  if (type === "resource.Quantity") return pick(QUANTITIES);
  if (type === "intstr.IntOrString") return random() < 0.5 ? 8080 : "http";
  if (type === "map[string]string") return Object.fromEntries(WORDS.map((word) => [word, pick(WORDS)]));
  if (type === "ResourceList") return Object.fromEntries(QUANTITIES.map((quantity, i) => [`r${i}`, quantity]));
  if (type === "FieldsV1") return { "f:metadata": {} };
  if (type.startsWith("*")) return inner(type.slice(1));
  if (type.startsWith("[]")) return [inner(type.slice(2))];
  const value: Record<string, unknown> = {};
  for (const field of STRUCTS.get(type) ?? []) {
    if (UNPRINTED.has(field.type)) continue;
    if (field.key === undefined) Object.assign(value, inner(field.type));
    else if (random() < density) value[field.key] = inner(field.type);
  }
  return value;
}

/** Every scalar below `value`, with a way to change it in place. */
function leaves(value: unknown, path = ""): Leaf[] {
  if (typeof value !== "object" || value === null) return [];
  const parent = value as Record<string, unknown>;
  return Object.keys(parent).flatMap((key) => {
    const before = parent[key];
    if (typeof before === "object" && before !== null) return leaves(before, `${path}.${key}`);
    const set = (to: unknown) => () => {
      parent[key] = to;
    };
    return [{ path: `${path}.${key}`, change: set(changed(before)), restore: set(before) }];
  });
}

function changed(value: unknown): unknown {
  if (typeof value === "number") return value + 1;
  if (typeof value === "boolean") return !value;
  return QUANTITIES.includes(String(value)) ? "2" : `${String(value)}x`;
}

function rewritten(value: unknown, rewrite: (record: Record<string, unknown>) => Record<string, unknown>): unknown {
  if (Array.isArray(value)) return value.map((element) => rewritten(element, rewrite));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, field]) => [key, rewritten(field, rewrite)]);
  return rewrite(Object.fromEntries(entries));
}

const TOPS = ["PodTemplateSpec", "ServiceSpec"];
const seeds = fc.integer({ min: 0, max: 2 ** 30 });

describe("the text that is hashed", () => {
  it.each(TOPS)("changes with every scalar of a %s", (top) => {
    const value = sample(top, seeded(1), 1);
    const before = dump(top, value);
    const all = leaves(value);
    expect(all.length).toBeGreaterThan(top === "ServiceSpec" ? 30 : 1000);
    const deaf = all.filter(({ change, restore }) => {
      change();
      const same = dump(top, value) === before;
      restore();
      return same;
    });
    expect(deaf.map(({ path }) => path)).toEqual([]);
  });

  it("does not depend on the order of the keys", () => {
    fc.assert(
      fc.property(seeds, fc.constantFrom(...TOPS), (seed, top) => {
        const value = sample(top, seeded(seed), 0.3);
        const turned = rewritten(value, (record) => Object.fromEntries(Object.entries(record).reverse()));
        expect(dump(top, turned)).toBe(dump(top, value));
      }),
      RUNS,
    );
  });

  it("ignores fields newer than its tables, and empty lists, empty maps and nulls of optional fields", () => {
    fc.assert(
      fc.property(seeds, fc.constantFrom(...TOPS), (seed, top) => {
        const value = sample(top, seeded(seed), 0.3);
        expect(dump(top, withNoise(value, top))).toBe(dump(top, value));
      }),
      RUNS,
    );
  });

  it("distinguishes an empty structure from an absent one", () => {
    const none = hashPodTemplate({ spec: { containers: [{ name: "a" }] } });
    expect(hashPodTemplate({ spec: { containers: [{ name: "a" }], securityContext: {} } })).not.toBe(none);
    expect(hashPodTemplate({ spec: { containers: [{ name: "a" }], nodeSelector: {} } })).toBe(none);
  });
});

/** Adds to each struct fields that a decoder of the old types would ignore. */
function withNoise(value: unknown, type: string): unknown {
  if (type.startsWith("*")) return withNoise(value, type.slice(1));
  if (Array.isArray(value)) return value.map((element) => withNoise(element, type.slice(2)));
  const fields = STRUCTS.get(type);
  if (fields === undefined || typeof value !== "object" || value === null) return value;
  const noisy: Record<string, unknown> = { fieldOfTomorrow: { a: 1 } };
  for (const { key, type: inner } of flattened(type)) {
    const field = (value as Record<string, unknown>)[key];
    if (field !== undefined) noisy[key] = withNoise(field, inner);
    else if (inner.startsWith("[]")) noisy[key] = [];
    else if (inner.startsWith("map[") || inner === "ResourceList") noisy[key] = {};
    else noisy[key] = null;
  }
  return noisy;
}

function flattened(type: string): { key: string; type: string }[] {
  return (STRUCTS.get(type) ?? []).flatMap((field) =>
    field.key === undefined ? flattened(field.type) : [{ key: field.key, type: field.type }],
  );
}

describe("quantities", () => {
  it.each([
    ["1", { value: 1n, scale: 0, text: "1", format: "DecimalSI" }],
    [" 250m ", { value: 250n, scale: -3, text: "250m", format: "DecimalSI" }],
    ["+5", { value: 5n, scale: 0, text: "+5", format: "DecimalSI" }],
    [".5", { value: 5n, scale: -1, text: "", format: "DecimalSI" }],
    ["2e-3", { value: 2n, scale: -3, text: "2e-3", format: "DecimalExponent" }],
    ["-1.5Ki", { value: 0n, scale: 0, exact: { unscaled: -1536000000000n, scale: 9 }, text: "", format: "BinarySI" }],
    ["0.0Ki", { value: 0n, scale: 0, exact: { unscaled: 0n, scale: 1 }, text: "", format: "BinarySI" }],
    ["0.0001Ki", { value: 0n, scale: 0, exact: { unscaled: 102400000n, scale: 9 }, text: "", format: "DecimalSI" }],
  ])("%s", (text, parts) => expect(parseQuantity(text)).toEqual(parts));

  it("of a thousand million digits take no longer than others", () => {
    const nano = (unscaled: bigint) => ({ exact: { unscaled, scale: 9 } });
    expect(parseQuantity("1e-999999999")).toMatchObject(nano(1n));
    expect(parseQuantity("-7e-300000000")).toMatchObject(nano(-1n));
    expect(parseQuantity(`${"9".repeat(10_000)}e-10009`)).toMatchObject(nano(1n));
    expect(parseQuantity("1e999999999")).toMatchObject({ value: 1n, scale: 999_999_999 });
    expect(() => parseQuantity("1234567890123456789e300000000")).toThrow(
      '"1234567890123456789e300000000" has more than 10000 digits: write it with fewer',
    );
    expect(() => parseQuantity("9".repeat(1_000_000))).toThrow(
      /^"9{100}…" has more than 10000 digits: write it with fewer$/,
    );
  });

  it.each(["", "1x", "Mi", "1.2.3", "1constructor", "--1", "1e"])("%j is refused with its text", (text) => {
    expect(() => parseQuantity(text)).toThrow(`"${text}" is not a quantity`);
  });

  it("counts a number as its text", () => {
    expect(dump("ResourceRequirements", { limits: { cpu: 2 } })).toBe(
      dump("ResourceRequirements", { limits: { cpu: "2" } }),
    );
    expect(quantityText("")).toContain("Format:(resource.Format)}");
  });

  it("keeps the amount in both representations", () => {
    const digits = fc.bigInt({ min: 0n, max: 10n ** 24n });
    fc.assert(
      fc.property(digits, fc.constantFrom("", "k", "M", "G"), (amount, unit) => {
        const { value, scale, exact } = parseQuantity(`${amount}${unit}`);
        const factor = 10n ** BigInt(3 * ["", "k", "M", "G"].indexOf(unit));
        const held = exact === undefined ? value * 10n ** BigInt(scale) : exact.unscaled / 10n ** BigInt(exact.scale);
        expect(held).toBe(amount * factor);
      }),
      RUNS,
    );
  });
});

describe("bytes", () => {
  const text = fc.string({ unit: "binary", maxLength: 20 });

  it("are those of UTF-8, also for half a pair", () => {
    fc.assert(
      fc.property(text, (it) => {
        expect(utf8Bytes(it)).toEqual([...Buffer.from(it, "utf8")]);
      }),
      RUNS,
    );
    expect(utf8Bytes("\ud800a")).toEqual([...Buffer.from("\ud800a", "utf8")]);
    expect(fnv1a("\ud800")).toBe(fnv1a("\ufffd"));
  });

  it("order strings as Go orders them", () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
      RUNS,
    );
    expect(["😀", "\ufb01", "a"].toSorted(compareUtf8)).toEqual(["a", "\ufb01", "😀"]);
  });
});

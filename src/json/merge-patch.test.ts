import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyMergePatch, equal, mergePatch } from "./merge-patch.ts";

describe("the smallest patch", () => {
  it.each<[string, object, object, object | undefined]>([
    ["nothing differs", { a: { b: [1] } }, { a: { b: [1] } }, undefined],
    ["a field that differs, and no other", { a: 1, b: 2 }, { a: 1, b: 3 }, { b: 3 }],
    ["a field that goes is null", { a: 1, b: { c: 1, d: 2 } }, { b: { c: 1 } }, { a: null, b: { d: null } }],
    ["the last key of a map goes, and the map stays", { a: { b: 1 } }, { a: {} }, { a: { b: null } }],
    ["a list is replaced whole", { a: [{ x: 1 }, { y: 2 }] }, { a: [{ x: 1 }] }, { a: [{ x: 1 }] }],
    ["an object takes the place of a number", { a: 1 }, { a: { b: 1 } }, { a: { b: 1 } }],
    ["a field that is wanted as null is not wanted", { a: 1 }, { a: null, b: null }, { a: null }],
  ])("%s", (_, from, to, expected) => {
    expect(mergePatch({ spec: from }, { spec: to })).toEqual(expected === undefined ? undefined : { spec: expected });
  });
});

describe("what an API server stores", () => {
  // The examples of RFC 7386, appendix A, as far as the patch is an object.
  it.each<[object, object, object]>([
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])("%j and %j make %j", (stored, patch, expected) => {
    expect(applyMergePatch(stored, patch)).toEqual(expected);
  });

  it("keeps a field that a patch sets to undefined, because undefined is never sent", () => {
    expect(applyMergePatch({ a: 1 }, { a: undefined })).toEqual({ a: 1 });
  });

  it("returns the same object when nothing changes, and shares unchanged parts", () => {
    const stored = { a: { b: [1] }, c: { d: 1 } };
    expect(applyMergePatch(stored, { a: { b: [1], x: null } })).toBe(stored);
    expect(applyMergePatch(stored, { a: { b: [2] } }).c).toBe(stored.c);
  });
});

it.each(["constructor", "toString", "__proto__"])("a key called %s is a key, not what every object inherits", (key) => {
  const texts = ['{"a":"1"}', `{"a":"1","${key}":"x"}`] as const;
  const [bare, keyed] = texts.map((text) => JSON.parse(text));
  expect(JSON.stringify(mergePatch(bare, keyed))).toBe(`{"${key}":"x"}`);
  expect(JSON.stringify(mergePatch(keyed, bare))).toBe(`{"${key}":null}`);
  expect([equal(bare, keyed), equal(keyed, bare)]).toEqual([false, false]);
  expect(JSON.stringify(applyMergePatch(bare, JSON.parse(`{"${key}":"x"}`)))).toBe(texts[1]);
  expect(JSON.stringify(applyMergePatch(keyed, JSON.parse(`{"${key}":null}`)))).toBe(texts[0]);
});

const json = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: "small" }, fc.integer({ max: 3, min: 0 }), tie("list"), tie("map")),
  list: fc.array(fc.integer({ max: 3, min: 0 }), { maxLength: 2 }),
  map: fc.dictionary(fc.constantFrom("a", "b", "c"), tie("value"), { maxKeys: 3 }),
})).map;

describe("a patch between two objects", () => {
  it("turns the first into the second, for any two objects", () => {
    fc.assert(
      fc.property(json, json, (from, to) => {
        const [one, other] = [from as object as Record<string, unknown>, to as object as Record<string, unknown>];
        const patch = mergePatch(one, other);
        expect(patch === undefined).toBe(equal(one, other));
        expect(applyMergePatch(one, patch ?? {})).toEqual(other);
      }),
      { seed: 7, numRuns: 2000 },
    );
  });
});

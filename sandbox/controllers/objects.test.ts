import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, it } from "vitest";
import { equal } from "../../src/json/merge-patch.ts";

const plain = (value: unknown): unknown => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<unknown>(0, 1, "", "a", true, null),
    fc.array(tie("value"), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom("a", "b", "constructor"), fc.oneof(tie("value"), fc.constant(undefined)), {
      maxKeys: 3,
    }),
  ),
})).value;

it("two objects are the same when their JSON is; the order of keys does not count", () => {
  expect(equal({ a: 1, b: undefined }, { a: 1 })).toBe(true);
  expect(equal({ a: 1, b: [{}] }, { b: [{}], a: 1 })).toBe(true);
  expect(equal({}, { constructor: "own" })).toBe(false);
  fc.assert(fc.property(json, json, (a, b) => equal(a, b) === isDeepStrictEqual(plain(a), plain(b))));
});

import fc from "fast-check";
import { expect, it } from "vitest";
import { parseBounded } from "./bounded-json.ts";

it("reads what JSON.parse reads, and refuses what it refuses", () => {
  const texts = fc.oneof(
    fc.json(),
    fc.string({ unit: fc.constantFrom('"', "\\", "[", "]", "{", "}", ",", ":", "1", "a", " ") }),
  );
  const outcome = (read: (text: string) => unknown, text: string) => {
    try {
      return JSON.stringify(read(text));
    } catch (error) {
      return (error as Error).name;
    }
  };
  fc.assert(
    fc.property(texts, (text) => {
      expect(outcome(parseBounded, text)).toBe(outcome(JSON.parse, text));
    }),
  );
});

it("reads brackets within texts as text", () => {
  const text = JSON.stringify({ query: "[{,".repeat(100_000), 'a"\\': "]" });
  expect(parseBounded(text)).toEqual(JSON.parse(text));
});

it.each([
  ["arrays in arrays", `${"[".repeat(101)}${"]".repeat(101)}`, "nested more than 100 deep"],
  ["a megabyte of brackets", "[".repeat(1_000_000), "nested more than 100 deep"],
  ["many empty objects", `[${"{},".repeat(60_000)}{}]`, "more than 60000 values"],
  ["many members", `{${'"a":1,'.repeat(60_001)}"b":1}`, "more than 60000 values"],
])("refuses %s", (_, text, message) => {
  expect(() => parseBounded(text)).toThrow(message);
});

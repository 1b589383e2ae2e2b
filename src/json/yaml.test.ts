import { describe, expect, it } from "vitest";
import { parseYaml, parseYamlDocuments } from "./yaml.ts";

const DEEP: readonly (readonly [string, string])[] = [
  ["brackets", `${"[".repeat(5_000)}${"]".repeat(5_000)}`],
  ["brackets that nothing closes", "[".repeat(100_000)],
  ["braces", `${"{a: ".repeat(5_000)}1${"}".repeat(5_000)}`],
  ["dashes", `${"- ".repeat(5_000)}x`],
  ["question marks", `${"? ".repeat(5_000)}x`],
  ["indentation", Array.from({ length: 300 }, (_, i) => `${" ".repeat(i)}a:`).join("\n")],
];

describe("YAML that is nested deeper than the stack", () => {
  it.each(DEEP)("by %s is refused", (_, text) => {
    expect(() => parseYaml(text)).toThrow("the YAML is nested more than 100 deep");
    expect(() => parseYamlDocuments(`a: 1\n---\n${text}`)).toThrow(RangeError);
  });
});

it("what is no YAML is refused with its place", () => {
  expect(() => parseYaml("a: 1\nb: [")).toThrow(/must be sufficiently indented.* at line 2, column 5$/);
  const [good, bad] = parseYamlDocuments("a: 1\n---\nb: c: d\n");
  expect([good?.toJS(), good?.errors]).toEqual([{ a: 1 }, []]);
  expect(bad?.errors[0]?.message).toMatch(/ at line 3, column 4$/);
});

it("one document is asked for, and may be empty", () => {
  expect([parseYaml(""), parseYaml("# nothing")]).toEqual([null, null]);
  expect(() => parseYaml("a: 1\n---\nb: 2\n")).toThrow("the YAML has more than one document");
});

it("YAML of ninety levels is read", () => {
  const text = `${"[".repeat(90)}1${"]".repeat(90)}`;
  expect(parseYaml(text)).toEqual(JSON.parse(text));
  expect(parseYaml("a: &x [1]\nb: *x\n")).toEqual({ a: [1], b: [1] });
  expect(parseYamlDocuments("a: 1\n---\nb: 2\n").map((document) => document.toJS())).toEqual([{ a: 1 }, { b: 2 }]);
});

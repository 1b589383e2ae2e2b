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

it("YAML of ninety levels is read", () => {
  const text = `${"[".repeat(90)}1${"]".repeat(90)}`;
  expect(parseYaml(text)).toEqual(JSON.parse(text));
  expect(parseYaml("a: &x [1]\nb: *x\n")).toEqual({ a: [1], b: [1] });
  expect(parseYamlDocuments("a: 1\n---\nb: 2\n").map((document) => document.toJS())).toEqual([{ a: 1 }, { b: 2 }]);
});

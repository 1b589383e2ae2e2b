import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { errorText } from "../error-text.ts";
import golden from "./template.golden.json" with { type: "json" };
import { type QueryModel, renderQuery } from "./template.ts";

const MODEL: QueryModel = {
  name: "podinfo-canary",
  namespace: "default",
  target: "podinfo",
  service: "backend",
  ingress: "ing",
  route: "rt",
  interval: "1m",
  variables: { v: "a", "key-with-dash": "d" },
};

function outcome(template: string, model = MODEL): string {
  try {
    return renderQuery(template, model);
  } catch (error) {
    return `error: ${errorText(error)}`;
  }
}

describe("a query template", () => {
  it.each([
    ["{{ namespace }}_{{target}}", "default_podinfo"],
    ['{{- $r := printf "%s-%s" namespace ingress }}x{{ $r }}', "xdefault-ing"],
    ['sum(x{ns="{{ namespace }}",v="{{ variables.v }}"}[{{interval}}])', 'sum(x{ns="default",v="a"}[1m])'],
    ['{{ index variables "key-with-dash" }}{{ index variables "missing" }}', "d"],
  ])("the contract's example %s", (template, text) => {
    expect(outcome(template)).toBe(text);
  });

  // Recorded from Go 1.26's text/template with missingkey=error and this very model.
  it.each(golden.map(({ template, output, error }) => [template, output ?? `error: ${error}`]))(
    "as Go: %j",
    (template, expected) => {
      expect(outcome(template)).toBe(expected);
    },
  );

  it("fails on a variable when no variables are given", () => {
    expect(outcome("{{ variables.v }}", { ...MODEL, variables: {} })).toMatch(
      /^error: template excution failed: .*"v"/,
    );
    expect(outcome("{{ variables.constructor }}")).toMatch(/^error: template excution failed: /);
  });

  it.each<[what: string, template: string, message: string]>([
    ["iterations", "{{ range 1000000000 }}{{ end }}", "more than 10000 steps"],
    ["itself", '{{ define "t" }}{{ template "t" }}{{ end }}{{ template "t" }}', "exceeded maximum template depth"],
    ["doubled calls", `${doubling(60)}{{ template "t0" }}`, "more than 10000 steps"],
    [
      "doubled text",
      '{{ $x := "ab" }}{{ range 30 }}{{ $x = print $x $x }}{{ $x }}{{ end }}',
      "more than 256 KiB of text",
    ],
    [
      "doubled text that is not shown",
      '{{ $x := "aaaaaaaaaaaaaaaa" }}{{ range 24 }}{{ $x = printf "%s%s" $x $x }}{{ end }}{{ len $x }}',
      "more than 256 KiB of text",
    ],
    ["plain text", `{{ range 100000 }}${"x".repeat(5000)}{{ end }}`, "more than 256 KiB of text"],
    ["the text of a map", `{{ print ${"variables ".repeat(20_000 / 10)}}}`, "more than 256 KiB of text"],
    ["a precision", '{{ printf "%.1000000000f" 1.0 }}', "a width or precision of more than 1000 is not supported"],
    ["a width", '{{ printf "%100000000d" 1 }}', "a width or precision of more than 1000 is not supported"],
    [
      "widths",
      `{{ printf "${"%1000d".repeat(2000)}" ${"1 ".repeat(2000)}}}`,
      "printf: the text is longer than 256 KiB",
    ],
    ["parentheses", `{{ ${"(".repeat(4_000)}1${")".repeat(4_000)} }}`, "nested more than 200 deep"],
    ["parentheses without end", `{{ ${"(".repeat(20_000)}`, "more than 10000 words"],
    ["arguments", `{{ eq ${"1 ".repeat(30_000)} }}`, "more than 10000 words"],
    ["actions", "{{ name }}".repeat(6_500), "more than 10000 words"],
    ["fields", `{{ variables${".a".repeat(30_000)} }}`, "more than 10000 words"],
    ["nested blocks", "{{ if true }}".repeat(1000), "nested more than 200 deep"],
    ["else if", `{{ if false }}${"{{ else if false }}".repeat(1000)}{{ end }}`, "nested more than 200 deep"],
    [
      "templates within blocks within templates",
      `{{ define "t" }}${"{{ if true }}".repeat(150)}{{ template "t" }}${"{{ end }}".repeat(150)}{{ end }}{{ template "t" }}`,
      "nested more than 500 deep",
    ],
    ["variables", `${"{{ $x := 1 }}".repeat(500)}${"{{ if true }}{{ end }}".repeat(100)}`, "more than 10000 steps"],
    ["a length", "x".repeat(70_000), "it is longer than 65536 characters"],
    ["a star", '{{ printf "%*d" 1 2 }}', "%* is not supported"],
  ])("is stopped when it uses too much: %s", (_, template, message) => {
    expect(outcome(template, { ...MODEL, variables: { v: "x".repeat(1000) } })).toContain(message);
  });

  it("may be nested and long within the limits", () => {
    expect(outcome(`${"{{ if true }}".repeat(100)}x${"{{ end }}".repeat(100)}`)).toBe("x");
    expect(
      outcome(`{{ define "t" }}{{ range 3 }}{{ . }}{{ end }}{{ end }}${'{{ template "t" }}'.repeat(500)}`),
    ).toHaveLength(1500);
    const spaces = `a${" ".repeat(60_000)}b {{- 1 }}`;
    expect(outcome(spaces)).toBe(`${spaces.slice(0, -9)}1`);
  });
});

/** Each template calls the next one twice. */
function doubling(levels: number): string {
  const define = (_: unknown, i: number) => `{{define "t${i}"}}${`{{template "t${i + 1}"}}`.repeat(2)}{{end}}`;
  return `${Array.from({ length: levels }, define).join("")}{{define "t${levels}"}}{{end}}`;
}

it("sixty templates of ten thousand words leave little memory behind", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 60; i += 1) renderQuery(`${i}${"{{.}}".repeat(3_300)}`, MODEL);
  collect();
  expect((process.memoryUsage().heapUsed - before) / 2 ** 20).toBeLessThan(60);
  expect(renderQuery("{{ name }}", MODEL)).toBe(renderQuery("{{ name }}", MODEL));
});

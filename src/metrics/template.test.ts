import { describe, expect, it } from "vitest";
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
    return `error: ${error instanceof Error ? error.message : error}`;
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

  it("fails on a variable when there are none at all", () => {
    expect(outcome("{{ variables.v }}", { ...MODEL, variables: {} })).toMatch(
      /^error: template excution failed: .*"v"/,
    );
    expect(outcome("{{ variables.constructor }}")).toMatch(/^error: template excution failed: /);
  });

  it.each([
    ["{{ range 1000000000 }}{{ end }}", "more than 100000 iterations"],
    ['{{ define "t" }}{{ template "t" }}{{ end }}{{ template "t" }}', "exceeded maximum template depth"],
    ['{{ $x := "ab" }}{{ range 30 }}{{ $x = print $x $x }}{{ $x }}{{ end }}', "longer than 1 MiB"],
    ['{{ printf "%*d" 1 2 }}', "%* is not supported"],
  ])("%s cannot run away: %s", (template, message) => {
    expect(outcome(template)).toContain(message);
  });
});

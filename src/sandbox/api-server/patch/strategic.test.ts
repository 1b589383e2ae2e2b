import { describe, expect, it } from "vitest";
import { builtinSchema } from "../schema/index.ts";
import { jsonPatch, mergePatch, strategicMergePatch } from "./index.ts";

const schema = builtinSchema("apps", "v1", "Deployment")!;
const pod = (spec: Record<string, unknown>) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "app" },
  spec: { template: { spec } },
});
const patched = (before: Record<string, unknown>, patch: Record<string, unknown>) =>
  strategicMergePatch(schema, pod(before), { spec: { template: { spec: patch } } }).spec.template.spec;

describe("strategic merge patch", () => {
  it("merges containers by name", () => {
    const before = {
      containers: [
        { name: "a", image: "1" },
        { name: "b", image: "1" },
      ],
    };
    expect(patched(before, { containers: [{ name: "b", image: "2" }] })).toEqual({
      containers: [
        { name: "a", image: "1" },
        { name: "b", image: "2" },
      ],
    });
    expect(patched(before, { containers: [{ name: "a", $patch: "delete" }] })).toEqual({
      containers: [{ name: "b", image: "1" }],
    });
  });
});

describe("JSON patch and merge patch", () => {
  it("change a copy", () => {
    const object = pod({ a: 1 });
    expect(jsonPatch(object, [{ op: "replace", path: "/spec/template/spec/a", value: 2 }]).spec.template.spec).toEqual({
      a: 2,
    });
    expect(mergePatch(object, { spec: { template: null } }).spec).toEqual({});
    expect(object.spec.template.spec).toEqual({ a: 1 });
  });
});

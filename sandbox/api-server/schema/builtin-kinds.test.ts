import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import {
  applyDefaults,
  BUILTIN_KINDS,
  builtinSchema,
  crdSchema,
  openApiDefinitions,
  prune,
  unknownFields,
  validate,
} from "./index.ts";

const deployment = (): KubeObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "app", creationTimestamp: null as never },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: "app" } },
    template: {
      metadata: { labels: { app: "app" } },
      spec: { containers: [{ name: "app", image: "app:1", bar: 1, resources: { limits: { cpu: 1 } } }] },
    },
    foo: true,
  },
});

function schemaOf(group: string, version: string, kind: string) {
  const schema = builtinSchema(group, version, kind);
  if (schema === undefined) throw new Error(`no schema for ${group}/${version} ${kind}`);
  return schema;
}

describe("schemas of built-in kinds", () => {
  it("reads every kind it names", () => {
    for (const { group, version, kind } of BUILTIN_KINDS) {
      const object = { apiVersion: "x", kind, metadata: { name: "x", bogus: 1 } };
      expect([kind, unknownFields(schemaOf(group, version, kind), object)]).toEqual([kind, ["metadata.bogus"]]);
    }
    expect(builtinSchema("example.com", "v1", "Nope")).toBeUndefined();
  });

  it("finds and prunes unknown fields by their path", () => {
    const schema = schemaOf("apps", "v1", "Deployment");
    expect(unknownFields(schema, deployment())).toEqual(["spec.template.spec.containers[0].bar", "spec.foo"]);
    const pruned = prune(schema, deployment());
    expect(unknownFields(schema, pruned)).toEqual([]);
    expect(pruned.spec.template.spec.containers[0].image).toBe("app:1");
    expect(applyDefaults(schema, pruned).metadata).toEqual({ name: "app" });
  });

  it("complains about types and missing fields", () => {
    const schema = schemaOf("apps", "v1", "Deployment");
    const broken = { ...deployment(), spec: { replicas: "2", template: { spec: {} } } };
    const text = validate(schema, applyDefaults(schema, broken)).map(({ path, message }) => `${path}: ${message}`);
    expect(text).toEqual([
      'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"',
      "spec.template.spec.containers: Required value",
      "spec.selector: Required value",
    ]);
    expect(validate(schema, applyDefaults(schema, deployment()))).toEqual([]);
  });

  it("describes itself as OpenAPI with names and merge keys as a real API server", () => {
    const all = openApiDefinitions() as Record<string, { properties: Record<string, Record<string, unknown>> }>;
    expect(all["io.k8s.api.core.v1.Container"]?.properties.ports).toMatchObject({
      "x-kubernetes-patch-merge-key": "containerPort",
      "x-kubernetes-list-map-keys": ["containerPort", "protocol"],
    });
    expect(all["io.k8s.api.apps.v1.DeploymentSpec"]?.properties.strategy).toMatchObject({
      "x-kubernetes-patch-strategy": "retainKeys",
    });
    expect(all).toHaveProperty(["io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler"]);
    expect(all).toHaveProperty(["io.k8s.api.core.v1.PodTemplateSpec"]);
    expect(all).toHaveProperty(["io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector"]);
  });
});

describe("schemas of custom resources", () => {
  it("defaults, prunes and validates", () => {
    const schema = crdSchema({
      type: "object",
      properties: {
        spec: {
          type: "object",
          required: ["a"],
          properties: { a: { type: "integer" }, b: { type: "string", default: "x" } },
        },
      },
    });
    const object = { apiVersion: "e/v1", kind: "E", metadata: { name: "e" }, spec: { c: 1 } };
    expect(applyDefaults(schema, prune(schema, object)).spec).toEqual({ b: "x" });
    expect(validate(schema, object)).toEqual([
      { path: "spec.a", message: "Required value", reason: "FieldValueRequired" },
    ]);
  });
});

/** OpenAPI component schemas: of the built-in kinds, and of custom resources as their CRDs give them. */
import type { Resource, ResourceVersion } from "../resource.ts";
import { openApiDefinitions } from "../schema/index.ts";

type Fields = { [key: string]: unknown };

const META = "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/** "org.example.v1.Widget" for Widget of example.org/v1. */
function customName(resource: Resource, version: string): string {
  return `${resource.group.split(".").reverse().join(".")}.${version}.${resource.kind}`;
}

function customSchema(resource: Resource, version: ResourceVersion): Fields {
  const given = (version.openApiSchema ?? { type: "object", "x-kubernetes-preserve-unknown-fields": true }) as Fields;
  const { group, kind } = resource;
  return {
    ...given,
    properties: {
      ...(given["properties"] as Fields | undefined),
      apiVersion: { type: "string", description: "Version of the schema of this object." },
      kind: { type: "string", description: "Kind of this object." },
      metadata: { allOf: [{ $ref: META }], description: "Standard object's metadata." },
    },
    "x-kubernetes-group-version-kind": [{ group, kind, version: version.name }],
  };
}

/** Schemas of these resources with everything they refer to. */
export function schemasOf(
  targets: readonly { readonly resource: Resource; readonly version: ResourceVersion }[],
): Fields {
  const builtin = openApiDefinitions();
  const chosen: Fields = {};
  const wanted = new Set(targets.map(({ resource, version }) => gvk(resource.group, version.name, resource.kind)));
  for (const { resource, version } of targets) {
    if (resource.custom) chosen[customName(resource, version.name)] = customSchema(resource, version);
  }
  for (const [name, schema] of Object.entries(builtin)) {
    const kinds = (schema as Fields)["x-kubernetes-group-version-kind"] as KindName[] | undefined;
    if (kinds?.some(({ group, version, kind }) => wanted.has(gvk(group, version, kind)))) chosen[name] = schema;
  }
  const pending = Object.values(chosen);
  for (let schema = pending.pop(); schema !== undefined; schema = pending.pop()) {
    for (const name of referencesIn(schema)) {
      if (chosen[name] !== undefined || builtin[name] === undefined) continue;
      chosen[name] = builtin[name];
      pending.push(builtin[name]);
    }
  }
  return chosen;
}

interface KindName {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

const gvk = (group: string, version: string, kind: string) => `${group}/${version}/${kind}`;

function referencesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) =>
    key === "$ref" && typeof part === "string" ? [part.slice(part.lastIndexOf("/") + 1)] : referencesIn(part),
  );
}

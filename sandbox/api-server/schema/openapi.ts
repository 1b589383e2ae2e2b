/** The OpenAPI v3 component schemas of the built-in kinds, named as the API server names them. */
import { BUILTIN_KINDS } from "./builtin-kinds.ts";
import { modelNode, shortName } from "./models.ts";
import type { Fields, SchemaNode } from "./node.ts";

const META = "io.k8s.apimachinery.pkg.apis.meta.v1";
const META_TYPES: ReadonlySet<string> = new Set(
  `ObjectMeta ListMeta OwnerReference ManagedFieldsEntry LabelSelector LabelSelectorRequirement Condition DeleteOptions
  Preconditions Status StatusDetails StatusCause FieldSelectorRequirement`.split(/\s+/),
);

/** Go package of a group: the first label, except where it is spelled otherwise. */
const PACKAGES: Readonly<Record<string, string>> = {
  "": "io.k8s.api.core",
  "apiextensions.k8s.io": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
};

const packageOf = (group: string) => PACKAGES[group] ?? `io.k8s.api.${group.split(".")[0]}`;

let definitions: Record<string, unknown> | undefined;

/**
 * `{ "io.k8s.api.apps.v1.Deployment": {...}, ... }` with merge keys, list types and group-version-kinds; the value of
 * `components.schemas`. Computed once; treat it as read-only.
 */
export function openApiDefinitions(): Record<string, unknown> {
  definitions ??= compute();
  return definitions;
}

function compute(): Record<string, unknown> {
  const names = modelNames();
  const result: Record<string, unknown> = {};
  for (const [model, name] of names) result[name] = objectSchema(modelNode(model), names);
  for (const { group, version, kind, model } of BUILTIN_KINDS) {
    const schema = result[names.get(model) ?? ""] as Fields;
    schema["x-kubernetes-group-version-kind"] = [{ group, kind, version }];
  }
  return result;
}

/** Core kinds first: what they use belongs to core, and other groups only borrow it. */
function modelNames(): Map<string, string> {
  const names = new Map<string, string>();
  const kinds = [...BUILTIN_KINDS].sort((a, b) => Number(b.group === "") - Number(a.group === ""));
  for (const { group, model } of kinds) nameReachable(modelNode(model), packageOf(group), names);
  return names;
}

function nameReachable(node: SchemaNode, home: string, names: Map<string, string>): void {
  const { model } = node;
  if (model !== undefined) {
    if (names.has(model)) return;
    const short = shortName(model);
    const version = /V\d+(?:(?:alpha|beta)\d+)?(?=[A-Z])/.exec(model)?.[0].toLowerCase() ?? "v1";
    names.set(model, META_TYPES.has(short) ? `${META}.${short}` : `${home}.${version}.${short}`);
  }
  for (const child of node.properties?.values() ?? []) nameReachable(child, home, names);
  if (node.items !== undefined) nameReachable(node.items, home, names);
  if (typeof node.additional === "object") nameReachable(node.additional, home, names);
}

function objectSchema(node: SchemaNode, names: ReadonlyMap<string, string>): Fields {
  const properties = [...(node.properties ?? [])].map(([name, child]) => [name, fieldSchema(child, names)]);
  const schema: Fields = { type: "object", properties: Object.fromEntries(properties) };
  const description = node.description;
  if (description !== undefined) schema.description = description;
  if (node.required !== undefined) schema.required = node.required;
  if (node.atomic === true) schema["x-kubernetes-map-type"] = "atomic";
  return schema;
}

function fieldSchema(node: SchemaNode, names: ReadonlyMap<string, string>): Fields {
  const schema: Fields = node.model === undefined ? plainSchema(node, names) : referenceTo(node.model, names);
  if (node.description !== undefined) schema.description = node.description;
  if (node.patch !== undefined) {
    schema["x-kubernetes-patch-strategy"] = node.patch.strategies.join(",");
    if (node.patch.key !== undefined) schema["x-kubernetes-patch-merge-key"] = node.patch.key;
  }
  if (node.type === "array" && node.list !== undefined) {
    schema["x-kubernetes-list-type"] = node.list.type;
    if (node.list.type === "map") schema["x-kubernetes-list-map-keys"] = node.list.keys;
  }
  if (node.model === undefined && node.atomic === true) schema["x-kubernetes-map-type"] = "atomic";
  return schema;
}

function referenceTo(model: string, names: ReadonlyMap<string, string>): Fields {
  return { allOf: [{ $ref: `#/components/schemas/${names.get(model)}` }] };
}

function plainSchema(node: SchemaNode, names: ReadonlyMap<string, string>): Fields {
  if (node.intOrString === true) return { format: "int-or-string", oneOf: [{ type: "integer" }, { type: "string" }] };
  if (node.quantity === true) return { oneOf: [{ type: "string" }, { type: "number" }] };
  const schema: Fields = {};
  if (node.type !== undefined) schema.type = node.type;
  if (node.format !== undefined) schema.format = node.format === "micro-time" ? "date-time" : node.format;
  if (node.items !== undefined) schema.items = fieldSchema(node.items, names);
  if (typeof node.additional === "object") schema.additionalProperties = fieldSchema(node.additional, names);
  if (node.preserveUnknown === true) schema["x-kubernetes-preserve-unknown-fields"] = true;
  return schema;
}

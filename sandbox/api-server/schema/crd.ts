/** Custom resource schemas: `openAPIV3Schema` of a CRD version, read into `SchemaNode`s. */
import { modelNode } from "./models.ts";
import type { ValueRules } from "./node.ts";
import { type CelRule, type Fields, isFields, type NodeType, type ObjectSchema, type SchemaNode } from "./node.ts";

const TYPES: ReadonlySet<unknown> = new Set(["object", "array", "string", "integer", "number", "boolean"]);

const RULE_NAMES = [
  "enum",
  "pattern",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "uniqueItems",
  "minProperties",
  "maxProperties",
] as const;

/** Reads a CRD's `openAPIV3Schema`; anything that is not an object is taken as "no schema": nothing is pruned. */
export function crdSchema(openAPIV3Schema: unknown): ObjectSchema {
  const root = crdNode(isFields(openAPIV3Schema) ? openAPIV3Schema : { "x-kubernetes-preserve-unknown-fields": true });
  root.type ??= "object";
  addObjectFields(root);
  return { root, custom: true };
}

/** apiVersion, kind and metadata are implied at the root and in embedded resources. */
function addObjectFields(node: SchemaNode): void {
  const properties = node.properties ?? new Map<string, SchemaNode>();
  const declared = properties.get("metadata");
  const metadata = { ...modelNode("V1ObjectMeta") };
  // What a CRD says about metadata (e.g. a pattern for the name) is checked, but does not decide what is pruned.
  if (declared !== undefined) metadata.allOf = [declared];
  properties.set("apiVersion", properties.get("apiVersion") ?? { type: "string" });
  properties.set("kind", properties.get("kind") ?? { type: "string" });
  properties.set("metadata", metadata);
  node.properties = properties;
}

function crdNode(schema: Fields): SchemaNode {
  const node: SchemaNode = {};
  if (TYPES.has(schema.type)) node.type = schema.type as NodeType;
  if (typeof schema.format === "string") node.format = schema.format;
  if (typeof schema.description === "string") node.description = schema.description;
  if (schema.nullable === true) node.nullable = true;
  if (schema["x-kubernetes-int-or-string"] === true) node.intOrString = true;
  if (schema["x-kubernetes-preserve-unknown-fields"] === true) node.preserveUnknown = true;
  if (schema.default !== undefined) node.default = schema.default;
  if (Array.isArray(schema.required)) node.required = schema.required.filter((name) => typeof name === "string");
  addChildren(node, schema);
  addAlternatives(node, schema);
  addSemantics(node, schema);
  addRules(node, schema);
  return node;
}

function addChildren(node: SchemaNode, schema: Fields): void {
  if (isFields(schema.properties)) {
    const entries = Object.entries(schema.properties);
    node.properties = new Map(entries.map(([name, child]) => [name, crdNode(isFields(child) ? child : {})]));
  }
  const additional = schema.additionalProperties;
  if (additional === true) node.additional = true;
  else if (isFields(additional)) node.additional = crdNode(additional);
  if (isFields(schema.items)) node.items = crdNode(schema.items);
  if (schema["x-kubernetes-embedded-resource"] === true) {
    node.embedded = true;
    addObjectFields(node);
  }
}

function addAlternatives(node: SchemaNode, schema: Fields): void {
  for (const word of ["allOf", "anyOf", "oneOf"] as const) {
    const list = schema[word];
    if (Array.isArray(list) && list.length > 0) node[word] = list.map((item) => crdNode(isFields(item) ? item : {}));
  }
  if (isFields(schema.not)) node.not = crdNode(schema.not);
}

function addSemantics(node: SchemaNode, schema: Fields): void {
  const keys = schema["x-kubernetes-list-map-keys"];
  const listType = schema["x-kubernetes-list-type"];
  if (listType === "map" && Array.isArray(keys)) node.list = { type: "map", keys: keys.map(String) };
  else if (node.type === "array") node.list = { type: listType === "set" ? "set" : "atomic", keys: [] };
  if (schema["x-kubernetes-map-type"] === "atomic") node.atomic = true;
  const rules = schema["x-kubernetes-validations"];
  if (Array.isArray(rules) && rules.length > 0) node.cel = rules.filter(isFields) as unknown as CelRule[];
}

function addRules(node: SchemaNode, schema: Fields): void {
  const rules: Fields = {};
  for (const name of RULE_NAMES) {
    if (schema[name] !== undefined && schema[name] !== null) rules[name] = schema[name];
  }
  if (Object.keys(rules).length > 0) node.rules = rules as ValueRules;
}

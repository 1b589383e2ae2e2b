/**
 * The built-in types, from `sandbox/generated/kubernetes-models.json`. `scripts/kubernetes-models.mjs` makes that file
 * from the models of @kubernetes/client-node, for every build and before every test run.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT_ROOT } from "../../../src/project-root.ts";
import { LIST_KEYS, PATCH_STRATEGIES, QUANTITY_FIELDS, SET_LISTS, WHOLE_FIELDS, WHOLE_TYPES } from "./field-tables.ts";
import type { SchemaNode } from "./node.ts";

/** Name on the wire, type, format, whether it is required, description. */
type Field = readonly [name: string, type: string, format: string, required: boolean, description: string];

interface Model {
  readonly description: string;
  readonly fields: readonly Field[];
}

let models: Readonly<Record<string, Model>> | undefined;

function modelOf(name: string): Model {
  models ??= readModels();
  const model = Object.hasOwn(models, name) ? models[name] : undefined;
  if (model === undefined) throw new Error(`the Kubernetes model ${name} is not known: see sandbox/AGENTS.md`);
  return model;
}

function readModels(): Readonly<Record<string, Model>> {
  const file = join(PROJECT_ROOT, "sandbox/generated/kubernetes-models.json");
  try {
    return JSON.parse(readFileSync(file, "utf8")).models;
  } catch (cause) {
    throw new Error(`cannot read ${file}: run "npm run build", which makes it`, { cause });
  }
}

/** In this version of its group the type is not what it is in the others. */
const GRANULAR: ReadonlySet<string> = new Set(["V2CrossVersionObjectReference"]);

const nodes = new Map<string, SchemaNode>();

/**
 * The schema of one model, e.g. `modelNode("V1PodSpec")`. Nodes are shared and may be cyclic.
 * @throws Error when there is no such model
 */
export function modelNode(model: string): SchemaNode {
  const known = nodes.get(model);
  if (known !== undefined) return known;
  const node: SchemaNode = { type: "object", model, properties: new Map() };
  nodes.set(model, node);
  const { description, fields } = modelOf(model);
  if (description !== "") node.description = description;
  if (WHOLE_TYPES.has(shortName(model)) && !GRANULAR.has(model)) node.atomic = true;
  // Complete but for its properties before the recursion: a cyclic model copies itself while it is being read.
  const required = fields.flatMap(([name, , , isRequired]) => (isRequired ? [name] : []));
  if (required.length > 0) node.required = required;
  for (const field of fields) {
    const [name, , , , text] = field;
    const child = fieldSchema(model, field);
    if (text !== "") child.description = text;
    node.properties?.set(name, child);
  }
  return node;
}

/** "PodSpec" for "V1PodSpec", "EndpointPort" for "DiscoveryV1EndpointPort". */
export function shortName(model: string): string {
  return model.replace(/^[A-Za-z]*?V\d+(?:(?:alpha|beta)\d+)?(?=[A-Z])/, "");
}

function fieldSchema(model: string, [name, type, format]: Field): SchemaNode {
  const path = `${shortName(model)}.${name}`;
  // A copy: the field's own documentation and list keys must not leak into other users of the same model.
  const node = { ...typeNode(type, format) };
  if (QUANTITY_FIELDS.has(path)) markQuantity(node);
  if (WHOLE_FIELDS.has(path)) node.atomic = true;
  if (path === "PersistentVolumeSpec.claimRef") delete node.atomic;
  if (node.type === "array") {
    const keys = LIST_KEYS.get(path);
    if (keys !== undefined) node.list = { type: "map", keys: keys.apply };
    else node.list = { type: SET_LISTS.has(path) ? "set" : "atomic", keys: [] };
  }
  const patch = PATCH_STRATEGIES.get(path);
  if (patch !== undefined) node.patch = patch;
  return node;
}

function markQuantity(node: SchemaNode): void {
  if (node.type === "string") node.quantity = true;
  else if (node.additional !== undefined && node.additional !== true) node.additional.quantity = true;
}

const SCALARS: Readonly<Record<string, SchemaNode>> = {
  string: { type: "string" },
  boolean: { type: "boolean" },
  any: { preserveUnknown: true },
  object: { type: "object", preserveUnknown: true },
  V1MicroTime: { type: "string", format: "micro-time" },
  IntOrString: { intOrString: true, format: "int-or-string" },
};

function typeNode(type: string, format: string): SchemaNode {
  const list = /^Array<(.*)>$/.exec(type);
  if (list !== null) return { type: "array", items: typeNode(list[1] ?? "", format) };
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type);
  if (map !== null) return { type: "object", additional: typeNode(map[1] ?? "", format) };
  if (type === "Date") return { type: "string", format: format === "" ? "date-time" : format };
  if (type === "number") {
    return format === "double" ? { type: "number", format } : { type: "integer", ...(format && { format }) };
  }
  const scalar = SCALARS[type];
  if (scalar !== undefined) return { ...scalar, ...(format && { format }) };
  return modelNode(type);
}

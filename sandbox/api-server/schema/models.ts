/**
 * The built-in types, read from the text of @kubernetes/client-node's model files.
 *
 * Why text: importing the package costs half a second and 76 MB, and its model files are ES modules, which Node 20 cannot
 * load synchronously without a warning. The part we want is plain data: `X.attributeTypeMap = [ ...JSON... ]` in the .js
 * file (wire names, types, formats) and the property lines of the .d.ts file (which are required, and their documentation).
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { LIST_KEYS, PATCH_STRATEGIES, QUANTITY_FIELDS, SET_LISTS, WHOLE_FIELDS, WHOLE_TYPES } from "./field-tables.ts";
import type { SchemaNode } from "./node.ts";

interface Attribute {
  readonly name: string;
  readonly baseName: string;
  readonly type: string;
  readonly format: string;
}

interface ModelText {
  readonly attributes: readonly Attribute[];
  readonly description: string;
  readonly fields: ReadonlyMap<string, { readonly description: string; readonly required: boolean }>;
}

let folder: string | undefined;

function modelsFolder(): string {
  if (folder === undefined) {
    const require = createRequire(import.meta.url);
    folder = join(dirname(require.resolve("@kubernetes/client-node/package.json")), "dist/gen/models");
  }
  return folder;
}

const DOC = /\/\*\*([\s\S]*?)\*\/\s*/;
const FIELD = new RegExp(`(?:${DOC.source})?'([^']+)'(\\??):`, "g");

function prose(comment: string | undefined): string {
  return (comment ?? "")
    .replace(/^\s*\* ?/gm, "")
    .replace(/\\(['"])/g, "$1")
    .trim();
}

function readModelText(model: string): ModelText {
  const path = join(modelsFolder(), model);
  const code = readFileSync(`${path}.js`, "utf8");
  const table = /attributeTypeMap = (\[[\s\S]*?\n\]|\[\]);/.exec(code)?.[1];
  if (table === undefined) {
    throw new Error(`${path}.js: no attributeTypeMap found; this version of @kubernetes/client-node is not supported`);
  }
  const types = readFileSync(`${path}.d.ts`, "utf8");
  const start = types.indexOf("export declare class");
  const fields = [...types.slice(start).matchAll(FIELD)].map(
    ([, doc, name, optional]) => [name ?? "", { description: prose(doc), required: optional === "" }] as const,
  );
  // The file begins with a licence comment; the class comment is the last one before the class, if it has one.
  const comment = types.lastIndexOf("/**", start);
  const classDoc = comment > 0 ? DOC.exec(types.slice(comment, start))?.[1] : "";
  return { attributes: JSON.parse(table) as Attribute[], description: prose(classDoc), fields: new Map(fields) };
}

/** In this version of its group the type is not what it is in the others. */
const GRANULAR: ReadonlySet<string> = new Set(["V2CrossVersionObjectReference"]);

const nodes = new Map<string, SchemaNode>();

/**
 * The schema of one client-node model, e.g. `modelNode("V1PodSpec")`. Nodes are shared and may be cyclic.
 * Throws when the package has no such model.
 */
export function modelNode(model: string): SchemaNode {
  const known = nodes.get(model);
  if (known !== undefined) return known;
  const node: SchemaNode = { type: "object", model, properties: new Map() };
  nodes.set(model, node);
  const text = readModelText(model);
  if (text.description !== "") node.description = text.description;
  if (WHOLE_TYPES.has(shortName(model)) && !GRANULAR.has(model)) node.atomic = true;
  // Complete but for its properties before the recursion: a cyclic model copies itself while it is being read.
  const required = text.attributes.filter(({ name }) => text.fields.get(name)?.required === true);
  if (required.length > 0) node.required = required.map(({ baseName }) => baseName);
  for (const attribute of text.attributes) {
    const child = attributeNode(model, attribute);
    const description = text.fields.get(attribute.name)?.description ?? "";
    if (description !== "") child.description = description;
    node.properties?.set(attribute.baseName, child);
  }
  return node;
}

/** "PodSpec" for "V1PodSpec", "EndpointPort" for "DiscoveryV1EndpointPort". */
export function shortName(model: string): string {
  return model.replace(/^[A-Za-z]*?V\d+(?:(?:alpha|beta)\d+)?(?=[A-Z])/, "");
}

function attributeNode(model: string, attribute: Attribute): SchemaNode {
  const path = `${shortName(model)}.${attribute.baseName}`;
  // A copy: the field's own documentation and list keys must not leak into other users of the same model.
  const node = { ...typeNode(attribute.type, attribute.format) };
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

/** Fields a schema does not know: listed for strict decoding, dropped for storage. */
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import { type Fields, isFields, type ObjectSchema, type SchemaNode } from "./node.ts";

/** The paths of unknown fields, in document order: `spec.foo`, `spec.containers[0].bar`. */
export function unknownFields(schema: ObjectSchema, object: KubeObject): string[] {
  const found: string[] = [];
  walk(schema.root, object, "", (path) => found.push(path));
  return found;
}

/** A copy without the fields that the schema does not know. Values of the wrong type are left for `validate`. */
export function prune(schema: ObjectSchema, object: KubeObject): KubeObject {
  return walk(schema.root, object, "", () => undefined) as KubeObject;
}

function walk(node: SchemaNode, value: unknown, path: string, unknown: (path: string) => void): unknown {
  if (Array.isArray(value)) {
    const { items } = node;
    return items === undefined
      ? structuredClone(value)
      : value.map((item, index) => walk(items, item, `${path}[${index}]`, unknown));
  }
  if (!isFields(value)) return value;
  return walkFields(node, value, path, unknown);
}

function walkFields(node: SchemaNode, value: Fields, path: string, unknown: (path: string) => void): Fields {
  const kept: [string, unknown][] = [];
  for (const [name, field] of Object.entries(value)) {
    const child = childOf(node, name);
    const at = path === "" ? name : `${path}.${name}`;
    if (child === undefined) unknown(at);
    else kept.push([name, walk(child, field, at, unknown)]);
  }
  return Object.fromEntries(kept);
}

const ANYTHING: SchemaNode = { preserveUnknown: true };

function childOf(node: SchemaNode, name: string): SchemaNode | undefined {
  const own = node.properties?.get(name);
  if (own !== undefined) return own;
  if (node.additional === true) return ANYTHING;
  if (node.additional !== undefined) return node.additional;
  // A schema without any type says nothing about its fields, e.g. int-or-string given an object: validate reports it.
  const open = node.preserveUnknown === true || (node.type !== "object" && node.properties === undefined);
  return open ? ANYTHING : undefined;
}

/** Defaults of custom resources, filled in as the API server does: missing fields, and nulls that are not allowed. */
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import { copyJson, type Fields, fieldNode, isFields, type ObjectSchema, type SchemaNode } from "./node.ts";

/**
 * A copy with the schema's defaults and without nulls that the schema does not allow. A default appears only where its
 * parent exists (or has a default itself). Built-in schemas carry no defaults: there only the nulls go.
 */
export function applyDefaults(schema: ObjectSchema, object: KubeObject): KubeObject {
  return fill(schema.root, object) as KubeObject;
}

function fill(node: SchemaNode, value: unknown): unknown {
  if (Array.isArray(value)) {
    const { items } = node;
    return items === undefined ? copyJson(value) : value.map((item) => fill(items, item));
  }
  return isFields(value) ? fillFields(node, value) : value;
}

function fillFields(node: SchemaNode, value: Fields): Fields {
  const filled: [string, unknown][] = [];
  for (const [name, field] of Object.entries(value)) {
    const child = fieldNode(node, name);
    // A null that is not allowed counts as "not given", with or without a default to take its place.
    if (child !== undefined && field === null && child.nullable !== true) continue;
    filled.push([name, child === undefined ? copyJson(field) : fill(child, field)]);
  }
  const result = Object.fromEntries(filled);
  for (const [name, child] of node.properties ?? []) {
    if (child.default !== undefined && !Object.hasOwn(result, name))
      result[name] = fill(child, copyJson(child.default));
  }
  return result;
}

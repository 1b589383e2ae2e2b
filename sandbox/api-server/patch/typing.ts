/**
 * What server-side apply has against a configuration before it merges anything: its types, in the API server's words.
 */
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import { type Fields, fieldNode, isFields, type ObjectSchema, type SchemaNode } from "../schema/node.ts";
import { unknownFields } from "../schema/prune.ts";
import { printPart } from "./field-set.ts";
import { elementId } from "./typed.ts";

/** Faults as `.spec.replicas: expected numeric (int or float), got string`; of unknown fields only the first. */
export function typingFaults(schema: ObjectSchema, object: KubeObject): string[] {
  const [unknown] = unknownFields(schema, object);
  return unknown === undefined ? faults(schema.root, object, "") : [`.${unknown}: field not declared in schema`];
}

function faults(node: SchemaNode | undefined, value: unknown, path: string): string[] {
  // Null is "nothing said", and a union type (a quantity, a port) is judged only when it is decoded.
  const { type } = node ?? {};
  if (node === undefined || type === undefined || value === null || node.quantity === true) return [];
  if (node.intOrString === true) return [];
  const wrong = mismatch(type, value);
  if (wrong !== undefined) return [`${path}: ${wrong}`];
  if (isFields(value)) return fieldFaults(node, value, path);
  return Array.isArray(value) ? listFaults(node, value, path) : [];
}

function fieldFaults(node: SchemaNode, value: Fields, path: string): string[] {
  const names = Object.keys(value).sort();
  return names.flatMap((name) => faults(fieldNode(node, name), value[name], `${path}.${name}`));
}

function listFaults(node: SchemaNode, list: readonly unknown[], path: string): string[] {
  if (node.list === undefined || node.list.type === "atomic") {
    return list.flatMap((item, index) => faults(node.items, item, `${path}[${index}]`));
  }
  const bare = node.list.type === "map" ? list.findIndex((item) => !isFields(item)) : -1;
  if (bare >= 0) return [`${path}: element ${bare}: associative list with keys may not have non-map elements`];
  const ids = list.map((item) => elementId(node, item));
  const twice = new Set(ids.filter((id, index) => ids.indexOf(id) < index));
  return [
    ...list.flatMap((item, index) => faults(node.items, item, `${path}${printPart(ids[index] ?? "")}`)),
    ...[...twice].map((id) => `${path}: duplicate entries for key ${printPart(id)}`),
  ];
}

function mismatch(type: SchemaNode["type"], value: unknown): string | undefined {
  const text = typeof value === "object" ? (Array.isArray(value) ? "[]" : "map[]") : String(value);
  if (type === "object") return isFields(value) ? undefined : `expected map, got &{${text}}`;
  if (type === "array") return Array.isArray(value) ? undefined : `expected list, got &{${text}}`;
  if (type === "boolean") return typeof value === "boolean" ? undefined : `expected boolean, got &{${text}}`;
  if (type === "string") {
    return typeof value === "string" ? undefined : `expected string, got &value.valueUnstructured{Value:${text}}`;
  }
  return typeof value === "number" ? undefined : `expected numeric (int or float), got ${goType(value)}`;
}

function goType(value: unknown): string {
  if (Array.isArray(value)) return "[]interface {}";
  if (isFields(value)) return "map[string]interface {}";
  return typeof value === "boolean" ? "bool" : "string";
}

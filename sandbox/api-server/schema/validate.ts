/**
 * Validation of an object against its schema, with the API server's words.
 *
 * Order matters where clients see it: the type first (a value of the wrong type is not judged further), then
 * anyOf/oneOf/ allOf/not, then the value's own rules, then its fields, and CEL rules only when nothing structural is
 * wrong.
 */
import { equal } from "../../../src/json/merge-patch.ts";
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import { celErrors, hasCel } from "./cel.ts";
import { duplicate, type FieldError, invalid, required } from "./errors.ts";
import { fieldNode, isFields, type ObjectSchema, type SchemaNode } from "./node.ts";
import { typeError, valueErrors } from "./value-rules.ts";

const BLOCKING: ReadonlySet<string> = new Set([
  "FieldValueRequired",
  "FieldValueTypeInvalid",
  "FieldValueNotSupported",
  "FieldValueTooLong",
  "FieldValueTooMany",
]);

/**
 * What is wrong with `object`; empty when nothing is. With `old` (an update), fields that did not change are not
 * judged again, and CEL transition rules (`oldSelf`) apply.
 */
export function validate(schema: ObjectSchema, object: KubeObject, old?: KubeObject): FieldError[] {
  const errors = check(schema.root, object, "", old);
  if (!schema.custom) return errors.filter((error) => !toleratedInBuiltins(error));
  errors.push(...listErrors(schema.root, object, ""));
  if (!hasCel(schema.root)) return errors;
  if (errors.some(({ reason }) => BLOCKING.has(reason))) {
    const detail =
      "some validation rules were not checked because the object was invalid; " +
      "correct the existing errors to complete validation";
    // The API server prints the absent value as a string.
    return [...errors, invalid("<nil>", null, detail)];
  }
  return [...errors, ...celErrors(schema.root, object, old)];
}

/** Go fills missing fields: a status is not checked, a slice without endpoints has an empty list, a role is of RBAC. */
function toleratedInBuiltins({ path, reason }: FieldError): boolean {
  if (reason !== "FieldValueRequired") return false;
  return path.startsWith("status.") || path === "endpoints" || path === "roleRef.apiGroup";
}

const join = (path: string, name: string) => (path === "" ? name : `${path}.${name}`);

function check(node: SchemaNode, value: unknown, path: string, old: unknown): FieldError[] {
  if (old !== undefined && equal(value, old)) return [];
  const wrongType = typeError(node, value, path);
  if (wrongType !== undefined) return [wrongType];
  if (value === null) return [];
  const errors = [...alternativeErrors(node, value, path), ...valueErrors(node, value, path)];
  if (isFields(value)) errors.push(...fieldErrors(node, value, path, old));
  else if (Array.isArray(value)) errors.push(...itemErrors(node, value, path, old));
  return errors;
}

function fieldErrors(node: SchemaNode, value: Record<string, unknown>, path: string, old: unknown): FieldError[] {
  const missing = (node.required ?? []).filter((name) => !Object.hasOwn(value, name));
  const before = isFields(old) ? old : {};
  const wrong = Object.entries(value).flatMap(([name, field]) => {
    const child = fieldNode(node, name);
    return child === undefined ? [] : check(child, field, join(path, name), before[name]);
  });
  return [...wrong, ...missing.map((name) => required(join(path, name)))];
}

function itemErrors(node: SchemaNode, value: readonly unknown[], path: string, old: unknown): FieldError[] {
  const { items } = node;
  if (items === undefined) return [];
  return value.flatMap((item, index) => check(items, item, `${path}[${index}]`, oldItem(node, item, old)));
}

/** The element of the old list that is the same element: only lists with keys (and sets) can tell. */
function oldItem(node: SchemaNode, item: unknown, old: unknown): unknown {
  if (!Array.isArray(old)) return undefined;
  if (node.list?.type === "set") return old.find((other) => equal(item, other));
  if (node.list?.type !== "map" || !isFields(item)) return undefined;
  const { keys } = node.list;
  return old.find((other) => isFields(other) && keys.every((key) => equal(other[key], item[key])));
}

function alternativeErrors(node: SchemaNode, value: unknown, path: string): FieldError[] {
  const tries = (list: readonly SchemaNode[] | undefined): Attempt[] =>
    (list ?? []).map((schema) => ({ schema, errors: check(schema, value, path, undefined) }));
  const whole = (words: string) => invalid("<nil>", "", `"${path}" ${words}`);
  const errors: FieldError[] = [];
  const any = tries(node.anyOf);
  if (any.length > 0 && any.every((attempt) => attempt.errors.length > 0)) {
    errors.push(whole("must validate at least one schema (anyOf)"), ...closest(any, value));
  }
  const one = tries(node.oneOf);
  const fitting = one.filter((attempt) => attempt.errors.length === 0).length;
  if (one.length > 0 && fitting !== 1) {
    const found = fitting === 0 ? "Found none valid" : `Found ${fitting} valid alternatives`;
    errors.push(whole(`must validate one and only one schema (oneOf). ${found}`));
    if (fitting === 0) errors.push(...closest(one, value));
  }
  const all = tries(node.allOf);
  const failed = all.filter((attempt) => attempt.errors.length > 0);
  if (failed.length > 0) {
    const none = failed.length === all.length ? ". None validated" : "";
    errors.push(...failed.flatMap((attempt) => attempt.errors), whole(`must validate all the schemas (allOf)${none}`));
  }
  if (node.not !== undefined && check(node.not, value, path, undefined).length === 0) {
    errors.push(whole("must not validate the schema (not)"));
  }
  return errors;
}

interface Attempt {
  readonly schema: SchemaNode;
  readonly errors: readonly FieldError[];
}

/** The complaints of the alternative that had most to say about the value; of the first one on a tie. */
function closest(attempts: readonly Attempt[], value: unknown): readonly FieldError[] {
  const counted = attempts.map(({ schema, errors }) => ({ errors, matches: matches(schema, value) }));
  return counted.reduce((best, next) => (next.matches > best.matches ? next : best)).errors;
}

/** How many places of the value a schema looks at. */
function matches(node: SchemaNode, value: unknown): number {
  const { items } = node;
  if (Array.isArray(value)) return items === undefined ? 1 : value.reduce((n, item) => n + matches(items, item), 1);
  if (!isFields(value)) return 1;
  return Object.entries(value).reduce((count, [name, field]) => {
    const child = fieldNode(node, name);
    return child === undefined ? count : count + matches(child, field);
  }, 1);
}

/** Elements that appear twice in a `set` list, or twice with the same keys in a `map` list. */
function listErrors(node: SchemaNode, value: unknown, path: string): FieldError[] {
  if (isFields(value)) {
    return Object.entries(value).flatMap(([name, field]) => {
      const child = fieldNode(node, name);
      return child === undefined ? [] : listErrors(child, field, join(path, name));
    });
  }
  const { items } = node;
  if (!Array.isArray(value) || items === undefined) return [];
  const nested = value.flatMap((item, index) => listErrors(items, item, `${path}[${index}]`));
  return [...duplicates(node, value, path), ...nested];
}

function duplicates(node: SchemaNode, value: readonly unknown[], path: string): FieldError[] {
  const { list } = node;
  if (list === undefined || list.type === "atomic") return [];
  const seen = new Set<string>();
  return value.flatMap((item, index) => {
    const identity = list.type === "map" && isFields(item) ? keysOf(item, list.keys) : item;
    const id = JSON.stringify(identity);
    if (seen.has(id)) return [duplicate(`${path}[${index}]`, identity)];
    seen.add(id);
    return [];
  });
}

function keysOf(item: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(keys.filter((key) => item[key] !== undefined).map((key) => [key, item[key]]));
}

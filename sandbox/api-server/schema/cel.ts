/**
 * CEL rules (`x-kubernetes-validations`): which apply, what `self` and `oldSelf` are, and how a failure is worded.
 * The language itself is @marcbachmann/cel-js; the Kubernetes functions it lacks are in cel-library.ts.
 */
import { equal } from "../../../src/json/merge-patch.ts";
import { celEnvironment } from "./cel-library.ts";
import type { FieldError, FieldErrorReason } from "./errors.ts";
import { type CelRule, type Fields, fieldNode, isFields, type SchemaNode } from "./node.ts";

const withCel = new WeakMap<SchemaNode, boolean>();

/** True when the schema has any CEL rule, at any depth. */
export function hasCel(node: SchemaNode): boolean {
  const known = withCel.get(node);
  if (known !== undefined) return known;
  withCel.set(node, false);
  const children = [...(node.properties?.values() ?? []), node.additional, node.items];
  const found = node.cel !== undefined || children.some((child) => typeof child === "object" && hasCel(child));
  withCel.set(node, found);
  return found;
}

/** What the CEL rules below `node` have against `value`. */
export function celErrors(node: SchemaNode, value: unknown, old: unknown, path = ""): FieldError[] {
  if (value === null || value === undefined || !hasCel(node)) return [];
  const own = (node.cel ?? []).flatMap((rule) => ruleErrors(rule, node, value, old, path));
  if (Array.isArray(value)) return [...own, ...itemErrors(node, value, old, path)];
  if (!isFields(value)) return own;
  const before = isFields(old) ? old : {};
  const nested = Object.entries(value).flatMap(([name, field]) => {
    const child = fieldNode(node, name);
    return child === undefined ? [] : celErrors(child, field, before[name], path === "" ? name : `${path}.${name}`);
  });
  return [...own, ...nested];
}

function itemErrors(node: SchemaNode, value: readonly unknown[], old: unknown, path: string): FieldError[] {
  const { items, list } = node;
  if (items === undefined) return [];
  const before = Array.isArray(old) && list?.type === "map" ? old.filter(isFields) : [];
  return value.flatMap((item, index) => {
    const same = isFields(item)
      ? before.find((other) => list?.keys.every((key) => equal(other[key], item[key])))
      : undefined;
    return celErrors(items, item, same, `${path}[${index}]`);
  });
}

function ruleErrors(rule: CelRule, node: SchemaNode, value: unknown, old: unknown, path: string): FieldError[] {
  const transition = /\boldSelf\b/.test(rule.rule);
  if (transition && old === undefined && rule.optionalOldSelf !== true) return [];
  // A rule about the present only cannot newly fail when the value did not change.
  if (!transition && old !== undefined && equal(value, old)) return [];
  const variables: Fields = { self: celValue(node, value) };
  if (transition) {
    const before = old === undefined ? undefined : celValue(node, old);
    variables.oldSelf = rule.optionalOldSelf === true ? celEnvironment.optional(before) : before;
  }
  const at = `${path}${rule.fieldPath ?? ""}`.replace(/^\./, "");
  const say = (detail: string): FieldError => failure(rule.reason, at === "" ? "<nil>" : at, node, detail);
  try {
    if (celEnvironment.evaluate(rule.rule, variables) === true) return [];
  } catch (error) {
    const detail = error instanceof Error ? error.message.split("\n")[0] : String(error);
    return [say(`${detail} evaluating rule: ${rule.message ?? rule.rule}`)];
  }
  return [say(messageOf(rule, variables))];
}

function messageOf(rule: CelRule, variables: Fields): string {
  if (rule.messageExpression !== undefined) {
    try {
      const message = celEnvironment.evaluate(rule.messageExpression, variables);
      if (typeof message === "string" && message.trim() !== "") return message;
    } catch {
      // As the API server does: a message that cannot be computed falls back to the fixed one.
    }
  }
  return rule.message ?? `failed rule: ${rule.rule}`;
}

function failure(reason: string | undefined, path: string, node: SchemaNode, detail: string): FieldError {
  const type = node.type ?? "object";
  const worded: Readonly<Record<string, string>> = {
    FieldValueRequired: `Required value: ${detail}`,
    FieldValueForbidden: `Forbidden: ${detail}`,
    FieldValueDuplicate: `Duplicate value: "${type}"`,
  };
  const message = worded[reason ?? ""];
  if (message === undefined) {
    return { path, message: `Invalid value: "${type}": ${detail}`, reason: "FieldValueInvalid" };
  }
  return { path, message, reason: reason as FieldErrorReason };
}

/** JSON as CEL sees it: integers are int (not double), and property names are escaped to CEL identifiers. */
function celValue(node: SchemaNode | undefined, value: unknown): unknown {
  if (typeof value === "number") {
    const integer = Number.isInteger(value) && node?.type !== "number";
    return integer ? BigInt(value) : value;
  }
  if (Array.isArray(value)) return value.map((item) => celValue(node?.items, item));
  if (!isFields(value)) return value;
  const entries = Object.entries(value).map(([name, field]) => {
    const property = node?.properties?.get(name);
    return [property === undefined ? name : escapeName(name), celValue(property ?? fieldNode(node, name), field)];
  });
  return Object.fromEntries(entries);
}

const RESERVED: ReadonlySet<string> = new Set(
  `true false null in as break const continue else for function if import let loop package namespace return var void
  while`.split(/\s+/),
);

function escapeName(name: string): string {
  if (RESERVED.has(name)) return `__${name}__`;
  return name
    .replaceAll("__", "__underscores__")
    .replaceAll(".", "__dot__")
    .replaceAll("-", "__dash__")
    .replaceAll("/", "__slash__");
}

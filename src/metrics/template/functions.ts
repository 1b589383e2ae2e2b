/** The functions every Go template has. Failures are thrown as plain Errors; the evaluator adds the place. */
import { queryEscape } from "../escape.ts";
import { printed, sprint, sprintf, sprintln, typeName } from "./printf.ts";
import type { Value } from "./tree.ts";

export interface TemplateFunction {
  /** Number of arguments; `most` is absent when there is no upper limit. */
  readonly least: number;
  readonly most?: number;
  readonly call: (args: readonly Value[]) => Value;
}

export function isTrue(value: Value): boolean {
  if (value === null) return false;
  if (typeof value === "object") return value.size > 0;
  return Boolean(value) || Number.isNaN(value);
}

function equal(first: Value, others: readonly Value[]): boolean {
  if (others.length === 0) throw new Error("missing argument for comparison");
  return others.some((other) => {
    if (first === null || other === null) return first === other;
    if (typeof first !== typeof other) {
      throw new Error(`incompatible types for comparison: ${typeName(first)} and ${typeName(other)}`);
    }
    if (typeof first === "object") throw new Error(`non-comparable type ${printed(first)}: ${typeName(first)}`);
    return first === other;
  });
}

function less(first: Value, second: Value): boolean {
  for (const value of [first, second]) {
    if (value === null || typeof value === "object") throw new Error("invalid type for comparison");
  }
  if (typeof first !== typeof second) {
    throw new Error(`incompatible types for comparison: ${typeName(first)} and ${typeName(second)}`);
  }
  if (typeof first === "boolean") throw new Error("invalid type for comparison");
  if (typeof first === "string") return Buffer.compare(Buffer.from(first), Buffer.from(String(second))) < 0;
  return (first as bigint) < (second as bigint);
}

function position(index: Value, limit: number): number {
  if (index === null) throw new Error("cannot index slice/array with nil");
  if (typeof index !== "bigint") throw new Error(`cannot index slice/array with type ${typeName(index)}`);
  if (index < 0n || index > BigInt(limit)) throw new Error(`index out of range: ${index}`);
  return Number(index);
}

function indexOf(item: Value, indexes: readonly Value[]): Value {
  if (item === null) throw new Error("index of untyped nil");
  return indexes.reduce<Value>((of, index) => {
    if (typeof of === "string") {
      const bytes = Buffer.from(of);
      const at = position(index, bytes.length);
      const byte = bytes[at];
      if (byte === undefined) throw new Error("reflect: string index out of range");
      return BigInt(byte);
    }
    if (of === null || typeof of !== "object") throw new Error(`can't index item of type ${typeName(of)}`);
    if (typeof index !== "string") {
      throw new Error(
        index === null
          ? "value is nil; should be of type string"
          : `value has type ${typeName(index)}; should be string`,
      );
    }
    return of.get(index) ?? "";
  }, item);
}

function sliceOf(item: Value, indexes: readonly Value[]): Value {
  if (item === null) throw new Error("slice of untyped nil");
  if (typeof item !== "string") throw new Error(`can't slice item of type ${typeName(item)}`);
  if (indexes.length === 3) throw new Error("cannot 3-index slice a string");
  if (indexes.length > 3) throw new Error(`too many slice indexes: ${indexes.length}`);
  const bytes = Buffer.from(item);
  const [from = 0, to = bytes.length] = indexes.map((index) => position(index, bytes.length));
  if (from > to) throw new Error(`invalid slice index: ${from} > ${to}`);
  return bytes.subarray(from, to).toString();
}

function lengthOf(item: Value): Value {
  if (typeof item === "string") return BigInt(Buffer.byteLength(item));
  if (item === null) throw new Error("len of nil pointer");
  if (typeof item === "object") return BigInt(item.size);
  throw new Error(`len of type ${typeName(item)}`);
}

function formatOf(format: Value): string {
  if (typeof format !== "string") throw new Error(`wrong type for value; expected string; got ${typeName(format)}`);
  return format;
}

const HTML: Readonly<Record<string, string>> = {
  '"': "&#34;",
  "'": "&#39;",
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "\0": "\uFFFD",
};

function javaScript(text: string): string {
  const unit = (char: string) => `\\u${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
  return text
    .replace(/[\\'"]/g, "\\$&")
    .replace(/[<>&=]/g, unit)
    .replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (char) => char.split("").map(unit).join(""));
}

const NOTHING: Value = null;

/** The evaluator implements `and` and `or`, because they stop early. */
export const BUILT_IN: Readonly<Record<string, TemplateFunction>> = {
  printf: { least: 1, call: ([format = NOTHING, ...args]) => sprintf(formatOf(format), args) },
  print: { least: 0, call: sprint },
  println: { least: 0, call: sprintln },
  len: { least: 1, most: 1, call: ([item = NOTHING]) => lengthOf(item) },
  index: { least: 1, call: ([item = NOTHING, ...indexes]) => indexOf(item, indexes) },
  slice: { least: 1, call: ([item = NOTHING, ...indexes]) => sliceOf(item, indexes) },
  not: { least: 1, most: 1, call: ([value = NOTHING]) => !isTrue(value) },
  eq: { least: 1, call: ([first = NOTHING, ...others]) => equal(first, others) },
  ne: { least: 2, most: 2, call: ([a = NOTHING, b = NOTHING]) => !equal(a, [b]) },
  lt: { least: 2, most: 2, call: ([a = NOTHING, b = NOTHING]) => less(a, b) },
  le: { least: 2, most: 2, call: ([a = NOTHING, b = NOTHING]) => less(a, b) || equal(a, [b]) },
  gt: { least: 2, most: 2, call: ([a = NOTHING, b = NOTHING]) => !(less(a, b) || equal(a, [b])) },
  ge: { least: 2, most: 2, call: ([a = NOTHING, b = NOTHING]) => !less(a, b) },
  html: { least: 0, call: (args) => sprint(args).replace(/["'&<>\0]/g, (char) => HTML[char] ?? char) },
  js: { least: 0, call: (args) => javaScript(sprint(args)) },
  urlquery: { least: 0, call: (args) => queryEscape(sprint(args)) },
  call: {
    least: 1,
    call: ([callee = NOTHING]) => {
      throw new Error(callee === null ? "call of nil" : `non-function of type ${typeName(callee)}`);
    },
  },
};

/** The keywords that judge one value: its type, format, enum, pattern and limits. */
import { type FieldError, invalid, notSupported, tooLong, tooMany, typeInvalid } from "./errors.ts";
import { hasFormat } from "./formats.ts";
import { isFields, type NodeType, type SchemaNode, type ValueRules } from "./node.ts";

const QUANTITY = /^[+-]?(\d+(\.\d*)?|\.\d+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?$/;

/** The JSON type of a value as the API server names it: "integer" for whole numbers. */
function typeName(value: unknown): NodeType | "null" {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  if (typeof value === "string" || typeof value === "boolean") return typeof value as NodeType;
  return "object";
}

/** The error of a value whose JSON type does not fit; undefined when it does. */
export function typeError(node: SchemaNode, value: unknown, path: string): FieldError | undefined {
  const actual = typeName(value);
  if (actual === "null" && node.nullable === true) return undefined;
  const wanted = wantedType(node);
  if (wanted === undefined) return undefined;
  const fits = wanted.types.includes(actual) || (actual === "integer" && wanted.types.includes("number"));
  if (fits) return undefined;
  return typeInvalid(path, actual, `${path} in body must be of type ${wanted.name}: "${actual}"`);
}

function wantedType(node: SchemaNode): { name: string; types: readonly string[] } | undefined {
  if (node.intOrString === true) return { name: "integer,string", types: ["integer", "string"] };
  if (node.quantity === true) return { name: "string", types: ["string", "integer", "number"] };
  return node.type === undefined ? undefined : { name: node.type, types: [node.type] };
}

/** Everything the value rules have against `value`, which has the right type. */
export function valueErrors(node: SchemaNode, value: unknown, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const say = (words: string) => errors.push(invalid(path, value, `${path} in body ${words}`));
  const rules = node.rules ?? {};
  if (typeof value === "string") stringErrors(node, rules, value, path, errors, say);
  else if (typeof value === "number") numberErrors(node, rules, value, say);
  else if (Array.isArray(value)) listErrors(rules, value, path, errors, say);
  else if (isFields(value)) mapErrors(rules, value, path, errors, say);
  if (rules.enum !== undefined && !rules.enum.some((allowed) => JSON.stringify(allowed) === JSON.stringify(value))) {
    errors.push(notSupported(path, value, rules.enum));
  }
  return errors;
}

type Say = (words: string) => void;

function stringErrors(
  node: SchemaNode,
  rules: ValueRules,
  value: string,
  path: string,
  errors: FieldError[],
  say: Say,
): void {
  const length = [...value].length;
  if (rules.maxLength !== undefined && length > rules.maxLength) errors.push(tooLong(path, rules.maxLength));
  if (rules.minLength !== undefined && length < rules.minLength) {
    say(`should be at least ${rules.minLength} chars long`);
  }
  if (rules.pattern !== undefined && !patternOf(rules.pattern).test(value)) say(`should match '${rules.pattern}'`);
  if (node.format !== undefined && !hasFormat(node.format, value)) {
    errors.push(typeInvalid(path, value, `${path} in body must be of type ${node.format}: ${JSON.stringify(value)}`));
  }
  if (node.quantity === true && !QUANTITY.test(value)) {
    errors.push(
      invalid(
        path,
        value,
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
      ),
    );
  }
}

const patterns = new Map<string, RegExp>();

/** Go and JavaScript regular expressions agree on what CRDs use; inline flags at the start are translated. */
function patternOf(source: string): RegExp {
  const known = patterns.get(source);
  if (known !== undefined) return known;
  const flags = /^\(\?([ims]+)\)/.exec(source);
  const made = new RegExp(flags === null ? source : source.slice(flags[0].length), `u${flags?.[1] ?? ""}`);
  patterns.set(source, made);
  return made;
}

const INT32 = 2 ** 31;

function numberErrors(node: SchemaNode, rules: ValueRules, value: number, say: Say): void {
  const { minimum, maximum, multipleOf } = rules;
  if (minimum !== undefined && (rules.exclusiveMinimum === true ? value <= minimum : value < minimum)) {
    say(`should be greater than ${rules.exclusiveMinimum === true ? "" : "or equal to "}${minimum}`);
  }
  if (maximum !== undefined && (rules.exclusiveMaximum === true ? value >= maximum : value > maximum)) {
    say(`should be less than ${rules.exclusiveMaximum === true ? "" : "or equal to "}${maximum}`);
  }
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf)) say(`should be a multiple of ${multipleOf}`);
  if (node.format === "int32" && (value >= INT32 || value < -INT32)) say(`must be of type int32: "${value}"`);
}

function listErrors(rules: ValueRules, value: readonly unknown[], path: string, errors: FieldError[], say: Say): void {
  const { minItems, maxItems } = rules;
  if (maxItems !== undefined && value.length > maxItems) errors.push(tooMany(path, value.length, maxItems));
  if (minItems !== undefined && value.length < minItems) say(`should have at least ${minItems} items`);
  if (rules.uniqueItems === true && new Set(value.map((item) => JSON.stringify(item))).size < value.length) {
    say("shouldn't contain duplicates");
  }
}

function mapErrors(rules: ValueRules, value: object, path: string, errors: FieldError[], say: Say): void {
  const { minProperties, maxProperties } = rules;
  const count = Object.keys(value).length;
  if (maxProperties !== undefined && count > maxProperties) errors.push(tooMany(path, count, maxProperties));
  if (minProperties !== undefined && count < minProperties) say(`should have at least ${minProperties} properties`);
}

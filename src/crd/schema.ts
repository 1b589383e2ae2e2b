/**
 * Functions to write an OpenAPI schema with, so that a CRD reads like the object that it describes:
 *
 *   object({ name: string(), retries: number({ about: "tries after the first" }) }, { required: ["name"] })
 */
import { BOUNDS } from "../core/spec/bounds.ts";

/** An OpenAPI v3 schema as a CRD carries it. */
export interface Schema {
  readonly [keyword: string]: unknown;
}

interface About {
  /** The text that `kubectl explain` prints. */
  readonly about?: string;
}

interface StringRules extends About {
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly default?: string;
}

interface NumberRules extends About {
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: number;
}

interface ObjectRules extends About {
  readonly required?: readonly string[];
  /** Alternatives of which exactly one must hold. */
  readonly oneOf?: readonly Schema[];
  /** Rules in CEL, each with the message for an object that breaks it. */
  readonly rules?: readonly { readonly rule: string; readonly message: string }[];
}

/** An address for HTTP, or an empty text where one may be missing. */
export function url(rules: About & { readonly format?: string; readonly mayBeEmpty?: true }): Schema {
  const { mayBeEmpty, ...rest } = rules;
  return string({ ...rest, maxLength: BOUNDS.url, pattern: mayBeEmpty === true ? "^$|^https?://" : "^https?://" });
}

interface ListRules extends About {
  readonly maxItems?: number;
}

export function string(rules: StringRules = {}): Schema {
  return typed("string", rules);
}

export function number(rules: NumberRules = {}): Schema {
  return typed("number", rules);
}

export function integer(rules: NumberRules = {}): Schema {
  return typed("integer", rules);
}

export function boolean(rules: About = {}): Schema {
  return typed("boolean", rules);
}

/** 8080 or "http". */
export function intOrString({ about }: About = {}): Schema {
  return { ...(about !== undefined && { description: about }), "x-kubernetes-int-or-string": true };
}

/** An object with these fields; the API server drops all others. */
export function object(properties: Readonly<Record<string, Schema>>, rules: ObjectRules = {}): Schema {
  const { rules: validations, ...rest } = rules;
  return {
    ...typed("object", rest),
    ...(validations && { "x-kubernetes-validations": validations }),
    properties,
  };
}

/** An object with arbitrary fields. */
export function anything(rules: About = {}): Schema {
  return { ...typed("object", rules), "x-kubernetes-preserve-unknown-fields": true };
}

export function list(items: Schema, rules: ListRules = {}): Schema {
  return { ...typed("array", rules), items };
}

/** An object with arbitrary keys, whose values all have one type. */
export function map(values: Schema, rules: About = {}): Schema {
  return { ...typed("object", rules), additionalProperties: values };
}

/** For `oneOf`: the fields of one of the groups are present. */
export function oneOfRequired(...groups: readonly (readonly string[])[]): readonly Schema[] {
  return groups.map((required) => ({ required }));
}

function typed(type: string, { about, ...rules }: About): Schema {
  return { ...(about !== undefined && { description: about }), type, ...rules };
}

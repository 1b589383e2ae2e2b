/**
 * One shape for every schema of the sandbox: built-in kinds and custom resources are both read into `SchemaNode`s,
 * and pruning, validation, patches and server-side apply walk nothing else.
 *
 *   client-node's model files --models.ts--+
 *                                          +--> SchemaNode tree (may be cyclic) --> prune, validate, merge, apply
 *   CRD openAPIV3Schema ----------crd.ts---+
 */

export type NodeType = "object" | "array" | "string" | "integer" | "number" | "boolean";

/** How server-side apply treats a list. */
export interface ListSemantics {
  readonly type: "atomic" | "set" | "map";
  /** The fields that identify an element of a `map` list. */
  readonly keys: readonly string[];
}

/** A CEL rule of `x-kubernetes-validations`. */
export interface CelRule {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: string;
  readonly fieldPath?: string;
  readonly optionalOldSelf?: boolean;
}

/** The keywords that judge a value without looking at its place. */
export interface ValueRules {
  enum?: readonly unknown[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: boolean;
  exclusiveMaximum?: boolean;
  multipleOf?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  minProperties?: number;
  maxProperties?: number;
}

export interface SchemaNode {
  /** Absent: any value. */
  type?: NodeType;
  format?: string;
  description?: string;
  /** A Map, not an object: property names such as "constructor" are ordinary names here. */
  properties?: Map<string, SchemaNode>;
  /** The value type of a map; `true` allows anything. */
  additional?: SchemaNode | true;
  items?: SchemaNode;
  required?: readonly string[];
  nullable?: boolean;
  intOrString?: boolean;
  /** A resource quantity: "100m", but JSON numbers are taken too. */
  quantity?: boolean;
  preserveUnknown?: boolean;
  /** A whole object inside an object: its apiVersion, kind and metadata are implied. */
  embedded?: boolean;
  default?: unknown;
  rules?: ValueRules;
  allOf?: SchemaNode[];
  anyOf?: SchemaNode[];
  oneOf?: SchemaNode[];
  not?: SchemaNode;
  cel?: readonly CelRule[];
  list?: ListSemantics;
  /** An object that server-side apply replaces as a whole. */
  atomic?: boolean;
  /** Strategic merge: how this field is patched, and the key of its elements when they are merged. */
  patch?: { readonly strategies: readonly string[]; readonly key?: string };
  /** The client-node model the node was read from, e.g. "V1PodSpec". */
  model?: string;
}

/** What the rest of the API server holds; only the functions of this room look inside. */
export interface ObjectSchema {
  readonly root: SchemaNode;
  readonly custom: boolean;
}

/** A plain JSON object. */
export type Fields = { [key: string]: unknown };

/** True for JSON objects, false for lists, null and scalars. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The schema of one field of an object; undefined when the schema does not know the field. */
export function fieldNode(node: SchemaNode | undefined, name: string): SchemaNode | undefined {
  const own = node?.properties?.get(name);
  if (own !== undefined) return own;
  return node?.additional === true || node?.additional === undefined ? undefined : node.additional;
}

/** A deep copy of a JSON value. */
export function copyJson<T>(value: T): T {
  return structuredClone(value);
}

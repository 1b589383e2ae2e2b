/** ConfigMaps and Secrets. */
import { equal } from "../../../../src/json/merge-patch.ts";
import type { KubeObject } from "../../../../src/ports/kubernetes.ts";
import { type FieldError, forbidden, invalid, required, tooLong } from "../errors.ts";
import { fieldsOf, immutable } from "./metadata.ts";
import { configKey, named } from "./names.ts";

const MAX_BYTES = 1024 * 1024;

function keyErrors(field: string, value: unknown): FieldError[] {
  return Object.keys(fieldsOf(value)).flatMap((key) => named(configKey, `${field}[${key}]`, key));
}

/** An object marked `immutable: true` keeps its data, and the mark. */
function frozenErrors(object: KubeObject, old: KubeObject | undefined, fields: readonly string[]): FieldError[] {
  if (old?.immutable !== true) return [];
  const words = "field is immutable when `immutable` is set";
  const mark = object.immutable === true ? [] : [forbidden("immutable", words)];
  const changed = fields.filter((field) => !equal(fieldsOf(object[field]), fieldsOf(old[field])));
  return [...mark, ...changed.map((field) => forbidden(field, words))];
}

function sizeOf(value: unknown): number {
  return Object.values(fieldsOf(value)).reduce<number>((sum, item) => sum + Buffer.byteLength(String(item)), 0);
}

export function configMapErrors(object: KubeObject, old: KubeObject | undefined): FieldError[] {
  const { data, binaryData } = object;
  const both = Object.keys(fieldsOf(data)).filter((key) => Object.hasOwn(fieldsOf(binaryData), key));
  return [
    ...keyErrors("data", data),
    ...both.map((key) => invalid(`data[${key}]`, key, "duplicate of key present in binaryData")),
    ...keyErrors("binaryData", binaryData),
    ...(sizeOf(data) + (sizeOf(binaryData) * 3) / 4 > MAX_BYTES ? [tooLong("", MAX_BYTES)] : []),
    ...frozenErrors(object, old, ["data", "binaryData"]),
  ];
}

/** The keys that secrets of well-known types must have. */
const REQUIRED_KEYS: Readonly<Record<string, readonly string[]>> = {
  "kubernetes.io/tls": ["tls.crt", "tls.key"],
  "kubernetes.io/dockerconfigjson": [".dockerconfigjson"],
  "kubernetes.io/dockercfg": [".dockercfg"],
  "kubernetes.io/ssh-auth": ["ssh-privatekey"],
};

export function secretErrors(object: KubeObject, old: KubeObject | undefined): FieldError[] {
  const data = fieldsOf(object.data);
  const given = { ...data, ...fieldsOf(object.stringData) };
  const missing = (REQUIRED_KEYS[String(object.type)] ?? []).filter((key) => !Object.hasOwn(given, key));
  return [
    ...keyErrors("data", data),
    ...(sizeOf(data) * 0.75 > MAX_BYTES ? [tooLong("data", MAX_BYTES)] : []),
    ...missing.map((key) => required(`data[${key}]`)),
    ...(old === undefined ? [] : immutable("type", object.type, old.type)),
    ...frozenErrors(object, old, ["data"]),
  ];
}

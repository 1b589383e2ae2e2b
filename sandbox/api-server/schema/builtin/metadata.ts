/** Metadata and label selectors. */
import { equal } from "../../../../src/json/merge-patch.ts";
import type { KubeObject } from "../../../../src/ports/kubernetes.ts";
import { type FieldError, forbidden, invalid, required } from "../errors.ts";
import { type Fields, isFields } from "../node.ts";
import { dnsLabel, labelValue, type NameRule, named, qualifiedName } from "./names.ts";

export const IMMUTABLE = "field is immutable";

/** The elements of a list with their index; nothing for values that are not lists. */
export function listOf(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map((item) => (isFields(item) ? item : {})) : [];
}

/** A field as an object; empty for values that are not objects. */
export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

/** A change of a field that must not change. */
export function immutable(path: string, value: unknown, old: unknown): FieldError[] {
  return equal(value, old) ? [] : [invalid(path, value ?? null, IMMUTABLE)];
}

/** Label maps: both keys and values have a syntax. */
export function labelErrors(path: string, labels: unknown): FieldError[] {
  return Object.entries(fieldsOf(labels)).flatMap(([key, value]) => [
    ...named(qualifiedName, path, key),
    ...named(labelValue, path, value),
  ]);
}

/** A label selector as the API server judges it; an absent one is fine here. */
export function selectorErrors(path: string, selector: unknown): FieldError[] {
  const { matchLabels, matchExpressions } = fieldsOf(selector);
  const expressions = listOf(matchExpressions).flatMap((expression, index) => {
    const at = `${path}.matchExpressions[${index}]`;
    return [...operatorErrors(at, expression), ...named(qualifiedName, `${at}.key`, expression.key)];
  });
  return [...labelErrors(`${path}.matchLabels`, matchLabels), ...expressions];
}

function operatorErrors(at: string, { operator, values }: Fields): FieldError[] {
  const count = Array.isArray(values) ? values.length : 0;
  if (operator === "In" || operator === "NotIn") {
    return count > 0 ? [] : [required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'")];
  }
  if (operator === "Exists" || operator === "DoesNotExist") {
    const words = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
    return count === 0 ? [] : [forbidden(`${at}.values`, words)];
  }
  return [invalid(`${at}.operator`, operator ?? "", "not a valid selector operator")];
}

/** True when labels satisfy a selector (matchLabels and matchExpressions). */
export function selects(selector: unknown, labels: unknown): boolean {
  const { matchLabels, matchExpressions } = fieldsOf(selector);
  const has = fieldsOf(labels);
  const all = Object.entries(fieldsOf(matchLabels)).every(([key, value]) => has[key] === value);
  return all && listOf(matchExpressions).every((expression) => matchesExpression(expression, has));
}

function matchesExpression({ key, operator, values }: Fields, labels: Fields): boolean {
  const value = labels[String(key)];
  const among = Array.isArray(values) && values.includes(value);
  if (operator === "In") return among;
  if (operator === "NotIn") return !among;
  return operator === "Exists" ? value !== undefined : value === undefined;
}

/** Name, namespace, labels, annotations and owners of any object. */
export function metadataErrors(object: KubeObject, rule: NameRule): FieldError[] {
  const { name, generateName, namespace, labels, annotations, ownerReferences, finalizers } = object.metadata;
  const noName = (name ?? "") === "" && (generateName ?? "") === "";
  return [
    ...(noName ? [required("metadata.name", "name or generateName is required")] : []),
    ...((generateName ?? "") === "" ? [] : prefixErrors(rule, String(generateName))),
    ...((name ?? "") === "" ? [] : named(rule, "metadata.name", name)),
    ...((namespace ?? "") === "" ? [] : named(dnsLabel, "metadata.namespace", namespace)),
    ...labelErrors("metadata.labels", labels),
    ...Object.keys(annotations ?? {}).flatMap((key) => named(qualifiedName, "metadata.annotations", key.toLowerCase())),
    ...(finalizers ?? []).flatMap((finalizer) => named(qualifiedName, "metadata.finalizers", finalizer)),
    ...listOf(ownerReferences).flatMap((owner, index) => ownerErrors(`metadata.ownerReferences[${index}]`, owner)),
    ...controllerErrors(ownerReferences),
  ];
}

/** A prefix may end in a dash: a name does not end there. */
function prefixErrors(rule: NameRule, prefix: string): FieldError[] {
  const masked = prefix.replace(/-$/, "a");
  const errors = named(rule, "metadata.generateName", masked);
  return errors.map((error) => ({
    ...error,
    message: error.message.replace(JSON.stringify(masked), JSON.stringify(prefix)),
  }));
}

function ownerErrors(at: string, owner: Fields): FieldError[] {
  return ["apiVersion", "kind", "name", "uid"]
    .filter((name) => owner[name] === "")
    .map((name) => required(`${at}.${name}`, "must not be empty"));
}

function controllerErrors(owners: unknown): FieldError[] {
  const controllers = listOf(owners).filter((owner) => owner.controller === true);
  if (controllers.length < 2) return [];
  const [first, second] = controllers.map(({ kind, name }) => `${kind}/${name}`);
  const words = `Only one reference can have Controller set to true. Found "true" in references for ${first} and ${second}`;
  return [invalid("metadata.ownerReferences", owners, words)];
}

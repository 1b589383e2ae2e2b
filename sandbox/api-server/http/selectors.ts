/** Label and field selectors: which objects a list, a watch or a deletecollection is about. */
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import type { ApiError } from "../../cluster.ts";
import { badRequest } from "../errors.ts";
import type { Target } from "../resource.ts";

export type Selector = (object: KubeObject) => boolean;

type Labels = Readonly<Record<string, string>>;
type Requirement = (labels: Labels) => boolean;

const KEY = /^[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?$/;

/** Combines `labelSelector` and `fieldSelector` of a request. @throws ApiError 400 */
export function selectorOf(target: Target, query: URLSearchParams): Selector {
  const labels = labelRequirements(query.get("labelSelector") ?? "");
  const fields = fieldRequirements(target, query.get("fieldSelector") ?? "");
  if (labels.length === 0 && fields.length === 0) return () => true;
  return (object) =>
    labels.every((requirement) => requirement(object.metadata.labels ?? {})) &&
    fields.every((requirement) => requirement(object));
}

/** `a=b,c!=d,e in (x,y),f notin (z),g,!h`. @throws ApiError 400 */
export function labelRequirements(text: string): readonly Requirement[] {
  return splitOutsideParentheses(text).map((part) => labelRequirement(part, text));
}

function splitOutsideParentheses(text: string): string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function labelRequirement(part: string, whole: string): Requirement {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(part);
  if (set !== null) {
    const [, key = "", operator, list = ""] = set;
    const values = new Set(list.split(",").map((value) => value.trim()));
    checkKey(key, whole);
    if (operator === "in") return (labels) => values.has(labels[key] ?? "\0");
    return (labels) => !values.has(labels[key] ?? "\0");
  }
  const equality = /^([^=!]+?)\s*(==|=|!=)\s*(\S*)$/.exec(part);
  if (equality !== null) {
    const [, key = "", operator, value] = equality;
    checkKey(key, whole);
    return operator === "!=" ? (labels) => labels[key] !== value : (labels) => labels[key] === value;
  }
  const bound = /^(\S+)\s*([<>])\s*(-?\d+)$/.exec(part);
  if (bound !== null) {
    const [, key = "", operator, limit] = bound;
    const within = (value: number) => (operator === "<" ? value < Number(limit) : value > Number(limit));
    return (labels) => labels[key] !== undefined && within(Number(labels[key]));
  }
  const absent = part.startsWith("!");
  const key = absent ? part.slice(1).trim() : part;
  checkKey(key, whole);
  return (labels) => Object.hasOwn(labels, key) !== absent;
}

function checkKey(key: string, whole: string): void {
  if (!KEY.test(key)) throw badRequest(`unable to parse requirement: "${key}" in "${whole}" is not a label key`);
}

/** Fields that lists of a kind can be narrowed by, besides name and namespace, as on a real API server. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  "/pods": [
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
  ],
  "/events": [
    ...["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"].map(
      (field) => `involvedObject.${field}`,
    ),
    "reason",
    "reportingComponent",
    "source",
    "type",
  ],
  "/secrets": ["type"],
  "/services": ["spec.clusterIP", "spec.type"],
  "/namespaces": ["status.phase"],
  "/nodes": ["spec.unschedulable"],
  "/replicationcontrollers": ["status.replicas"],
  "apps/replicasets": ["status.replicas"],
  "batch/jobs": ["status.successful"],
  "events.k8s.io/events": [
    ...["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"].map(
      (field) => `regarding.${field}`,
    ),
    "reason",
    "reportingController",
    "type",
  ],
};

/** Under these names the value lies elsewhere. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  source: "source.component",
  "status.successful": "status.succeeded",
};

/** Kinds without fields of their own, and custom resources, are refused in other words than the rest. */
function unknownField({ resource }: Target, field: string, known: readonly string[]): ApiError {
  if (resource.custom) return badRequest(`field label not supported: ${field}`);
  if (known.length > 0) return badRequest(`field label not supported: ${field}`);
  return badRequest(`"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`);
}

function fieldRequirements(target: Target, text: string): readonly Selector[] {
  const { resource, version } = target;
  const parts = text.split(",").filter((part) => part.trim() !== "");
  return parts.map((part): Selector => {
    const match = /^\s*([^=!\s]+)\s*(==|=|!=)\s*(.*?)\s*$/.exec(part);
    if (match === null) throw badRequest(`invalid selector: '${part}'; can't understand '${part}'`);
    const [, field = "", operator, wanted = ""] = match;
    const known = FIELDS[`${resource.group}/${resource.plural}`] ?? version.selectableFields ?? [];
    if (field !== "metadata.name" && field !== "metadata.namespace" && !known.includes(field)) {
      throw unknownField(target, field, known);
    }
    const path = (ELSEWHERE[field] ?? field).split(".");
    const found = (object: KubeObject) => String(path.reduce((at: KubeFields, key) => at?.[key], object) ?? "");
    return operator === "!=" ? (object) => found(object) !== wanted : (object) => found(object) === wanted;
  });
}

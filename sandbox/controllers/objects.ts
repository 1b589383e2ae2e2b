/** Small questions about Kubernetes objects that every controller asks. */
import { equal } from "../../src/json/merge-patch.ts";
import {
  type KubeFields,
  type KubeObject,
  type OwnerReference,
  RESOURCES,
  type ResourceType,
} from "../../src/ports/kubernetes.ts";
import type { Cluster } from "../cluster.ts";

/** "namespace/name", or "name" for cluster-scoped objects. */
export function keyOf(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined || namespace === "" ? name : `${namespace}/${name}`;
}

/** The parts of a key made by `keyOf`. */
export function splitKey(key: string): { readonly namespace: string; readonly name: string } {
  const slash = key.indexOf("/");
  return slash < 0 ? { namespace: "", name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** The object named by a key. */
export function getByKey(cluster: Cluster, type: ResourceType, key: string): KubeObject | undefined {
  const { namespace, name } = splitKey(key);
  return cluster.get(type, namespace, name);
}

export function namespaceOf(object: KubeObject): string {
  return object.metadata.namespace ?? "";
}

export function isTerminating(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

/** The one owner that controls the object. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid;
}

/** A controlling, blocking owner reference to `owner`. */
export function controllerRef(owner: KubeObject): OwnerReference {
  const { name, uid = "" } = owner.metadata;
  const { apiVersion, kind } = owner;
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

/**
 * Whether labels match a LabelSelector (matchLabels and matchExpressions). An absent or empty selector matches nothing.
 */
export function matchesSelector(selector: KubeFields, labels: Readonly<Record<string, string>> | undefined): boolean {
  const wanted = Object.entries(selector?.matchLabels ?? {});
  const expressions: KubeFields[] = selector?.matchExpressions ?? [];
  if (wanted.length === 0 && expressions.length === 0) return false;
  return (
    wanted.every(([key, value]) => labels?.[key] === value) &&
    expressions.every((expression) => matchesExpression(expression, labels?.[expression.key]))
  );
}

function matchesExpression(expression: KubeFields, value: string | undefined): boolean {
  const values: string[] = expression.values ?? [];
  switch (expression.operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    default:
      return false;
  }
}

/** JSON with sorted keys: the same text for the same value, for hashes. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/**
 * A short name for a pod template: FNV-1a over its canonical JSON, written in letters that cannot spell words.
 * @param collisions how often this name turned out to be taken by another template
 */
export function templateHash(template: unknown, collisions = 0): string {
  let hash = 0x811c9dc5;
  const text = canonicalJson(template) + (collisions === 0 ? "" : String(collisions));
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return wordless(String(hash));
}

const WORDLESS = "bcdfghjklmnpqrstvwxz2456789";

function wordless(digits: string): string {
  return [...digits].map((digit) => WORDLESS[digit.charCodeAt(0) % WORDLESS.length]).join("");
}

/** Five random characters, as in the names of pods. @param random a number in [0, 1) */
export function nameSuffix(random: () => number): string {
  return Array.from({ length: 5 }, () => WORDLESS[Math.floor(random() * WORDLESS.length)]).join("");
}

/**
 * Changes a fresh copy of the object and writes it when it differs. The object may be gone by now: then nothing
 * happens.
 */
export function edit(
  cluster: Cluster,
  type: ResourceType,
  object: KubeObject,
  change: (copy: KubeObject) => void,
): KubeObject | undefined {
  return write(cluster, type, object, change, (copy) => cluster.update(type, copy));
}

/** Creates the object, or replaces the one of its name. */
export function put(cluster: Cluster, type: ResourceType, object: KubeObject): void {
  if (cluster.get(type, namespaceOf(object), object.metadata.name) === undefined) cluster.create(type, object);
  else cluster.update(type, object);
}

/** Does nothing when the namespace is there. */
export function ensureNamespace(cluster: Cluster, name: string): void {
  if (cluster.get(RESOURCES.namespace, "", name) !== undefined) return;
  cluster.create(RESOURCES.namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
}

/** As `edit`, for the status. */
export function editStatus(
  cluster: Cluster,
  type: ResourceType,
  object: KubeObject,
  change: (copy: KubeObject) => void,
): KubeObject | undefined {
  return write(cluster, type, object, change, (copy) => cluster.updateStatus(type, copy));
}

function write(
  cluster: Cluster,
  type: ResourceType,
  object: KubeObject,
  change: (copy: KubeObject) => void,
  save: (copy: KubeObject) => KubeObject,
): KubeObject | undefined {
  const fresh = cluster.get(type, namespaceOf(object), object.metadata.name);
  if (fresh === undefined || fresh.metadata.uid !== object.metadata.uid) return undefined;
  const copy = structuredClone(fresh);
  change(copy);
  return equal(copy, fresh) ? fresh : save(copy);
}

/** A number or a percentage of `total`, as in maxSurge ("25%"). */
export function resolveIntOrPercent(value: unknown, total: number, round: (n: number) => number): number {
  if (typeof value === "number") return value;
  const percent = /^(\d+)%$/.exec(String(value))?.[1];
  if (percent !== undefined) return round((Number(percent) * total) / 100);
  const plainNumber = Number(value);
  return Number.isFinite(plainNumber) ? plainNumber : 0;
}

/**
 * Kubernetes leaves counters out of a status while they are zero; readers that rely on them would break on a real one.
 */
export function withoutZeros(status: KubeFields, kept: readonly string[] = []): KubeFields {
  return Object.fromEntries(Object.entries(status).filter(([field, value]) => value !== 0 || kept.includes(field)));
}

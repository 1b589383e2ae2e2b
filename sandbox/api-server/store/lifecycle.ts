/** What a write does to metadata and status: the fields that belong to the API server, not to the caller. */
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import { badRequest, conflict, modified } from "../errors.ts";
import type { Resource, Target } from "../resource.ts";
import type { FieldError } from "../schema/index.ts";
import { copyOf, same } from "./json.ts";

/** Which part of an object a write may change. */
export type Part = "main" | "status" | "scale" | "finalize";

export interface Birth {
  readonly uid: string;
  /** RFC 3339 */
  readonly now: string;
  /** Appended to metadata.generateName. */
  readonly suffix: () => string;
}

const GENERATED_NAME_LIMIT = 58;

/** Nodes report themselves: their status is kept on creation. */
const bornWithStatus = (resource: Resource) => resource.group === "" && resource.plural === "nodes";

/** A new object's metadata; the caller's status is dropped where status is a subresource. */
export function born({ resource, version }: Target, given: KubeObject, birth: Birth): KubeObject {
  const draft = copyOf(given);
  const metadata = draft.metadata;
  if ((metadata.resourceVersion ?? "") !== "") {
    throw badRequest("resourceVersion should not be set on objects to be created");
  }
  if ((metadata.name ?? "") === "") {
    const prefix = metadata.generateName ?? "";
    metadata.name = prefix === "" ? "" : prefix.slice(0, GENERATED_NAME_LIMIT) + birth.suffix();
  }
  if (!resource.namespaced) delete metadata.namespace;
  delete metadata.resourceVersion;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.generation;
  delete metadata["selfLink"];
  metadata.uid = birth.uid;
  metadata.creationTimestamp = birth.now;
  if (resource.generation || resource.custom) metadata.generation = 1;
  if (version.status && !bornWithStatus(resource)) delete draft.status;
  return dropEmpty(draft);
}

/** The state after a write of `part`: the rest stays as it is. */
export function replaced(target: Target, live: KubeObject, given: KubeObject, part: Part): KubeObject {
  const { version } = target;
  checkPreconditions(target.resource, live, given);
  const draft = part === "status" ? statusOnly(live, given) : copyOf(given);
  if (part !== "status" && version.status) {
    if (live.status === undefined) delete draft.status;
    else draft.status = copyOf(live.status);
  }
  draft.metadata = replacedMetadata(live, draft);
  return dropEmpty(draft);
}

function statusOnly(live: KubeObject, given: KubeObject): KubeObject {
  const draft = copyOf(live);
  if (given.status === undefined) delete draft.status;
  else draft.status = copyOf(given.status);
  const managedFields = given.metadata["managedFields"];
  if (managedFields !== undefined) draft.metadata["managedFields"] = copyOf(managedFields);
  return draft;
}

function checkPreconditions(resource: Resource, live: KubeObject, given: KubeObject): void {
  const { resourceVersion = "", uid = "", name } = given.metadata;
  if (uid !== "" && uid !== live.metadata.uid) {
    const words = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${live.metadata.uid}`;
    throw conflict(resource, name, words);
  }
  if (resourceVersion !== "" && resourceVersion !== live.metadata.resourceVersion) throw modified(resource, name);
}

const SERVERS_OWN = [
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "generation",
  "resourceVersion",
  "generateName",
  "namespace",
] as const;

function replacedMetadata(live: KubeObject, draft: KubeObject): KubeObject["metadata"] {
  const metadata = draft.metadata;
  delete metadata["selfLink"];
  for (const field of SERVERS_OWN) {
    const value = live.metadata[field];
    if (value === undefined) delete metadata[field];
    else metadata[field] = value as never;
  }
  return metadata;
}

/** Counts a change of the spec. Call last, when the draft is what will be stored. */
export function countGeneration({ resource, version }: Target, live: KubeObject, draft: KubeObject): void {
  if (!resource.generation && !resource.custom) return;
  const spec = ({ metadata: _metadata, apiVersion: _apiVersion, ...rest }: KubeObject) => {
    if (version.status) delete rest.status;
    return rest;
  };
  if (!same(spec(live), spec(draft))) draft.metadata.generation = (live.metadata.generation ?? 0) + 1;
}

/** True when storing `draft` would change nothing; times of field owners alone do not count. */
export function isNoOp(live: KubeObject, draft: KubeObject): boolean {
  return same(withoutTimes(live), withoutTimes(draft));
}

function withoutTimes(object: KubeObject): unknown {
  const entries = object.metadata["managedFields"];
  if (!Array.isArray(entries)) return object;
  const managedFields = entries.map(({ time: _time, ...entry }) => entry);
  return { ...object, metadata: { ...object.metadata, managedFields } };
}

/** Finalizers that the API server knows without a domain. */
const STANDARD_FINALIZERS: ReadonlySet<string> = new Set(["kubernetes", "orphan", "foregroundDeletion"]);

/**
 * These objects belong to API servers beside Kubernetes' own, which accept finalizers without a domain. CRDs have one.
 */
const LENIENT_GROUPS: ReadonlySet<string> = new Set(["apiextensions.k8s.io", "apiregistration.k8s.io"]);

/** Finalizers of built-in objects have a domain, and all may only go while an object is being deleted. */
export function finalizerErrors(
  { custom, group }: Resource,
  live: KubeObject | undefined,
  draft: KubeObject,
): FieldError[] {
  const misnamed = custom || LENIENT_GROUPS.has(group) ? [] : finalizerNameErrors(draft);
  return live === undefined ? misnamed : [...misnamed, ...finalizerAdditions(live, draft)];
}

function finalizerNameErrors({ metadata }: KubeObject): FieldError[] {
  const why = "name is neither a standard finalizer name nor is it fully qualified";
  return (metadata.finalizers ?? []).flatMap((name, index): FieldError[] => {
    if (name.includes("/") || STANDARD_FINALIZERS.has(name)) return [];
    const message = `Invalid value: ${JSON.stringify(name)}: ${why}`;
    return [{ path: `metadata.finalizers[${index}]`, message, reason: "FieldValueInvalid" }];
  });
}

function finalizerAdditions(live: KubeObject, draft: KubeObject): FieldError[] {
  if (live.metadata.deletionTimestamp === undefined) return [];
  const before = new Set(live.metadata.finalizers ?? []);
  const added = (draft.metadata.finalizers ?? []).filter((finalizer) => !before.has(finalizer));
  if (added.length === 0) return [];
  const list = added.map((finalizer) => JSON.stringify(finalizer)).join(", ");
  const why = "no new finalizers can be added if the object is being deleted, found new finalizers []string";
  return [{ path: "metadata.finalizers", message: `Forbidden: ${why}{${list}}`, reason: "FieldValueForbidden" }];
}

/** True when nothing keeps a deleted object any longer. */
export function isFinalized(object: KubeObject): boolean {
  if (object.metadata.deletionTimestamp === undefined || (object.metadata.finalizers ?? []).length > 0) return false;
  return object.kind !== "Namespace" || (object.spec?.finalizers ?? []).length === 0;
}

/** Go omits empty metadata maps and lists; the sandbox does, too, so that "empty" and "absent" are one state. */
function dropEmpty(draft: KubeObject): KubeObject {
  for (const field of ["labels", "annotations", "finalizers", "ownerReferences", "managedFields"] as const) {
    const value = draft.metadata[field];
    if (value === null || (typeof value === "object" && Object.keys(value).length === 0)) delete draft.metadata[field];
  }
  if (draft.metadata["generateName"] === "") delete draft.metadata.generateName;
  if (draft.status === null) delete draft.status;
  return draft;
}

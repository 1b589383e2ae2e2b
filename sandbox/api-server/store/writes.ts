/** Creating and replacing objects: the way of a write, see store.ts. */
import type { Clock, Random } from "../../../src/ports/clock.ts";
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import { ApiError, type WatchEvent } from "../../cluster.ts";
import { canonicalize } from "../defaults/canonical.ts";
import { defaultBuiltin, fillStructs } from "../defaults/index.ts";
import { alreadyExists, badRequest, invalid, notFound } from "../errors.ts";
import type { Registry } from "../registry.ts";
import { apiVersionFor, type Resource, type Target } from "../resource.ts";
import { applyDefaults, type FieldError, prune, validate, validateBuiltin } from "../schema/index.ts";
import { admit, checkNamespace, inherit, type ServiceNumbers } from "./admission.ts";
import type { Collection } from "./collection.ts";
import { fromStorage, toStorage } from "./conversion.ts";
import type { DeleteOptions, Deletion } from "./deletion.ts";
import { copyOf, freeze } from "./json.ts";
import { born, countGeneration, finalizerErrors, isFinalized, isNoOp, type Part, replaced } from "./lifecycle.ts";

/** Records in metadata.managedFields who changed what. @param live absent for new objects */
export type Tracker = (live: KubeObject | undefined, updated: KubeObject) => KubeObject;

export interface WriteOptions {
  /** What the caller may change; everything but status when absent. */
  readonly part?: Part;
  /** Go through everything, store nothing. */
  readonly dryRun?: boolean;
  /** Absent: nothing is recorded. */
  readonly track?: Tracker;
  /** The refusal of a built-in object with a value of the wrong type; 400 when absent. */
  readonly mistyped?: (words: string) => ApiError;
  /** What admission has against the write: called last, with the object as it would be stored. @throws ApiError */
  readonly review?: (object: KubeObject, live: KubeObject | undefined) => void;
  /** The sandbox's own parts may do what only special endpoints do, e.g. finalize a namespace. */
  readonly trusted?: boolean;
}

/** What all verbs share. */
export interface Core {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: Random;
  readonly uid: () => string;
  readonly numbers: ServiceNumbers;
  /** RFC 3339 */
  now(): string;
  version(): number;
  collection(resource: Pick<Resource, "storage">): Collection;
  /** Stores, tells the watches, draws the consequences. */
  commit(resource: Resource, type: WatchEvent["type"], draft: KubeObject, previous?: KubeObject): KubeObject;
  /** Removes at once. */
  erase(resource: Resource, last: KubeObject, previous: KubeObject): KubeObject;
  remove(resource: Resource, live: KubeObject, options: DeleteOptions): Deletion;
}

const SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789";

/** Creates an object. @throws ApiError 400, 404 (namespace), 409, 422 */
export function insert(core: Core, target: Target, given: KubeObject, options: WriteOptions): KubeObject {
  const { resource, version } = target;
  const now = core.now();
  const letter = () => SUFFIX_LETTERS[Math.floor(core.random() * SUFFIX_LETTERS.length)] ?? "x";
  const suffix = () => Array.from({ length: 5 }, letter).join("");
  const draft = born(target, named(target, given), { uid: core.uid(), now, suffix });
  const { name, namespace = "" } = draft.metadata;
  if (resource.namespaced) checkNamespaceOf(core, resource, draft);
  if (core.collection(resource).get(namespace, name) !== undefined) throw alreadyExists(resource, name);
  checkCrd(core, resource);
  const dryRun = options.dryRun === true;
  const tracked = prepare(core, target, draft, undefined, options);
  if (dryRun) return freeze(fromStorage(resource, version.name, tracked));
  return fromStorage(resource, version.name, core.commit(resource, "ADDED", tracked));
}

/** Replaces an object or one part of it. @throws ApiError 400, 404, 409, 422 */
export function replace(core: Core, target: Target, given: KubeObject, options: WriteOptions): KubeObject {
  const { resource, version } = target;
  const { name, namespace = "" } = given.metadata;
  const stored = core.collection(resource).get(resource.namespaced ? namespace : "", name);
  if (stored === undefined) throw notFound(resource, name);
  const live = fromStorage(resource, version.name, stored);
  const draft = replaced(target, live, named(target, given), options.part ?? "main");
  if (resource.kind === "Namespace" && options.part !== "finalize" && options.trusted !== true) {
    draft.spec = { ...draft.spec, finalizers: copyOf(live.spec?.finalizers ?? []) };
  }
  const next = prepare(core, target, draft, stored, options);
  if (isNoOp(stored, next)) return live;
  countGeneration(target, stored, next);
  if (options.dryRun === true) return freeze(fromStorage(resource, version.name, next));
  if (isFinalized(next)) return fromStorage(resource, version.name, core.erase(resource, next, stored));
  return fromStorage(resource, version.name, core.commit(resource, "MODIFIED", next, stored));
}

/** Adds empty metadata where it is missing, so that validation can report its fields. */
function named({ resource, version }: Target, given: KubeObject): KubeObject {
  const apiVersion = apiVersionFor(resource, version.name);
  return { ...given, apiVersion, kind: resource.kind, metadata: given.metadata ?? { name: "" } };
}

/** Groups whose objects are stored in Go's canonical form. */
const CANONICAL: ReadonlySet<string> = new Set(["", "apps", "batch", "autoscaling"]);

/** Schema, defaults, admission, validation, owners. @returns the draft in its stored version */
function prepare(
  core: Core,
  target: Target,
  given: KubeObject,
  stored: KubeObject | undefined,
  options: WriteOptions,
): KubeObject {
  const { resource, version } = target;
  const live = stored && fromStorage(resource, version.name, stored);
  const schema = version.schema();
  let draft = copyOf(given);
  const errors: FieldError[] = [];
  if (!resource.custom) fillStructs(resource.storage.group, draft);
  if (schema !== undefined) {
    if (resource.custom) draft = prune(schema, draft);
    draft = applyDefaults(schema, draft);
    errors.push(...validate(schema, draft, live));
    if (!resource.custom) checkTypes(target, errors, options);
  }
  const mistyped = errors.some(({ reason }) => reason === "FieldValueTypeInvalid");
  if (mistyped) throw invalid(resource, draft.metadata.name, errors);
  if (schema !== undefined && CANONICAL.has(resource.group)) canonicalize(schema.root, draft);
  let next = copyOf(toStorage(resource, version.name, draft));
  if (!resource.custom) defaultBuiltin(resource.storage.group, next);
  if (stored !== undefined) inherit(next, stored);
  errors.push(...finalizerErrors(resource, stored, next));
  errors.push(...validateBuiltin(resource.storage.group, resource.kind, next, stored));
  if (errors.length > 0) throw invalid(resource, next.metadata.name, unique(errors));
  admit(next, stored, { numbers: core.numbers, now: core.now(), dryRun: options.dryRun === true });
  if (options.track !== undefined) {
    const tracked = options.track(live, fromStorage(resource, version.name, next));
    next = copyOf(toStorage(resource, version.name, tracked));
  }
  // A copy: an object that is seen in another version shares its parts with the stored one, and is frozen with them.
  options.review?.(fromStorage(resource, version.name, copyOf(next)), live);
  return next;
}

/** A built-in object is decoded into a Go struct: a wrong type is not even an object, hence 400. */
function checkTypes({ resource, version }: Target, errors: readonly FieldError[], { mistyped }: WriteOptions): void {
  const wrong = errors.find(({ reason }) => reason === "FieldValueTypeInvalid");
  if (wrong === undefined) return;
  const { kind } = resource;
  const words = `${wrong.path}: ${wrong.message}`;
  if (mistyped !== undefined) throw mistyped(words);
  throw badRequest(`${kind} in version "${version.name}" cannot be handled as a ${kind}: ${words}`);
}

/** Schema and rules may find the same fault. */
function unique(errors: readonly FieldError[]): FieldError[] {
  const seen = new Set<string>();
  return errors.filter(({ path, message }) => {
    const id = `${path}: ${message}`;
    return !seen.has(id) && seen.add(id);
  });
}

function checkNamespaceOf(core: Core, resource: Resource, { metadata }: KubeObject): void {
  const { name, namespace = "" } = metadata;
  if (namespace === "") throw badRequest("an empty namespace may not be set during creation");
  const namespaces = core.collection({ storage: { group: "", version: "v1", plural: "namespaces" } });
  checkNamespace(resource, name, namespace, namespaces.get("", namespace));
}

/** A CRD that is being deleted takes no new objects. */
function checkCrd(core: Core, resource: Resource): void {
  if (!resource.custom) return;
  const crds = core.collection({
    storage: { group: "apiextensions.k8s.io", version: "v1", plural: "customresourcedefinitions" },
  });
  const crd = crds.get("", `${resource.plural}.${resource.group}`);
  if (crd?.metadata.deletionTimestamp === undefined) return;
  throw new ApiError(405, "MethodNotAllowed", "create not allowed while custom resource definition is terminating");
}

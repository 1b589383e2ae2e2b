/** create, update, delete, deletecollection. */
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import { rfc3339 } from "../../clock.ts";
import { requireAdmitted } from "../admission/policies.ts";
import { badRequest, invalid, invalidOptions, notFound } from "../errors.ts";
import { trackUpdate } from "../patch/index.ts";
import { apiVersionFor, type Resource, type Target } from "../resource.ts";
import type { FieldError } from "../schema/index.ts";
import type { Part } from "../store/lifecycle.ts";
import type { DeleteOptions, Deletion, Propagation, Tracker } from "../store.ts";
import { requireRoute } from "./access.ts";
import { type Answer, type Call, ok } from "./call.ts";
import { contentType, decodeBody, objectIn } from "./decode.ts";
import { presentList, presentObject } from "./present.ts";
import { objectsOf } from "./reading.ts";
import type { Route } from "./route.ts";
import { selectorOf } from "./selectors.ts";

/** Who writes: the `fieldManager` parameter, or the program's name. */
export function managerOf(call: Call): string {
  const given = call.query.get("fieldManager") ?? "";
  if (given !== "") return given;
  return (call.request.headers["user-agent"] ?? "unknown").split("/")[0]?.slice(0, 128) ?? "unknown";
}

/** Records who owns what a write changed; absent for kinds without a schema. */
export function trackerOf(call: Call, { resource, version }: Target, subresource = ""): Tracker | undefined {
  const schema = version.schema();
  if (schema === undefined) return undefined;
  const apiVersion = apiVersionFor(resource, version.name);
  const now = rfc3339(call.server.store.clock.now());
  const manager = managerOf(call);
  const unreachable = version.status && subresource === "" ? ["status"] : [];
  return (live, updated) => trackUpdate({ schema, live, updated, unreachable, manager, subresource, now, apiVersion });
}

/** The parameters of a verb, as metav1 calls them. */
export type OptionsKind = "CreateOptions" | "UpdateOptions" | "PatchOptions" | "DeleteOptions";

const OPTIONS: Readonly<Record<string, OptionsKind>> = {
  POST: "CreateOptions",
  PUT: "UpdateOptions",
  PATCH: "PatchOptions",
};

/** @throws ApiError 422 for anything but All */
export function isDryRun(values: readonly string[], kind: OptionsKind): boolean {
  if (values.every((value) => value === "All")) return values.length > 0;
  throw invalidOptions(kind, unsupported("dryRun", JSON.stringify(values), ["All"]));
}

const VALIDATIONS = ["", "Ignore", "Strict", "Warn"];

/** Dry run or not. @throws ApiError 422 for parameters that no write knows */
export function checkedOptions({ method, query }: Call): boolean {
  const kind = OPTIONS[method] ?? "DeleteOptions";
  const validation = query.get("fieldValidation") ?? "";
  if (!VALIDATIONS.includes(validation)) {
    throw invalidOptions(kind, unsupported("fieldValidation", JSON.stringify(validation), VALIDATIONS));
  }
  return isDryRun(query.getAll("dryRun"), kind);
}

function unsupported(path: string, value: string, supported: readonly string[]): FieldError {
  const list = supported.map((word) => JSON.stringify(word)).join(", ");
  return { path, message: `Unsupported value: ${value}: supported values: ${list}`, reason: "FieldValueNotSupported" };
}

/** Options of a write to `part`. */
export function writeOptions(call: Call, target: Target, part: Part) {
  const track = trackerOf(call, target, part === "main" ? "" : part);
  return { part, dryRun: checkedOptions(call), review: reviewOf(call, target, part), ...(track && { track }) };
}

/** Asks the ValidatingAdmissionPolicies. */
export function reviewOf({ server, user, query }: Call, target: Target, part: Part) {
  const { store, authorizer } = server;
  const subresource = part === "main" ? "" : part;
  return (object: KubeObject, old: KubeObject | undefined): void => {
    const operation = old === undefined ? "CREATE" : "UPDATE";
    const dryRun = query.getAll("dryRun").length > 0;
    requireAdmitted(store, authorizer, { target, subresource, operation, object, old, user, dryRun });
  };
}

/** Puts the object where the path says. @throws ApiError 400 when it says otherwise itself */
export function placed(object: KubeObject, { target, namespace, name }: Route): KubeObject {
  const { metadata } = object;
  if (target.resource.namespaced && (metadata.namespace ?? "") !== "" && metadata.namespace !== namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
  if (name !== undefined && (metadata.name ?? "") !== "" && metadata.name !== name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  }
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(name !== undefined && { name }),
      ...(target.resource.namespaced && { namespace }),
    },
  };
}

export async function createObject(call: Call, route: Route): Promise<Answer> {
  const { target } = route;
  checkedOptions(call);
  const object = placed(await objectIn(call, target), route);
  const made = call.server.store.insert(target, object, writeOptions(call, target, "main"));
  return { code: 201, body: presentObject(call, target, made) };
}

/** PUT of an object, its status, or a namespace's finalizers. */
export async function updateObject(call: Call, route: Route, part: Part): Promise<Answer> {
  const { target, name = "" } = route;
  const { store } = call.server;
  const object = placed(await objectIn(call, target), route);
  const options = writeOptions(call, target, part);
  if (store.read(target, route.namespace, name) === undefined) {
    if (part !== "main" || !target.resource.createOnUpdate) throw notFound(target.resource, name);
    requireRoute(call, route, "create");
    return { code: 201, body: presentObject(call, target, store.insert(target, object, options)) };
  }
  requireVersion(target.resource, object);
  return ok(presentObject(call, target, store.replace(target, object, options)));
}

function requireVersion(resource: Resource, { metadata }: KubeObject): void {
  if (!resource.versionRequired || (metadata.resourceVersion ?? "") !== "") return;
  const message = "Invalid value: 0: must be specified for an update";
  // Custom resources are called by their plural here, on a real server, too.
  const named = resource.custom ? { ...resource, kind: resource.plural } : resource;
  throw invalid(named, metadata.name, [{ path: "metadata.resourceVersion", message, reason: "FieldValueInvalid" }]);
}

const POLICIES: ReadonlySet<unknown> = new Set(["Background", "Foreground", "Orphan"]);

/** DeleteOptions from the body, or else from the query. @throws ApiError 422 */
export async function deleteOptions(call: Call): Promise<DeleteOptions> {
  const body: KubeFields = decodeBody(await call.body(), contentType(call)) ?? {};
  return deleteOptionsFrom(call, body);
}

/** The same for options that are part of another object, as in an eviction. */
export function deleteOptionsFrom({ query }: Call, body: KubeFields): DeleteOptions {
  const orphan = body.orphanDependents ?? query.get("orphanDependents");
  const legacy = orphan === true || orphan === "true" ? "Orphan" : undefined;
  const propagation = body.propagationPolicy ?? query.get("propagationPolicy");
  if (propagation !== undefined && propagation !== null && !POLICIES.has(propagation)) {
    const wrong = JSON.stringify(propagation);
    const error = unsupported("propagationPolicy", wrong, ["Foreground", "Background", "Orphan", "nil"]);
    throw invalidOptions("DeleteOptions", error);
  }
  if (propagation && orphan !== undefined && orphan !== null) {
    const why = "orphanDependents and deletionPropagation cannot be both set";
    const message = `Invalid value: ${JSON.stringify(propagation)}: ${why}`;
    throw invalidOptions("DeleteOptions", { path: "propagationPolicy", message, reason: "FieldValueInvalid" });
  }
  const grace = body.gracePeriodSeconds ?? query.get("gracePeriodSeconds") ?? undefined;
  const { uid, resourceVersion } = body.preconditions ?? {};
  return {
    dryRun: isDryRun([...(body.dryRun ?? []), ...query.getAll("dryRun")], "DeleteOptions"),
    ...((propagation ?? legacy) && { propagation: (propagation ?? legacy) as Propagation }),
    ...(grace !== undefined && { gracePeriodSeconds: Number(grace) }),
    ...(uid && { uid }),
    ...(resourceVersion && { resourceVersion }),
  };
}

export async function deleteObject(call: Call, route: Route): Promise<Answer> {
  const { target, namespace, name = "" } = route;
  const options = await deleteOptions(call);
  const deletion = call.server.store.delete(target, namespace, name, options);
  return ok(deletionAnswer(call, target, deletion, options));
}

/** A Status when the object is deleted, the object while finalizers keep it. */
function deletionAnswer(call: Call, target: Target, { object, removed }: Deletion, options: DeleteOptions): unknown {
  const { resource } = target;
  const { name, uid } = object.metadata;
  const going = (object.metadata.finalizers ?? []).length > 0 || object.spec?.finalizers?.length > 0;
  if (!removed && (going || options.dryRun !== true)) return presentObject(call, target, object);
  const group = resource.group === "" ? {} : { group: resource.group };
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { name, ...group, kind: resource.plural, uid },
  };
}

export async function deleteObjects(call: Call, route: Route): Promise<Answer> {
  const { target, namespace } = route;
  const options = await deleteOptions(call);
  const chosen = objectsOf(call, target, namespace).filter(selectorOf(target, call.query));
  const { store } = call.server;
  for (const { metadata } of chosen) {
    // The deletion of one object may have taken another with it.
    if (store.read(target, metadata.namespace ?? "", metadata.name) === undefined) continue;
    store.delete(target, metadata.namespace ?? "", metadata.name, options);
  }
  return ok(presentList(call, target, chosen, { resourceVersion: String(store.version()) }));
}

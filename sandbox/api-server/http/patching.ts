/** PATCH in its four dialects: JSON patch, merge patch, strategic merge patch, server-side apply. */
import { parseYaml } from "../../../src/json/yaml.ts";
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import { rfc3339 } from "../../clock.ts";
import { ApiError } from "../../cluster.ts";
import { badRequest, conflict, invalidOptions } from "../errors.ts";
import {
  conflictMessage,
  jsonPatch,
  mergePatch,
  PatchError,
  serverSideApply,
  strategicMergePatch,
  typingFaults,
} from "../patch/index.ts";
import { apiVersionFor, type Target } from "../resource.ts";
import type { Part } from "../store/lifecycle.ts";
import { requireRoute } from "./access.ts";
import { type Answer, type Call, flag, ok } from "./call.ts";
import { contentType, isObject, unsupportedMediaType, withoutUnknown } from "./decode.ts";
import { presentObject } from "./present.ts";
import { existing } from "./reading.ts";
import type { Route } from "./route.ts";
import { checkedOptions, placed, reviewOf, writeOptions } from "./writing.ts";

const JSON_PATCH = "application/json-patch+json";
const MERGE_PATCH = "application/merge-patch+json";
const STRATEGIC_PATCH = "application/strategic-merge-patch+json";
const APPLY_PATCH = "application/apply-patch+yaml";

/** A patch as it came in, and how to put it on an object. */
export interface Patch {
  readonly type: string;
  readonly text: string;
}

/** @throws ApiError 415 */
export async function patchIn(call: Call, custom: boolean): Promise<Patch> {
  const type = contentType(call);
  const accepted = [JSON_PATCH, MERGE_PATCH, ...(custom ? [] : [STRATEGIC_PATCH]), APPLY_PATCH];
  if (!accepted.includes(type)) throw unsupportedMediaType(accepted);
  return { type, text: (await call.body()).toString("utf8") };
}

/** The object with a patch (of the dialects that are not apply) put on it. @throws ApiError 400, 422 */
export function patched(target: Target, object: KubeObject, { type, text }: Patch): KubeObject {
  const patch = parsedPatch(text);
  const schema = target.version.schema();
  try {
    if (type === JSON_PATCH) return jsonPatch(object, patch);
    if (type === MERGE_PATCH || schema === undefined) return mergePatch(object, patch);
    return strategicMergePatch(schema, object, patch);
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    if (error.code !== 422) throw badRequest(error.message);
    throw new ApiError(422, "Invalid", error.message, {});
  }
}

function parsedPatch(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw badRequest(`error decoding patch: ${why}`);
  }
}

export async function patchObject(call: Call, route: Route, part: Part): Promise<Answer> {
  const { target } = route;
  const patch = await patchIn(call, target.resource.custom);
  if (patch.type === APPLY_PATCH) return applyObject(call, route, part, patch.text);
  const live = existing(call, route);
  checkPatchOptions(call);
  const result = patched(target, live, patch);
  checkKind(target, result, patch.text);
  const next = withoutUnknown(call, target, result, (words) =>
    notDecoded(patch.text, `strict decoding error: ${words}`),
  );
  const options = { ...writeOptions(call, target, part), mistyped: (words: string) => notDecoded(patch.text, words) };
  const written = call.server.store.replace(target, placed(next, route), options);
  return ok(presentObject(call, target, written));
}

/** The patched object does not fit its kind. A real server shows the whole object, the sandbox what was sent. */
function notDecoded(text: string, words: string): ApiError {
  const message = `Invalid value: ${JSON.stringify(text)}: ${words}`;
  return new ApiError(422, "Invalid", ` "" is invalid: patch: ${message}`, {
    causes: [{ reason: "FieldValueInvalid", message, field: "patch" }],
  });
}

/** A patch may not turn an object into one of another kind; `placed` looks after its name. */
function checkKind({ resource, version }: Target, { apiVersion, kind }: KubeObject, text: string): void {
  const expected = apiVersionFor(resource, version.name);
  if (apiVersion === expected && kind === resource.kind) return;
  throw notDecoded(text, `${apiVersion} ${kind} where ${expected} ${resource.kind} is expected`);
}

function checkPatchOptions({ query }: Call): void {
  if (!flag(query, "force")) return;
  const message = "Forbidden: may not be specified for non-apply patch";
  throw invalidOptions("PatchOptions", { path: "force", message, reason: "FieldValueForbidden" });
}

function applyObject(call: Call, route: Route, part: Part, text: string): Answer {
  const { target } = route;
  const { resource, version } = target;
  const { store } = call.server;
  const manager = call.query.get("fieldManager") ?? "";
  if (manager === "") {
    const message = "Required value: is required for apply patch";
    throw invalidOptions("PatchOptions", { path: "fieldManager", message, reason: "FieldValueRequired" });
  }
  const schema = version.schema();
  if (schema === undefined) throw unsupportedMediaType([JSON_PATCH, MERGE_PATCH]);
  const applied = appliedObject(target, route, part, text);
  const live = store.read(target, route.namespace, route.name ?? "");
  if (live === undefined) requireRoute(call, route, "create");
  const result = serverSideApply({
    schema,
    live,
    applied,
    manager,
    force: flag(call.query, "force"),
    ...(part !== "main" && { subresource: part }),
    now: rfc3339(store.clock.now()),
    apiVersion: apiVersionFor(resource, version.name),
  });
  if ("conflicts" in result) {
    const causes = result.conflicts.map((entry) => ({
      reason: "FieldManagerConflict",
      message: `conflict with ${entry.owner}`,
      field: entry.path,
    }));
    throw new ApiError(409, "Conflict", conflictMessage(result.conflicts), { causes });
  }
  const options = { part, dryRun: checkedOptions(call), review: reviewOf(call, target, part) };
  if (live !== undefined) return ok(presentObject(call, target, store.replace(target, result.object, options)));
  if (part !== "main") existing(call, route);
  if ((applied.metadata.uid ?? "") !== "") {
    throw conflict(
      resource,
      applied.metadata.name,
      "uid mismatch: the provided object specified uid, and no existing object was found",
    );
  }
  return { code: 201, body: presentObject(call, target, store.insert(target, result.object, options)) };
}

/** What the manager wants, restricted to the part it writes. @throws ApiError */
function appliedObject(target: Target, route: Route, part: Part, text: string): KubeObject {
  const { resource, version } = target;
  const given = parsedYaml(text);
  const expected = apiVersionFor(resource, version.name);
  if (!isObject(given)) throw badRequest("error decoding YAML: the apply patch is not an object");
  if (given.apiVersion !== expected || given.kind !== resource.kind) {
    const groupVersion = String(given.apiVersion ?? "/");
    const place = groupVersion.includes("/") ? groupVersion : `/${groupVersion}`;
    throw badRequest(`invalid object type: ${place}, Kind=${given.kind ?? ""}`);
  }
  if (given.metadata?.managedFields !== undefined && given.metadata.managedFields !== null) {
    throw badRequest("metadata.managedFields must be nil");
  }
  const object = placed({ ...given, metadata: given.metadata ?? { name: "" } } as KubeObject, route);
  checkTyped(target, given, object);
  if (!version.status) return object;
  const { status, spec, ...rest } = object;
  if (part === "status") return { ...rest, ...(status !== undefined && { status }) } as KubeObject;
  return { ...rest, ...(spec !== undefined && { spec }) } as KubeObject;
}

/** What is applied must fit the schema, before anything is merged. @throws ApiError 500, as the API server does */
function checkTyped({ resource, version }: Target, given: KubeFields, object: KubeObject): void {
  const schema = version.schema();
  if (schema === undefined) return;
  const faults = typingFaults(schema, object);
  if (faults.length === 0) return;
  const { namespace = "", name = "" } = given.metadata ?? {};
  const place = `${namespace}/${name}; ${apiVersionFor(resource, version.name)}, Kind=${resource.kind}`;
  const words = faults.length === 1 ? faults[0] : `errors:\n${faults.map((fault) => `  ${fault}`).join("\n")}`;
  throw new ApiError(500, "", `failed to create typed patch object (${place}): ${words}`);
}

function parsedYaml(text: string): KubeFields {
  try {
    return parseYaml(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw badRequest(`error decoding YAML: ${why}`);
  }
}

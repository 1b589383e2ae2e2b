/** The scale subresource: any kind's replicas as an autoscaling/v1 Scale. */
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import { badRequest, invalid } from "../errors.ts";
import type { ScalePaths, Target } from "../resource.ts";
import { builtinSchema } from "../schema/index.ts";
import { selectorText } from "../selector-text.ts";
import { copyOf } from "../store/json.ts";
import { type Answer, type Call, ok } from "./call.ts";
import { contentType, decodeBody, isObject } from "./decode.ts";
import { patched, patchIn } from "./patching.ts";
import { existing } from "./reading.ts";
import type { Route } from "./route.ts";
import { writeOptions } from "./writing.ts";

const keysOf = (path: string) => path.split(".").filter((key) => key !== "");

function valueAt(object: KubeObject, path: string): KubeFields {
  return keysOf(path).reduce((at: KubeFields, key) => at?.[key], object);
}

/** The Scale of an object. */
export function scaleOf(object: KubeObject, paths: ScalePaths): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector =
    paths.labelSelector === undefined
      ? selectorText(object.spec?.selector)
      : paths.labelSelector === ""
        ? ""
        : String(valueAt(object, paths.labelSelector) ?? "");
  const metadata = { name, namespace, uid, resourceVersion, creationTimestamp };
  return {
    apiVersion: "autoscaling/v1",
    kind: "Scale",
    metadata: Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== undefined)) as never,
    spec: { replicas: valueAt(object, paths.specReplicas) ?? 0 },
    status: { replicas: valueAt(object, paths.statusReplicas) ?? 0, ...(selector !== "" && { selector }) },
  };
}

function scalePaths({ version }: Target): ScalePaths {
  if (version.scale === undefined) throw badRequest("the resource has no scale");
  return version.scale;
}

export async function scale(call: Call, route: Route): Promise<Answer> {
  const paths = scalePaths(route.target);
  const object = existing(call, route);
  const current = scaleOf(object, paths);
  if (call.method === "GET") return ok(current);
  const wanted =
    call.method === "PUT" ? decodeBody(await call.body(), contentType(call)) : await patchedScale(call, current);
  if (!isObject(wanted)) throw badRequest("the request body is not a Scale");
  const { name } = object.metadata;
  if ((wanted.metadata?.name ?? name) !== name) {
    const words = `the name of the object (${wanted.metadata.name}) does not match the name on the URL (${name})`;
    throw badRequest(words);
  }
  const replicas = wanted.spec?.replicas ?? 0;
  if (!Number.isInteger(replicas) || replicas < 0) {
    const message = `Invalid value: ${JSON.stringify(replicas)}: must be greater than or equal to 0`;
    const scales = { group: "autoscaling", plural: "scales", kind: "Scale" };
    throw invalid(scales, object.metadata.name, [{ path: "spec.replicas", message, reason: "FieldValueInvalid" }]);
  }
  const draft = copyOf(object);
  setAt(draft, paths.specReplicas, replicas);
  // Only a version that the caller named is a condition.
  const { resourceVersion, uid } = wanted.metadata ?? {};
  const named = call.method === "PUT" || resourceVersion !== current.metadata.resourceVersion;
  draft.metadata.resourceVersion = named ? (resourceVersion ?? "") : "";
  if (uid !== undefined) draft.metadata.uid = uid;
  const written = call.server.store.replace(route.target, draft, writeOptions(call, route.target, "scale"));
  return ok(scaleOf(written, paths));
}

async function patchedScale(call: Call, current: KubeObject): Promise<KubeObject> {
  const schema = builtinSchema("autoscaling", "v1", "Scale");
  const version = { name: "v1", schema: () => schema, status: false };
  const patch = await patchIn(call, true);
  const resource = { group: "autoscaling", plural: "scales", kind: "Scale" };
  return patched({ resource, version } as unknown as Target, current, patch);
}

function setAt(object: KubeObject, path: string, value: unknown): void {
  const keys = keysOf(path);
  const last = keys.pop() ?? "";
  let at: KubeFields = object;
  for (const key of keys) {
    at[key] ??= {};
    at = at[key];
  }
  at[last] = value;
}

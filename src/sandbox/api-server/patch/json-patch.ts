/** JSON patch (RFC 6902) and JSON merge patch (RFC 7386). */
import fastJsonPatch from "fast-json-patch";
import type { KubeObject } from "../../../ports/kubernetes.ts";
import { copyJson, isFields } from "../schema/node.ts";
import { PatchError } from "./errors.ts";

const OPERATIONS: ReadonlySet<unknown> = new Set(["add", "remove", "replace", "move", "copy", "test"]);

/** Applies a JSON patch to a copy. Throws a `PatchError`: 400 when it is not a patch, 422 when it does not fit. */
export function jsonPatch(object: KubeObject, patch: unknown): KubeObject {
  if (!Array.isArray(patch)) {
    throw new PatchError(400, "error decoding patch: a JSON patch must be a list of operations");
  }
  for (const operation of patch) {
    if (!isFields(operation) || !OPERATIONS.has(operation.op) || typeof operation.path !== "string") {
      throw new PatchError(400, `error decoding patch: not a JSON patch operation: ${JSON.stringify(operation)}`);
    }
  }
  try {
    return fastJsonPatch.applyPatch(copyJson(object), copyJson(patch), true).newDocument as KubeObject;
  } catch (error) {
    const message = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    throw new PatchError(422, `the server rejected our request due to an error in our request: ${message}`);
  }
}

/** Applies a JSON merge patch to a copy: null removes, objects merge, everything else replaces. */
export function mergePatch(object: KubeObject, patch: unknown): KubeObject {
  if (!isFields(patch)) throw new PatchError(400, "error decoding patch: a merge patch must be a JSON object");
  return mergeValue(object, patch) as KubeObject;
}

function mergeValue(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return copyJson(patch);
  const merged = new Map(isFields(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergeValue(merged.get(name), value));
  }
  return Object.fromEntries(merged);
}

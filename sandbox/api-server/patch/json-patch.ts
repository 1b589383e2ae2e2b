/** JSON patch (RFC 6902) and JSON merge patch (RFC 7386). */
import fastJsonPatch, { type Operation } from "fast-json-patch";
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import { copyJson, isFields } from "../schema/node.ts";
import { PatchError } from "./errors.ts";

const OPERATIONS: ReadonlySet<unknown> = new Set(["add", "remove", "replace", "move", "copy", "test"]);

/** The one message for every fault. */
const REFUSED = "the server rejected our request due to an error in our request";

/** Applies a JSON patch to a copy. Throws a `PatchError`: 400 when it is no list, 422 when it does not fit. */
export function jsonPatch(object: KubeObject, patch: unknown): KubeObject {
  if (!Array.isArray(patch)) {
    throw new PatchError(
      400,
      "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
    );
  }
  for (const operation of patch) {
    if (!isFields(operation) || !OPERATIONS.has(operation.op) || typeof operation.path !== "string") {
      throw new PatchError(422, REFUSED);
    }
  }
  try {
    const operations = copyJson(patch) as Operation[];
    return operations.reduce<KubeObject>(
      (document, operation) => fastJsonPatch.applyOperation(document, lenient(document, operation), true).newDocument,
      copyJson(object),
    );
  } catch (cause) {
    throw new PatchError(422, REFUSED, { cause });
  }
}

/** The API server's library replaces a missing member of an object that is there, where RFC 6902 forbids it. */
function lenient(document: KubeObject, operation: Operation): Operation {
  const { op, path } = operation;
  if (op !== "replace" || path === "") return operation;
  const slash = path.lastIndexOf("/");
  const parent: unknown = slash === 0 ? document : fastJsonPatch.getValueByPointer(document, path.slice(0, slash));
  return isFields(parent) ? { ...operation, op: "add" } : operation;
}

/** Applies a JSON merge patch to a copy: null removes, objects merge, everything else replaces. */
export function mergePatch(object: KubeObject, patch: unknown): KubeObject {
  if (!isFields(patch))
    throw new PatchError(
      400,
      "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
    );
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

/** The ways to change an object: JSON patch, merge patch, strategic merge patch, server-side apply. */
export {
  type ApplyArgs,
  type ApplyResult,
  type Conflict,
  conflictMessage,
  serverSideApply,
  trackUpdate,
  type UpdateArgs,
} from "./apply.ts";
export { PatchError } from "./errors.ts";
export { jsonPatch, mergePatch } from "./json-patch.ts";
export { strategicMergePatch } from "./strategic.ts";
export { typingFaults } from "./typing.ts";

/** The ways to change an object: JSON patch, merge patch, strategic merge patch, server-side apply. */
export {
  type ApplyResult,
  conflictMessage,
  serverSideApply,
  trackUpdate,
} from "./apply.ts";
export { PatchError } from "./errors.ts";
export { jsonPatch, mergePatch } from "./json-patch.ts";
export { strategicMergePatch } from "./strategic.ts";
export { typingFaults } from "./typing.ts";

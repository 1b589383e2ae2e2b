/** Schemas of built-in kinds and custom resources, and what the API server does with them. */

export { validateBuiltin } from "./builtin/index.ts";
export { BUILTIN_KINDS, builtinSchema } from "./builtin-kinds.ts";
export { crdSchema } from "./crd.ts";
export { applyDefaults } from "./defaults.ts";
export type { FieldError, FieldErrorReason } from "./errors.ts";
export type { ObjectSchema } from "./node.ts";
export { openApiDefinitions } from "./openapi.ts";
export { prune, unknownFields } from "./prune.ts";
export { validate } from "./validate.ts";

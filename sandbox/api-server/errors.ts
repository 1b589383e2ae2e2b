/** The API server's refusals, in its own words, and how they travel: metav1.Status. */
import { ApiError } from "../cluster.ts";
import { kindName, type Resource, resourceName } from "./resource.ts";
import type { FieldError } from "./schema/index.ts";

type Named = Pick<Resource, "group" | "plural" | "kind">;

const details = (resource: Named, name: string) => ({
  name,
  ...(resource.group !== "" && { group: resource.group }),
  kind: resource.plural,
});

export function notFound(resource: Named, name: string): ApiError {
  return new ApiError(404, "NotFound", `${resourceName(resource)} "${name}" not found`, details(resource, name));
}

/** The resource itself is not served: its CRD is missing, or the version is unknown. */
export function noSuchResource(): ApiError {
  return new ApiError(404, "NotFound", "the server could not find the requested resource", {});
}

export function alreadyExists(resource: Named, name: string): ApiError {
  const message = `${resourceName(resource)} "${name}" already exists`;
  return new ApiError(409, "AlreadyExists", message, details(resource, name));
}

/** Optimistic concurrency: another client was faster. */
export function modified(resource: Named, name: string): ApiError {
  const why = "the object has been modified; please apply your changes to the latest version and try again";
  return conflict(resource, name, why);
}

export function conflict(resource: Named, name: string, why: string): ApiError {
  const message = `Operation cannot be fulfilled on ${resourceName(resource)} "${name}": ${why}`;
  return new ApiError(409, "Conflict", message, details(resource, name));
}

export function forbidden(resource: Named, name: string, why: string, causes?: readonly unknown[]): ApiError {
  const message = `${resourceName(resource)} "${name}" is forbidden: ${why}`;
  return new ApiError(403, "Forbidden", message, { ...details(resource, name), ...(causes && { causes }) });
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, "BadRequest", message);
}

/** 422 with one cause per field. */
export function invalid(resource: Named, name: string, errors: readonly FieldError[]): ApiError {
  const lines = errors.map((error) => `${error.path}: ${error.message}`);
  const text = lines.length === 1 ? lines[0] : `[${lines.join(", ")}]`;
  return new ApiError(422, "Invalid", `${kindName(resource)} "${name}" is invalid: ${text}`, {
    ...(name !== "" && { name }),
    ...(resource.group !== "" && { group: resource.group }),
    kind: resource.kind,
    causes: errors.map(({ path, message, reason }) => ({ reason, message, field: path })),
  });
}

/** 422 for a request's own parameters. @param kind as metav1 calls them: ListOptions, PatchOptions, … */
export function invalidOptions(kind: string, ...errors: readonly FieldError[]): ApiError {
  const refusal = invalid({ group: "meta.k8s.io", plural: kind, kind }, "", errors);
  const { name: _, ...details } = refusal.details ?? {};
  return new ApiError(422, "Invalid", refusal.message, details);
}

/** 410: the resourceVersion or continue token is older than what is remembered. */
export function expired(message: string): ApiError {
  return new ApiError(410, "Expired", message);
}

/** The error as the Status object that clients read. */
export function statusOf(error: ApiError): Readonly<Record<string, unknown>> {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: error.message,
    ...(error.reason !== "" && { reason: error.reason }),
    ...(error.details && { details: error.details }),
    code: error.code,
  };
}

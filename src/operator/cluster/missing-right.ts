/**
 * What to do when RBAC refuses a request. Admission webhooks and quotas answer 403, too, and have words of their own.
 */
import { isForbidden } from "../../ports/kube.ts";

const REFUSED = /cannot (\w+) resource "([^"]+)"(?: in API group "([^"]*)")?/;

/** @returns ": grant …", to be put behind the API server's words; "" when the error is no refusal by RBAC */
export function cureOf(error: unknown): string {
  if (!isForbidden(error) || !(error instanceof Error)) return "";
  const [, verb, resource, group = ""] = REFUSED.exec(error.message) ?? [];
  if (verb === undefined || resource === undefined) return "";
  return `: grant the operator's role the verb ${verb} on ${resource}${group === "" ? "" : `.${group}`}`;
}

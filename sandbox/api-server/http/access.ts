/** Whether the caller may do what the request asks. */
import { ApiError } from "../../cluster.ts";
import { type Attributes, attributesOf, isPath, refusalText, verbOf } from "../authorization/attributes.ts";
import { resourceName } from "../resource.ts";
import { type Call, flag } from "./call.ts";
import type { Route } from "./route.ts";

/** @throws ApiError 403 */
export function requireRoute(call: Call, route: Route, verb = verbIn(call, route)): void {
  check(call, attributesOf(verb, route));
}

function verbIn({ method, query }: Call, { name }: Route): string {
  return verbOf(method, name !== undefined, flag(query, "watch"));
}

/** For paths that name no resource. @throws ApiError 403 */
export function requirePath(call: Call): void {
  const path = `/${call.path.join("/")}`;
  check(call, { verb: call.method.toLowerCase(), path });
}

function check(call: Call, attributes: Attributes): void {
  const { allowed, reason } = call.server.authorizer.decide(call.user, attributes);
  if (allowed) return;
  const why = `${refusalText(call.user, attributes)}${reason === "" ? "" : `: ${reason}`}`;
  if (isPath(attributes)) throw new ApiError(403, "Forbidden", `forbidden: ${why}`, {});
  const { group, resource, name } = attributes;
  const subject = `${resourceName({ group, plural: resource })}${name === "" ? "" : ` "${name}"`}`;
  const details = { ...(name !== "" && { name }), ...(group !== "" && { group }), kind: resource };
  throw new ApiError(403, "Forbidden", `${subject} is forbidden: ${why}`, details);
}

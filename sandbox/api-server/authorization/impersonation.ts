/** `kubectl --as=…`: acting as another user, when RBAC grants the verb impersonate on that user. */
import type { IncomingHttpHeaders } from "node:http";
import { ApiError } from "../../cluster.ts";
import { type ResourceAttributes, refusalText, type User } from "./attributes.ts";
import type { Authorizer } from "./rbac.ts";

const ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;
const EXTRA = "impersonate-extra-";
const AUTHENTICATION = "authentication.k8s.io";

/** The user that the headers name; the given one when they name none. @throws ApiError 403 */
export function impersonated(authorizer: Authorizer, user: User, headers: IncomingHttpHeaders): User {
  const name = single(headers["impersonate-user"]);
  const groups = several(headers["impersonate-group"]);
  const uid = single(headers["impersonate-uid"]);
  const extra = Object.entries(headers).flatMap(([key, value]): [string, readonly string[]][] =>
    key.startsWith(EXTRA) ? [[decodeURIComponent(key.slice(EXTRA.length)), several(value)]] : [],
  );
  if (name === undefined) {
    if (groups.length === 0 && uid === undefined && extra.length === 0) return user;
    throw new ApiError(400, "BadRequest", "Impersonate-Group, -Uid and -Extra need an Impersonate-User header");
  }
  const account = ACCOUNT.exec(name);
  const attributes = (resource: string, wanted: string, group = "", namespace = ""): ResourceAttributes => {
    return { verb: "impersonate", group, resource, subresource: "", namespace, name: wanted };
  };
  const wanted = [
    account === null
      ? attributes("users", name)
      : attributes("serviceaccounts", account[2] ?? "", "", account[1] ?? ""),
    ...groups.map((group) => attributes("groups", group)),
    ...(uid === undefined ? [] : [attributes("uids", uid, AUTHENTICATION)]),
    ...extra.map(([key]) => ({ ...attributes("userextras", "", AUTHENTICATION), subresource: key })),
  ];
  for (const each of wanted) {
    if (authorizer.decide(user, each).allowed) continue;
    const { resource, name: refused } = each;
    throw new ApiError(403, "Forbidden", `${resource} "${refused}" is forbidden: ${refusalText(user, each)}`, {});
  }
  return {
    username: name,
    groups: allGroups(name, account?.[1], groups),
    ...(uid !== undefined && { uid }),
    ...(extra.length > 0 && { extra: Object.fromEntries(extra) }),
  };
}

/** A ServiceAccount is in its groups without any header; every user with a name is authenticated. */
function allGroups(name: string, namespace: string | undefined, given: readonly string[]): readonly string[] {
  const own =
    namespace === undefined || given.length > 0
      ? given
      : ["system:serviceaccounts", `system:serviceaccounts:${namespace}`];
  if (name === "system:anonymous")
    return own.includes("system:unauthenticated") ? own : [...own, "system:unauthenticated"];
  return own.includes("system:authenticated") ? own : [...own, "system:authenticated"];
}

const single = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

/** Node joins repeated headers that it does not know with ", ". */
function several(value: string | string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).flatMap((part) => part.split(", "));
}

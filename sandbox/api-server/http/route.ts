/**
 * What a path names:
 *
 *   /api/v1 /apis/{group}/{version}   [/namespaces/{namespace}]   /{resource} [/{name} [/{subresource}]]
 */
import { noSuchResource } from "../errors.ts";
import type { Registry } from "../registry.ts";
import type { Target } from "../resource.ts";

export interface Route {
  readonly target: Target;
  /** Empty for cluster-scoped resources and for all namespaces. */
  readonly namespace: string;
  /** Absent for collections. */
  readonly name?: string;
  /** Empty for the object itself. */
  readonly subresource: string;
}

/** Group, version and what comes after them; undefined for paths that name no group version. */
export function groupVersionOf(
  path: readonly string[],
): { readonly group: string; readonly version: string; readonly rest: readonly string[] } | undefined {
  const [root, first = "", second = ""] = path;
  if (root === "api" && path.length >= 2) return { group: "", version: first, rest: path.slice(2) };
  if (root === "apis" && path.length >= 3) return { group: first, version: second, rest: path.slice(3) };
  return undefined;
}

/** @throws ApiError 404 for resources and subresources that are not served */
export function routeOf(registry: Registry, path: readonly string[]): Route {
  const place = groupVersionOf(path);
  if (place === undefined || place.rest.length === 0 || place.rest.length > 5) throw noSuchResource();
  const { group, version, rest } = place;
  const scoped = rest[0] === "namespaces" && rest.length > 2 && !isNamespaceSubresource(registry, group, version, rest);
  const [namespace = "", ...parts] = scoped ? rest.slice(1) : ["", ...rest];
  const [plural = "", name, subresource = "", ...more] = parts;
  const target = registry.find(group, version, plural);
  if (target === undefined || more.length > 0) throw noSuchResource();
  if (target.resource.namespaced !== scoped && (scoped || name !== undefined)) throw noSuchResource();
  if (subresource !== "" && !hasSubresource(target, subresource)) throw noSuchResource();
  return { target, namespace, subresource, ...(name !== undefined && { name }) };
}

/** /namespaces/x/status is the status of a namespace, /namespaces/x/pods the pods in it. */
function isNamespaceSubresource(registry: Registry, group: string, version: string, rest: readonly string[]): boolean {
  if (group !== "" || rest.length !== 3) return false;
  const target = registry.find(group, version, "namespaces");
  return target !== undefined && hasSubresource(target, rest[2] ?? "");
}

function hasSubresource({ resource, version }: Target, name: string): boolean {
  if (name === "status") return version.status;
  if (name === "scale") return version.scale !== undefined;
  return resource.subresources.some((subresource) => subresource.name === name);
}

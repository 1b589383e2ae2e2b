/** What a request wants to do, in the words of Kubernetes' authorizers. */
import type { Target } from "../resource.ts";

export interface User {
  readonly username: string;
  readonly groups: readonly string[];
  readonly uid?: string;
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** A verb on a resource. */
export interface ResourceAttributes {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  /** Empty for the object itself. */
  readonly subresource: string;
  /** Empty for all namespaces and for cluster-scoped resources. */
  readonly namespace: string;
  /** Empty for collections. */
  readonly name: string;
}

/** A verb on a path that is no resource: /version, /healthz. */
export interface PathAttributes {
  readonly verb: string;
  readonly path: string;
}

export type Attributes = ResourceAttributes | PathAttributes;

export const isPath = (attributes: Attributes): attributes is PathAttributes => "path" in attributes;

const VERBS: Readonly<Record<string, readonly [object: string, collection: string]>> = {
  GET: ["get", "list"],
  HEAD: ["get", "list"],
  POST: ["create", "create"],
  PUT: ["update", "update"],
  PATCH: ["patch", "patch"],
  DELETE: ["delete", "deletecollection"],
};

/** The verb of an HTTP method. @param named whether the path names one object */
export function verbOf(method: string, named: boolean, watches: boolean): string {
  if (watches && (method === "GET" || method === "HEAD")) return "watch";
  return VERBS[method]?.[named ? 0 : 1] ?? method.toLowerCase();
}

interface Place {
  readonly target: Target;
  readonly namespace: string;
  readonly name?: string;
  readonly subresource: string;
}

export function attributesOf(verb: string, { target, namespace, name = "", subresource }: Place): ResourceAttributes {
  const { group, plural } = target.resource;
  // A namespace counts as being in itself: a role of that namespace may allow reading it.
  const own = group === "" && plural === "namespaces" ? name : namespace;
  return { verb, group, resource: plural, subresource, namespace: own, name };
}

/** `User "jane" cannot list resource "pods" in API group "" in the namespace "test"`. */
export function refusalText({ username }: User, attributes: Attributes): string {
  if (isPath(attributes)) return `User "${username}" cannot ${attributes.verb} path "${attributes.path}"`;
  const { verb, group, resource, subresource, namespace } = attributes;
  const what = `${resource}${subresource === "" ? "" : `/${subresource}`}`;
  const where = namespace === "" ? "at the cluster scope" : `in the namespace "${namespace}"`;
  return `User "${username}" cannot ${verb} resource "${what}" in API group "${group}" ${where}`;
}

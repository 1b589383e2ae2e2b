/** What a route is: the right that it needs, and what it answers. */
import type { ClusterClient } from "../cli/cluster.ts";
import type { Clock } from "../ports/clock.ts";
import { isForbidden, isNotFound, type ObjectCache } from "../ports/kube.ts";
import type { KubeFields, KubeObject, ResourceType } from "../ports/kubernetes.ts";
import type { Access, Resource, User } from "./access.ts";
import type { Series } from "./series.ts";
import type { Stream } from "./stream.ts";

export interface Console {
  readonly client: ClusterClient;
  readonly access: Access;
  readonly canaries: ObjectCache;
  /** CanaryRuns: of each the part that `KEPT` names. */
  readonly runs: ObjectCache;
  readonly stream: Stream;
  readonly series: Series;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The only namespace that is shown; absent: all. */
  readonly namespace?: string;
}

export interface Asked {
  readonly user: User;
  readonly params: Readonly<Record<string, string>>;
  readonly query: (name: string) => string | undefined;
  readonly body: KubeFields;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  /** JSON whose `rows` stand on lines of their own: a page reads thousands of them piece by piece. */
  readonly lines?: true;
}

export interface Route {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** The verb and resource that the user needs; undefined: the answer itself holds only what the user may see. */
  readonly right: { readonly verb: string; readonly resource: Resource } | undefined;
  readonly handle: (console: Console, asked: Asked) => Promise<Answer>;
}

export const ok = (body: unknown): Answer => ({ status: 200, body });
export const problem = (status: number, error: string): Answer => ({ status, body: { error } });

export const namespaceOf = ({ metadata }: KubeObject): string => metadata.namespace ?? "";

const REVIEWS_AT_ONCE = 20;

/**
 * @param namespaces those that matter; asked for only when the user may not list all
 * @returns whether the user may list the objects of a namespace
 */
export async function visible(
  { access, signal }: Pick<Console, "access" | "signal">,
  user: User,
  resource: Resource,
  namespaces: () => readonly string[],
): Promise<(namespace: string) => boolean> {
  const everywhere = (await access.refusal(user, "list", resource, "", "", signal)) === undefined;
  if (everywhere) return () => true;
  const allowed = new Set<string>();
  const open = [...new Set(namespaces())];
  const review = async () => {
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if ((await access.refusal(user, "list", resource, next, "", signal)) === undefined) allowed.add(next);
    }
  };
  await Promise.all(Array.from({ length: REVIEWS_AT_ONCE }, review));
  return (namespace) => allowed.has(namespace);
}

/** @returns those of the objects that are in namespaces whose objects the user may list */
export async function seenBy(
  console: Pick<Console, "access" | "signal">,
  user: User,
  resource: Resource,
  objects: readonly KubeObject[],
): Promise<KubeObject[]> {
  const sees = await visible(console, user, resource, () => objects.map(namespaceOf));
  return objects.filter((object) => sees(namespaceOf(object)));
}

export interface Listed {
  readonly objects: readonly KubeObject[];
  /** The cluster knows the kind. */
  readonly installed: boolean;
  /** Why there are none: the console itself may not list them. */
  readonly trouble?: string;
}

export async function listOf(
  { client, signal, namespace: only = "" }: Pick<Console, "client" | "signal" | "namespace">,
  type: ResourceType,
  namespace: string,
  labelSelector?: string,
): Promise<Listed> {
  try {
    const options = labelSelector === undefined ? {} : { labelSelector };
    return { objects: await client.kube.list(type, namespace || only, options, signal), installed: true };
  } catch (error) {
    if (isNotFound(error)) return { objects: [], installed: false };
    if (isForbidden(error))
      return { objects: [], installed: true, trouble: error instanceof Error ? error.message : "" };
    throw error;
  }
}

/** The namespaces that a list covers. A user may have rights in a single one. */
import { isForbidden } from "../../ports/kube.ts";
import type { KubeObject, ResourceType } from "../../ports/kubernetes.ts";
import type { ClusterClient } from "../cluster.ts";
import type { CommandContext } from "../command.ts";
import type { ReadOptions } from "../options.ts";

export interface Covered {
  readonly objects: readonly KubeObject[];
  /** "": all of them. */
  readonly namespace: string;
}

/**
 * Lists what -n or -A says. Where the user may not list all namespaces, the context's namespace is listed instead, and
 * a line says so. A program that reads the output gets the error: it would take a part for the whole.
 * @throws KubeError
 */
export async function covered(
  client: ClusterClient,
  type: ResourceType,
  options: ReadOptions,
  { err, signal }: Pick<CommandContext, "err" | "signal">,
  { query = {}, isForPeople = true }: { query?: { readonly labelSelector?: string }; isForPeople?: boolean } = {},
): Promise<Covered> {
  const own = options.text("namespace") ?? client.namespace;
  const namespace = options.flag("all-namespaces") ? "" : own;
  try {
    return { objects: await client.kube.list(type, namespace, query, signal), namespace };
  } catch (error) {
    if (namespace !== "" || !isForPeople || !isForbidden(error) || !(error instanceof Error)) throw error;
    const objects = await client.kube.list(type, own, query, signal);
    err(`${error.message}\nhere is namespace ${own} alone; -n names another\n`);
    return { objects, namespace: own };
  }
}

/** The triggers of the primary's ScaledObject: the source's, with queries that look at the primary. */
import type { KubeFields } from "../../../ports/kubernetes.ts";
import { primaryNameOf } from "../../metadata.ts";

/** Cannot stand in a query, so that what was replaced once is not replaced again. */
const PLACEHOLDER = "\u0000";

/**
 * @param targetName whose mentions in queries (`podinfo`, `podinfo-canary`) become the primary's
 * @param queries by trigger name; given ones replace the rewriting altogether
 */
export function primaryTriggers(
  triggers: readonly KubeFields[],
  targetName: string,
  queries: Readonly<Record<string, string>> | undefined,
): readonly KubeFields[] {
  return triggers.map((trigger) => {
    const query = queries === undefined ? rewritten(trigger.metadata?.query, targetName) : given(queries, trigger.name);
    return query === undefined ? trigger : { ...trigger, metadata: { ...trigger.metadata, query } };
  });
}

function given(queries: Readonly<Record<string, string>>, name: unknown): string | undefined {
  return typeof name === "string" && Object.hasOwn(queries, name) ? queries[name] : undefined;
}

/** A query that names the primary already is told `podinfo-primary-primary`, as ever: give such queries by hand. */
function rewritten(query: unknown, targetName: string): string | undefined {
  if (typeof query !== "string") return undefined;
  return query
    .replaceAll(`${targetName}-canary`, PLACEHOLDER)
    .replaceAll(targetName, PLACEHOLDER)
    .replaceAll(PLACEHOLDER, primaryNameOf(targetName));
}

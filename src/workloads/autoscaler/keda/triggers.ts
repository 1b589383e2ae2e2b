/** The triggers of the primary's ScaledObject: the source's, with queries that look at the primary. */

import type { Fields } from "../../../ports/kubernetes-types.ts";
import { primaryNameOf } from "../../metadata.ts";

export interface Trigger extends Fields {
  readonly name?: string;
  readonly metadata?: Fields;
}

/**
 * A character that no query contains. It marks names that are replaced already, so that they are not replaced again.
 */
const PLACEHOLDER = "\u0000";

/**
 * @param targetName the name whose mentions in queries (`podinfo`, `podinfo-canary`) become the primary's
 * @param queries by trigger name; a given query is used unchanged instead of the rewritten one
 */
export function primaryTriggers(
  triggers: readonly Trigger[],
  targetName: string,
  queries: Readonly<Record<string, string>> | undefined,
): readonly Trigger[] {
  return triggers.map((trigger) => {
    const query =
      queries === undefined ? rewritten(trigger.metadata?.["query"], targetName) : given(queries, trigger.name);
    return query === undefined ? trigger : { ...trigger, metadata: { ...trigger.metadata, query } };
  });
}

function given(queries: Readonly<Record<string, string>>, name: unknown): string | undefined {
  return typeof name === "string" && Object.hasOwn(queries, name) ? queries[name] : undefined;
}

/**
 * Like Flagger, turns a query that names `podinfo-primary` already into `podinfo-primary-primary`: give such queries by
 * hand.
 */
function rewritten(query: unknown, targetName: string): string | undefined {
  if (typeof query !== "string") return undefined;
  return query
    .replaceAll(`${targetName}-canary`, PLACEHOLDER)
    .replaceAll(targetName, PLACEHOLDER)
    .replaceAll(PLACEHOLDER, primaryNameOf(targetName));
}

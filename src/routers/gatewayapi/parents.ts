/** What the gateways report about a route: whether they accepted it, and whether they have seen its latest version. */

import { dotted } from "../../core/spec/spec.ts";
import type { Canary } from "../../core/status/canary.ts";
import type { Obstacle } from "../../ports/router.ts";
import type { Route, RouteCondition } from "./types.ts";

const REF_FIELDS = ["group", "kind", "namespace", "name", "sectionName", "port"] as const;

/** The status of the route at its own parents; parents that the route no longer names are left out. */
function statuses(
  route: Route,
): readonly { readonly parent: string; readonly conditions: readonly RouteCondition[] }[] {
  const parents = route.spec?.parentRefs ?? [];
  const known = route.status?.parents ?? [];
  return parents.flatMap((parent) =>
    known
      .filter(({ parentRef }) => REF_FIELDS.every((field) => parentRef?.[field] === parent[field]))
      .map(({ conditions }) => ({ parent: parent.name, conditions: conditions ?? [] })),
  );
}

const isRelevant = ({ type }: RouteCondition) => type === "Accepted" || type === "ResolvedRefs";

/**
 * False while a gateway of the route has not seen its latest version. The operator does not wait for a gateway that
 * reports nothing.
 */
export function gatewaysFollow(route: Route): boolean {
  const { generation = 0 } = route.metadata;
  return statuses(route).every(({ conditions }) =>
    conditions.filter(isRelevant).every(({ observedGeneration }) => (observedGeneration ?? generation) >= generation),
  );
}

/** A refusal of the latest version, in the words of the contract and with the gateway's reason. */
export function refusalOf(canary: Canary, route: Route): Obstacle | undefined {
  const { generation = 0, name } = route.metadata;
  for (const { parent, conditions } of statuses(route)) {
    const refused = conditions
      .filter(isRelevant)
      .find(({ status, observedGeneration }) => status === "False" && (observedGeneration ?? generation) >= generation);
    if (refused === undefined) continue;
    const { type, status, reason, message, observedGeneration = 0 } = refused;
    const state = `status: ${status}, observed generation: ${observedGeneration}, current generation: ${generation}`;
    const why = [reason, message].filter((text) => text !== undefined && text !== "").join(": ");
    return {
      text: `${route.kind} ${dotted(name, canary.ref)} parent ${parent} is not ready (${state}): ${type} is ${status}${why && `, ${why}`}`,
      writable: true,
    };
  }
  return undefined;
}

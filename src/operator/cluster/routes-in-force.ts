/** Whether the routes in the cluster are those that a status promises. */

import type { Plan } from "../../core/plan/plan.ts";
import { ALL_TO_PRIMARY } from "../../core/plan/steps.ts";
import { routesFor } from "../../core/routes.ts";
import type { Canary, Routes } from "../../core/status/canary.ts";
import type { Readings } from "../../core/turn/observation.ts";
import { mergePatch } from "../../json/merge-patch.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import type { Router, RouterKind } from "../../ports/router.ts";
import type { PodSelector } from "../../ports/workload.ts";
import type { Adapters } from "../adapters.ts";
import type { FreshSnapshot } from "./read-your-writes.ts";
import { typeOf } from "./write.ts";

/** Whether the routes are as promised, and whether the mesh has taken them. */
export function routesReading(
  canary: Canary,
  plan: Plan,
  adapters: Adapters,
  selector: PodSelector | undefined,
  snapshot: FreshSnapshot,
): Pick<Readings, "routesInForce" | "routesLate"> {
  if (!areAsPromised(canary, plan, adapters, selector, snapshot)) return { routesInForce: false };
  const isLate = adapters.router.followed?.(canary, snapshot) === false;
  return isLate ? { routesInForce: false, routesLate: true } : { routesInForce: true };
}

function areAsPromised(
  canary: Canary,
  plan: Plan,
  { router, services }: Adapters,
  selector: PodSelector | undefined,
  snapshot: FreshSnapshot,
): boolean {
  const promised = routesFor(plan, canary.status) ?? (willInitialize(canary) ? ALL_TO_PRIMARY : undefined);
  if (promised === undefined) return true;
  const apex = selector === undefined ? [] : services.renderApex(canary, selector, snapshot, servedBy(promised));
  if (apex.some((object) => !isSpecAsWanted(object, snapshot))) return false;
  const routed = asRouted(canary, promised);
  const seen = router.read(routed, snapshot);
  const isTest = canary.spec.analysis.match.length > 0;
  return (
    seen !== undefined &&
    seen.primary === promised.primary &&
    seen.canary === promised.canary &&
    seen.mirror === promised.mirror &&
    (!isTest || isMatchAsPromised(router, routed, promised, snapshot))
  );
}

/**
 * In an A/B test the weights do not say whether the canary gets everyone or only those who match: while the canary
 * covers for the primary, both are 0/100. So the conditions are compared, too.
 */
function isMatchAsPromised(router: Router, routed: Canary, promised: Routes, snapshot: FreshSnapshot): boolean {
  const wanted = router.render(routed, promised, snapshot);
  return wanted.every((object) => isSpecAsWanted(object, snapshot, router.kinds));
}

/** The pods that answer requests from outside the mesh. */
export function servedBy({ everyone }: Routes): "primary" | "canary" {
  return everyone === true ? "canary" : "primary";
}

/** The Canary as its routes are rendered: routes that send every user to the canary have no match of an A/B test. */
export function asRouted(canary: Canary, { everyone }: Routes): Canary {
  if (everyone !== true || canary.spec.analysis.match.length === 0) return canary;
  const { sessionAffinity: _notInTests, ...analysis } = canary.spec.analysis;
  return { ...canary, spec: { ...canary.spec, analysis: { ...analysis, match: [] } } };
}

/** Aviary brings the routes to the primary next, so they are compared with that before the status promises it. */
function willInitialize({ status: { phase } }: Canary): boolean {
  return phase === "Initializing" || phase === "Failed";
}

/** Labels and annotations are not compared: they route nothing, and another writer may decide about them. */
function isSpecAsWanted(wanted: KubeObject, snapshot: FreshSnapshot, kinds: readonly RouterKind[] = []): boolean {
  const { namespace = "", name } = wanted.metadata;
  const seen = snapshot.get({ type: typeOf(wanted, kinds), namespace, name });
  return seen !== undefined && mergePatch({ spec: seen["spec"] }, { spec: wanted["spec"] }) === undefined;
}

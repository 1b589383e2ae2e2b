/** Which translators a Canary needs, by the names in its spec. An unknown name is a problem, never a default. */
import type { Canary } from "../core/canary.ts";
import type { Capabilities } from "../core/plan.ts";
import type { Router } from "../ports/router.ts";
import type { ServicesRouter } from "../ports/services.ts";
import type { Autoscaler, Workload } from "../ports/workload.ts";

export interface AdapterTables {
  readonly routers: ReadonlyMap<string, Router>;
  readonly workloads: readonly Workload[];
  readonly autoscalers: readonly Autoscaler[];
  readonly services: ServicesRouter;
}

export interface Adapters {
  readonly router: Router;
  readonly workload: Workload;
  readonly autoscaler?: Autoscaler;
  readonly services: ServicesRouter;
}

export type Chosen =
  | { readonly kind: "adapters"; readonly adapters: Adapters }
  | { readonly kind: "problem"; readonly detail: string };

/** Who may have the routes of a Canary whose provider was changed to an unknown one: as Flagger guesses (R24). */
const LIKELIEST = "istio";

const problem = (detail: string): Chosen => ({ kind: "problem", detail });

/** Reasons are worded for the user: what, where, and what to do. */
export function chooseAdapters(canary: Canary, tables: AdapterTables): Chosen {
  const { provider, targetRef, autoscalerRef } = canary.spec;
  // What was taken over is given back in order, whatever the spec asks for by now.
  const isGivingBack = canary.deleting && canary.status.promotedSpec !== "";
  const router = tables.routers.get(provider) ?? (isGivingBack ? tables.routers.get(LIKELIEST) : undefined);
  if (router === undefined) {
    const known = [...tables.routers.keys()].sort().join(", ");
    return problem(`unknown mesh provider "${provider}": set spec.provider to one of ${known}`);
  }
  const workload = tables.workloads.find((candidate) => candidate.matches(targetRef));
  if (workload === undefined) {
    const known = tables.workloads.map(({ kind }) => kind).join(", ");
    return problem(`spec.targetRef ${targetRef.apiVersion} ${targetRef.kind} cannot be released: use one of ${known}`);
  }
  const autoscaler = tables.autoscalers.find(({ kind }) => kind === autoscalerRef?.kind);
  if (autoscalerRef !== undefined && autoscaler === undefined && !isGivingBack) {
    const known = tables.autoscalers.map(({ kind }) => kind).join(", ");
    return problem(`spec.autoscalerRef.kind "${autoscalerRef.kind}" is not known: use one of ${known}`);
  }
  const refused = router.problem(canary) ?? abTestingRefusal(canary, router.capabilities, provider);
  if (refused !== undefined && !isGivingBack) return problem(refused);
  return {
    kind: "adapters",
    adapters: { router, workload, services: tables.services, ...(autoscaler === undefined ? {} : { autoscaler }) },
  };
}

/** Without header matches an A/B test would silently send everybody to the canary (R28). */
function abTestingRefusal({ spec }: Canary, router: Capabilities, provider: string): string | undefined {
  return spec.strategy === "ab-testing" && router.weights && !router.headerMatch
    ? `A/B testing is not supported by provider ${provider}: remove spec.analysis.match or use another provider`
    : undefined;
}

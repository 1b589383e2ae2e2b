/** Chooses the adapters of a Canary by the names in its spec. An unknown name is a problem, never a default. */

import type { Capabilities } from "../core/plan/plan.ts";
import type { ParseOptions } from "../core/spec/parse.ts";
import type { CanarySpec, TargetRef } from "../core/spec/spec.ts";
import { PROVIDER_FIELDS, type SpecRules } from "../core/spec/spec-rules.ts";
import type { Canary } from "../core/status/canary.ts";
import type { Router, RouterKind, RouterOptions } from "../ports/router.ts";
import type { ServicesRouter } from "../ports/services.ts";
import type { Autoscaler, Workload, WorkloadOptions } from "../ports/workload.ts";
import { createRouters, DEFAULT_PROVIDER } from "../routers/table.ts";
import { createServicesRouter } from "../services/services.ts";
import { createAutoscalers } from "../workloads/autoscalers.ts";
import { createWorkloads, SELECTOR_LABELS } from "../workloads/table.ts";

/** Every adapter of the operator, made with its flags. */
export interface AdapterTables {
  readonly routers: ReadonlyMap<string, Router>;
  readonly workloads: readonly Workload[];
  readonly autoscalers: readonly Autoscaler[];
  readonly services: ServicesRouter;
}

/** All adapters. What is absent is as Flagger's flags have it when they are not given. */
export function createTables(
  { selectorLabels = SELECTOR_LABELS, includeLabelPrefixes = [], configTracking = true }: Partial<WorkloadOptions> = {},
  routing: RouterOptions = { setOwnerRefs: true },
): AdapterTables {
  const targets = { selectorLabels, includeLabelPrefixes, configTracking };
  return {
    routers: createRouters(routing),
    workloads: createWorkloads(targets),
    autoscalers: createAutoscalers(targets),
    services: createServicesRouter(),
  };
}

/** The adapters of one Canary. `autoscaler` is absent when the spec names none. */
export interface Adapters {
  readonly router: Router;
  readonly workload: Workload;
  readonly autoscaler?: Autoscaler;
  readonly services: ServicesRouter;
}

/** The adapters that a spec names; or why there are none, as the text of the event. */
export type Chosen =
  | { readonly kind: "adapters"; readonly adapters: Adapters }
  | { readonly kind: "problem"; readonly detail: string };

/** The kinds that any router reads or writes. */
export function routerKinds({ routers }: Pick<AdapterTables, "routers">): readonly RouterKind[] {
  return [...new Set([...routers.values()].flatMap(({ kinds }) => kinds))];
}

/**
 * The router of a provider. When the name has a suffix after a colon, a router may serve the name without the suffix.
 */
export function routerOf(routers: ReadonlyMap<string, Router>, provider: string): Router | undefined {
  const exact = routers.get(provider);
  if (exact !== undefined) return exact;
  return [...routers.values()].find(({ name, takesSuffix }) => takesSuffix === true && provider.startsWith(`${name}:`));
}

/** The workload of a target; undefined for a kind that cannot be released. */
export function workloadOf(workloads: readonly Workload[], target: TargetRef): Workload | undefined {
  return workloads.find((candidate) => candidate.matches(target));
}

/** What the adapters of these tables say about a spec. */
export function specRulesOf({ routers, workloads }: Pick<AdapterTables, "routers" | "workloads">): SpecRules {
  const fields = PROVIDER_FIELDS.map((field) => {
    const readers = [...routers.values()].filter(({ reads = [] }) => reads.includes(field));
    return { field, readers: readers.map(({ name }) => name) };
  });
  return {
    targetKinds: [...new Set(workloads.map(({ kind }) => kind))],
    refusal: (spec) =>
      workloadOf(workloads, spec.targetRef)?.refusal?.(spec) ??
      routerOf(routers, spec.ownProvider ?? "")?.refusal?.(spec),
    shiftsWeights: (provider) => routerOf(routers, provider)?.capabilities.weights !== false,
    ignoredBy(provider) {
      const { reads = [] } = routerOf(routers, provider) ?? {};
      return fields.filter(({ field }) => !reads.includes(field));
    },
  };
}

const TEN_SECONDS = 10_000;

/** How specs are read with these adapters. The flags are the operator's defaults, unless `flags` has others. */
export function parseOptionsOf(
  tables: Pick<AdapterTables, "routers" | "workloads">,
  flags: Partial<Omit<ParseOptions, "rules">> = {},
): ParseOptions {
  return {
    meshProvider: DEFAULT_PROVIDER,
    intervalFloorMs: TEN_SECONDS,
    noCrossNamespaceRefs: false,
    ...flags,
    rules: specRulesOf(tables),
  };
}

const problem = (detail: string): Chosen => ({ kind: "problem", detail });

/** Reasons are worded for the user: what, where, and what to do. */
export function chooseAdapters(canary: Canary, tables: AdapterTables): Chosen {
  const { provider, targetRef, autoscalerRef } = canary.spec;
  // The routes of a deleted Canary are handed back even when its spec is invalid.
  const isGivingBack = canary.deleting && canary.status.promotedSpec !== "";
  // A provider that was changed to an unknown name counts as the default provider: as Flagger does (R24).
  const router =
    routerOf(tables.routers, provider) ?? (isGivingBack ? tables.routers.get(DEFAULT_PROVIDER) : undefined);
  if (router === undefined) {
    const known = [...tables.routers.keys()].sort().join(", ");
    return problem(`unknown mesh provider "${provider}": set spec.provider to one of ${known}`);
  }
  const workload = workloadOf(tables.workloads, targetRef);
  if (workload === undefined) {
    const known = tables.workloads.map(({ kind }) => kind).join(", ");
    return problem(`spec.targetRef ${targetRef.apiVersion} ${targetRef.kind} cannot be released: use one of ${known}`);
  }
  const autoscaler = tables.autoscalers.find(({ kind }) => kind === autoscalerRef?.kind);
  if (autoscalerRef !== undefined && autoscaler === undefined && !isGivingBack) {
    const known = tables.autoscalers.map(({ kind }) => kind).join(", ");
    return problem(`spec.autoscalerRef.kind "${autoscalerRef.kind}" is not known: use one of ${known}`);
  }
  const refused = router.problem(canary) ?? inability(canary, router, tables);
  if (refused !== undefined && !isGivingBack) return problem(refused);
  return {
    kind: "adapters",
    adapters: { router, workload, services: tables.services, ...(autoscaler === undefined ? {} : { autoscaler }) },
  };
}

interface Wish {
  readonly ability: keyof Capabilities;
  readonly what: string;
  /** Of `spec.analysis`. */
  readonly field: string;
  readonly isAsked: (analysis: CanarySpec["analysis"]) => boolean;
}

const WISHES: readonly Wish[] = [
  { ability: "headerMatch", what: "A/B testing", field: "match", isAsked: ({ match }) => match.length > 0 },
  { ability: "mirror", what: "mirroring", field: "mirror", isAsked: ({ mirror }) => mirror },
  {
    ...{ ability: "sessionAffinity", what: "session affinity", field: "sessionAffinity" },
    isAsked: ({ sessionAffinity }) => sessionAffinity !== undefined,
  },
];

/**
 * What the Canary asks for and its provider cannot do. If Aviary ignored the wish, all users would go to the canary
 * (A/B, R28), the run would hang at its first step (mirroring, R2), or users would change between the versions
 * (affinity). Without weights the plan replaces the strategy instead.
 */
function inability({ spec }: Canary, router: Router, tables: AdapterTables): string | undefined {
  const { capabilities: can } = router;
  const lacking = WISHES.find(({ ability, isAsked }) => can.weights && !can[ability] && isAsked(spec.analysis));
  if (lacking === undefined) return undefined;
  const { ability, what, field } = lacking;
  const able = [...tables.routers.values()].filter(({ capabilities }) => capabilities[ability]).map(({ name }) => name);
  const instead = `remove spec.analysis.${field} or use one of ${able.sort().join(", ")}`;
  return `${what} is not supported by provider ${spec.provider}: ${instead}`;
}

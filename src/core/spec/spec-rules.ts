/**
 * What the adapters say about a spec. The core knows no adapter, so it gets these answers as an argument; `specRulesOf`
 * of `operator/adapters.ts` reads them from the tables of routers and workloads.
 */
import type { CanarySpec } from "./spec.ts";

/** Answers of the provider and of the kind of target that a spec names. */
export interface SpecRules {
  /** Workload kinds that can be targets, e.g. "Deployment". */
  readonly targetKinds: readonly string[];
  /** Why provider and target do not fit together; undefined when they do. */
  refusal(spec: CanarySpec): string | undefined;
  /** False: the provider cannot split traffic, so a run needs no weights. True for an unknown provider. */
  shiftsWeights(provider: string): boolean;
  /** The fields that other providers read and this one ignores. */
  ignoredBy(provider: string): readonly IgnoredField[];
}

/** A field of the spec that only some providers read. */
export interface IgnoredField {
  readonly field: ProviderField;
  /** The providers that read the field, in the order of their table. */
  readonly readers: readonly string[];
}

/** The fields of the spec that only some providers read, by their path below `spec`. */
export const PROVIDER_FIELDS = [
  "ingressRef",
  "routeRef",
  "upstreamRef",
  "service.gatewayRefs",
  "service.gateways",
  "service.delegation",
  "service.trafficPolicy",
  "service.meshName",
  "service.backends",
] as const;

/** One of these fields. */
export type ProviderField = (typeof PROVIDER_FIELDS)[number];

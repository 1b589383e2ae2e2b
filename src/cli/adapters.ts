/** The adapters that the operator would choose for a Canary, as its flags have it when they are not given. */
import type { ParseOptions } from "../core/parse.ts";
import type { CanarySpec } from "../core/spec.ts";
import { fromWire } from "../core/status.ts";
import {
  type Chosen,
  chooseAdapters,
  parseOptionsOf,
  routerOf,
  specRulesOf,
  workloadOf,
} from "../operator/adapters.ts";
import type { KubeObject } from "../ports/kubernetes.ts";
import type { Router } from "../ports/router.ts";
import type { Workload } from "../ports/workload.ts";
import { createRouters } from "../routers/table.ts";
import { createServicesRouter } from "../services/services.ts";
import { createAutoscalers } from "../workloads/autoscalers.ts";
import { createWorkloads } from "../workloads/table.ts";

export const SELECTOR_LABELS = ["app", "name", "app.kubernetes.io/name"];
const WORKLOADS = { selectorLabels: SELECTOR_LABELS, includeLabelPrefixes: [], configTracking: true };
const TABLES = {
  routers: createRouters({ setOwnerRefs: true }),
  workloads: createWorkloads(WORKLOADS),
  autoscalers: createAutoscalers(WORKLOADS),
  services: createServicesRouter(),
};
const NO_STATUS = fromWire(undefined, { intervalMs: 0, iterations: 0, weights: [], mirror: false });

/** What the adapters say about a spec. */
export const SPEC_RULES = specRulesOf(TABLES);

/** How the operator reads a spec. @param meshProvider its flag; absent: the flag is not set */
export const parseOptions = (meshProvider?: string): ParseOptions =>
  parseOptionsOf(TABLES, meshProvider === undefined ? {} : { meshProvider });

/** The kinds of target. */
export const { workloads: TARGETS } = TABLES;

/** The kind of a target that can be released. */
export const targetOf = (spec: CanarySpec): Workload | undefined => workloadOf(TARGETS, spec.targetRef);

/** The router of a provider; undefined for an unknown one. */
export const routerFor = ({ provider }: CanarySpec): Router | undefined => routerOf(TABLES.routers, provider);

/** A Canary with a valid spec, before its first turn. */
export function newCanary({ metadata }: KubeObject, spec: CanarySpec) {
  const { name, namespace = "default" } = metadata;
  const known = { uid: "", generation: 1, resourceVersion: "", deleting: false, finalizers: [] };
  return { ref: { name, namespace }, ...known, spec, status: NO_STATUS };
}

/** @returns a problem for a Canary that the operator refuses, though its spec is valid */
export const adaptersFor = (wire: KubeObject, spec: CanarySpec): Chosen =>
  chooseAdapters(newCanary(wire, spec), TABLES);

/** The adapters that the operator would choose for a Canary, as its flags have it when they are not given. */
import type { CanarySpec } from "../core/spec.ts";
import { fromWire } from "../core/status.ts";
import { type Chosen, chooseAdapters } from "../operator/adapters.ts";
import type { KubeObject } from "../ports/kubernetes.ts";
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

/** A Canary with a valid spec, before its first turn. */
export function newCanary({ metadata }: KubeObject, spec: CanarySpec) {
  const { name, namespace = "default" } = metadata;
  const known = { uid: "", generation: 1, resourceVersion: "", deleting: false, finalizers: [] };
  return { ref: { name, namespace }, ...known, spec, status: NO_STATUS };
}

/** @returns a problem for a Canary that the operator refuses, though its spec is valid */
export const adaptersFor = (wire: KubeObject, spec: CanarySpec): Chosen =>
  chooseAdapters(newCanary(wire, spec), TABLES);

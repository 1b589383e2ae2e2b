/** Every kind of target. */
import type { Workload, WorkloadOptions } from "../ports/workload.ts";
import { createDaemonSetWorkload } from "./daemonset/daemonset.ts";
import { createDeploymentWorkload } from "./deployment/deployment.ts";
import { createKnativeWorkload } from "./knative/knative.ts";
import { createServiceWorkload } from "./service/service.ts";
import { createStatefulSetWorkload } from "./statefulset/statefulset.ts";

export const WORKLOADS = [
  createDeploymentWorkload,
  createDaemonSetWorkload,
  createStatefulSetWorkload,
  createServiceWorkload,
  createKnativeWorkload,
] as const satisfies readonly ((options: WorkloadOptions) => Workload)[];

/** Flagger's preset of `-selector-labels`: labels by which pods are selected, in order of preference. */
export const SELECTOR_LABELS: readonly string[] = ["app", "name", "app.kubernetes.io/name"];

export function createWorkloads(options: WorkloadOptions): readonly Workload[] {
  return WORKLOADS.map((create) => create(options));
}

/** Every kind of target. */
import type { Workload, WorkloadOptions } from "../ports/workload.ts";
import { createDeploymentWorkload } from "./deployment/deployment.ts";

export const WORKLOADS = [createDeploymentWorkload] as const satisfies readonly ((
  options: WorkloadOptions,
) => Workload)[];

export function createWorkloads(options: WorkloadOptions): readonly Workload[] {
  return WORKLOADS.map((create) => create(options));
}

/** Everything that can scale a target, by the kind in `spec.autoscalerRef`. */
import type { Autoscaler } from "../ports/workload.ts";
import { createHpaAutoscaler } from "./autoscaler/hpa/hpa.ts";
import { type AutoscalerOptions, createKedaAutoscaler } from "./autoscaler/keda/keda.ts";

export const AUTOSCALERS = [createHpaAutoscaler, createKedaAutoscaler] as const satisfies readonly ((
  options: AutoscalerOptions,
) => Autoscaler)[];

export function createAutoscalers(options: AutoscalerOptions): readonly Autoscaler[] {
  return AUTOSCALERS.map((create) => create(options));
}

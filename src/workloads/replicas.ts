/** How many replicas a target is brought up with. */
import type { Canary } from "../core/canary.ts";
import { type KubeObject, RESOURCES, type ResourceType } from "../ports/kubernetes.ts";
import type { Snapshot } from "../ports/snapshot.ts";

/** The object that scales the target, when there is one. */
export function scalerOf(canary: Canary): readonly { readonly type: ResourceType; readonly name: string }[] {
  const ref = canary.spec.autoscalerRef;
  if (ref?.kind === "HorizontalPodAutoscaler") return [{ type: RESOURCES.hpa, name: ref.name }];
  return ref?.kind === "ScaledObject" ? [{ type: RESOURCES.scaledObject, name: ref.name }] : [];
}

/** As many as the primary has; with a scaler its minimum, at least 1: it will find the right number by itself. */
export function scaledUpReplicas(canary: Canary, primary: KubeObject | undefined, seen: Snapshot): number {
  const [scaler] = scalerOf(canary);
  if (scaler === undefined) return Math.max(1, primary?.spec?.replicas ?? 1);
  const { spec } = seen.get({ ...scaler, namespace: canary.ref.namespace }) ?? {};
  return Math.max(1, spec?.minReplicas ?? spec?.minReplicaCount ?? 1);
}

/**
 * Targets that are scaled by `spec.replicas`: how many replicas the target gets when it is scaled up, and the primary.
 */
import type { Canary } from "../core/canary.ts";
import { type ObjectRef, RESOURCES } from "../ports/kubernetes.ts";
import type { WorkloadObject, WorkloadSpec } from "../ports/kubernetes-types.ts";
import type { Snapshot } from "../ports/snapshot.ts";
import type { Before } from "./copied/kind.ts";

const APPLIED_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration";

/** Implements `Scaling` of copied/kind.ts. */
export const BY_REPLICAS = {
  available: (object: WorkloadObject): number => object.status?.availableReplicas ?? 0,
  isScaledDown: (object: WorkloadObject): boolean => object.spec?.replicas === 0,
  scaledDown: (target: WorkloadObject): WorkloadObject => withReplicas(target, 0),
  scaledUp: (
    target: WorkloadObject,
    canary: Canary,
    primary: WorkloadObject | undefined,
    seen: Snapshot,
  ): WorkloadObject => withReplicas(target, scaledUpReplicas(canary, primary, seen)),
  reverted: (
    target: WorkloadObject,
    canary: Canary,
    primary: WorkloadObject | undefined,
    seen: Snapshot,
  ): WorkloadObject =>
    // Without a primary there is nothing to take over: a target that serves keeps its replicas.
    primary === undefined && !BY_REPLICAS.isScaledDown(target)
      ? target
      : withReplicas(target, revertedReplicas(canary, primary, seen)),
  primaryReplicas,
  inputs: scalerOf,
};

/** The object that scales the target, when there is one. */
function scalerOf(canary: Canary): readonly ObjectRef[] {
  const ref = canary.spec.autoscalerRef;
  const { namespace } = canary.ref;
  if (ref?.kind === "HorizontalPodAutoscaler") return [{ type: RESOURCES.hpa, namespace, name: ref.name }];
  return ref?.kind === "ScaledObject" ? [{ type: RESOURCES.scaledObject, namespace, name: ref.name }] : [];
}

/**
 * As many replicas as the primary; with an autoscaler its minimum, at least 1, because the autoscaler finds the right
 * number.
 */
function scaledUpReplicas(canary: Canary, primary: WorkloadObject | undefined, seen: Snapshot): number {
  const [scaler] = scalerOf(canary);
  if (scaler === undefined) return Math.max(1, primary?.spec?.replicas ?? 1);
  const spec: { readonly minReplicas?: number; readonly minReplicaCount?: number } = seen.get(scaler)?.spec ?? {};
  return Math.max(1, spec.minReplicas ?? spec.minReplicaCount ?? 1);
}

/**
 * As many replicas as the primary, with or without an autoscaler: the target takes over from it. Never 0, because no
 * pod would serve.
 */
function revertedReplicas(canary: Canary, primary: WorkloadObject | undefined, seen: Snapshot): number {
  return primary === undefined
    ? scaledUpReplicas(canary, primary, seen)
    : Math.max(1, (primary.spec?.replicas as number | undefined) ?? 1);
}

/**
 * The replicas follow the target on creation, and on promotion only when nothing else scales the primary. The replicas
 * of a scaled-down target do not count: a primary that was deleted gets the number it had, or else the number in the
 * manifest of the target.
 */
function primaryReplicas(target: WorkloadObject, canary: Canary, { primary, replicas: before }: Before): WorkloadSpec {
  const replicas: number = target.spec?.replicas ?? 1;
  if (primary === undefined) return { replicas: Math.max(1, replicas || before || appliedReplicas(target)) };
  return canary.spec.autoscalerRef !== undefined || replicas === 0 ? {} : { replicas };
}

/** The number in the annotation of `kubectl apply`; 0 when there is none. */
function appliedReplicas({ metadata }: WorkloadObject): number {
  try {
    const { spec } = JSON.parse(metadata.annotations?.[APPLIED_ANNOTATION] ?? "{}");
    return Number.isSafeInteger(spec?.replicas) ? spec.replicas : 0;
  } catch {
    return 0;
  }
}

function withReplicas(object: WorkloadObject, replicas: number): WorkloadObject {
  return { ...object, spec: { ...object.spec, replicas } };
}

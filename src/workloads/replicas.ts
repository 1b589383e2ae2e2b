/** Targets that are scaled by `spec.replicas`: how many they are brought up with, and how many the primary gets. */
import type { Canary } from "../core/canary.ts";
import { type KubeFields, type KubeObject, type ObjectRef, RESOURCES } from "../ports/kubernetes.ts";
import type { Snapshot } from "../ports/snapshot.ts";
import type { Before } from "./copied/kind.ts";

const APPLIED_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration";

/** All of `Scaling` in copied/kind.ts. */
export const BY_REPLICAS = {
  available: (object: KubeObject): number => object.status?.availableReplicas ?? 0,
  isScaledDown: (object: KubeObject): boolean => object.spec?.replicas === 0,
  scaledDown: (target: KubeObject): KubeObject => withReplicas(target, 0),
  scaledUp: (target: KubeObject, canary: Canary, primary: KubeObject | undefined, seen: Snapshot): KubeObject =>
    withReplicas(target, scaledUpReplicas(canary, primary, seen)),
  reverted: (target: KubeObject, canary: Canary, primary: KubeObject | undefined, seen: Snapshot): KubeObject =>
    // Without a primary nobody takes over from anybody: a target that serves keeps what it has.
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

/** As many as the primary has; with a scaler its minimum, at least 1: it will find the right number by itself. */
function scaledUpReplicas(canary: Canary, primary: KubeObject | undefined, seen: Snapshot): number {
  const [scaler] = scalerOf(canary);
  if (scaler === undefined) return Math.max(1, primary?.spec?.replicas ?? 1);
  const { spec } = seen.get(scaler) ?? {};
  return Math.max(1, spec?.minReplicas ?? spec?.minReplicaCount ?? 1);
}

/** As many as the primary has, scaler or not: it takes over from it. Never 0, or nobody would serve. */
function revertedReplicas(canary: Canary, primary: KubeObject | undefined, seen: Snapshot): number {
  return primary === undefined
    ? scaledUpReplicas(canary, primary, seen)
    : Math.max(1, (primary.spec?.replicas as number | undefined) ?? 1);
}

/**
 * They follow the target on creation, and on promotion only when nothing else scales the primary. A target that is down
 * says nothing about how many pods serve: a primary that was deleted is made again as large as it was, else as large as
 * the manifest of the target says.
 */
function primaryReplicas(target: KubeObject, canary: Canary, { primary, replicas: before }: Before): KubeFields {
  const replicas: number = target.spec?.replicas ?? 1;
  if (primary === undefined) return { replicas: Math.max(1, replicas || before || appliedReplicas(target)) };
  return canary.spec.autoscalerRef !== undefined || replicas === 0 ? {} : { replicas };
}

/** As `kubectl apply` remembers it; 0 when it does not. */
function appliedReplicas({ metadata }: KubeObject): number {
  try {
    const { spec } = JSON.parse(metadata.annotations?.[APPLIED_ANNOTATION] ?? "{}");
    return Number.isSafeInteger(spec?.replicas) ? spec.replicas : 0;
  } catch {
    return 0;
  }
}

function withReplicas(object: KubeObject, replicas: number): KubeObject {
  return { ...object, spec: { ...object.spec, replicas } };
}

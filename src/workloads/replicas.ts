/**
 * Targets that are scaled by `spec.replicas`: how many replicas the target gets when it is scaled up, and the primary.
 */

import { TOTAL_WEIGHT } from "../core/plan/plan.ts";
import type { Canary } from "../core/status/canary.ts";
import { type KubeObject, type ObjectRef, RESOURCES } from "../ports/kubernetes.ts";
import type { WorkloadObject, WorkloadSpec } from "../ports/kubernetes-types.ts";
import type { Snapshot } from "../ports/snapshot.ts";
import { PAUSE_ANNOTATION } from "./autoscaler/keda/keda.ts";
import type { Before } from "./copied/kind.ts";
import { primaryNameOf } from "./metadata.ts";

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
  emptied(primary: WorkloadObject, target: WorkloadObject, canary: Canary, seen: Snapshot): string | undefined {
    if (!BY_REPLICAS.isScaledDown(primary) || isIdleOnPurpose(canary, seen)) return undefined;
    const { name, namespace } = primary.metadata;
    const workload = `${canary.spec.targetRef.kind.toLowerCase()}/${name}`;
    const replicas = Math.max(1, target.spec?.replicas ?? 1);
    return (
      "it was scaled to zero (spec.replicas), and nothing scales it up: " +
      `run kubectl scale ${workload} --replicas=${replicas} -n ${namespace}`
    );
  },
  podless: asleep,
  primaryReplicas,
  revival: ({ type: { kind }, namespace, name }: ObjectRef, primary: WorkloadObject | undefined): string => {
    const size = Math.max(1, primary?.spec?.replicas ?? 1);
    return `you run: kubectl -n ${namespace} scale ${kind.toLowerCase()}/${name} --replicas=${size}`;
  },
  inputs: (canary: Canary): readonly ObjectRef[] => scalerOf(canary).flatMap((ref) => [ref, primaryScaler(ref)]),
};

/** The object that scales the target, when there is one. */
function scalerOf(canary: Canary): readonly ObjectRef[] {
  const ref = canary.spec.autoscalerRef;
  const { namespace } = canary.ref;
  if (ref?.kind === "HorizontalPodAutoscaler") return [{ type: RESOURCES.hpa, namespace, name: ref.name }];
  return ref?.kind === "ScaledObject" ? [{ type: RESOURCES.scaledObject, namespace, name: ref.name }] : [];
}

const primaryScaler = (source: ObjectRef): ObjectRef => ({ ...source, name: primaryNameOf(source.name) });

/**
 * Whether the primary's autoscaler takes its last pod when there is no work, and gives it one again when there is. One
 * that is paused gives none, and one that finds work has not taken it.
 */
function isIdleOnPurpose(canary: Canary, seen: Snapshot): boolean {
  const [source] = scalerOf(canary);
  const scaler: ScalerObject | undefined = source && seen.get(primaryScaler(source));
  if (scaler === undefined) return false;
  const { spec = {}, status, metadata } = scaler;
  if (scaler.kind !== RESOURCES.scaledObject.kind) return spec.minReplicas === 0 && !status?.desiredReplicas;
  const isPaused = PAUSES.some((name) => (metadata.annotations?.[name] ?? "false") !== "false");
  const isActive = status?.conditions?.some(({ type, status: is }) => type === "Active" && is === "True") === true;
  return !isPaused && !isActive && (spec.idleReplicaCount ?? spec.minReplicaCount ?? 0) === 0;
}

/** While the canary has all traffic, the primary's autoscaler finds no work, and takes its last pod. */
function asleep(
  _target: WorkloadObject,
  primary: WorkloadObject | undefined,
  canary: Canary,
  seen: Snapshot,
): string | undefined {
  if (primary === undefined || canary.status.canaryWeight < TOTAL_WEIGHT) return undefined;
  if (!BY_REPLICAS.isScaledDown(primary) || !isIdleOnPurpose(canary, seen)) return undefined;
  const { name, namespace } = primary.metadata;
  return (
    `${name}.${namespace} has no pods, because its autoscaler finds no work while the canary has all traffic: when it ` +
    "takes over, users wait for its first pod; set spec.autoscalerRef.primaryScalerReplicas.minReplicas to 1, which " +
    "counts at once"
  );
}

/** Annotations with which people stop KEDA. */
const PAUSES = [PAUSE_ANNOTATION, "autoscaling.keda.sh/paused"];

/** Fields of an HPA or a ScaledObject. */
interface ScalerObject extends KubeObject {
  readonly spec?: {
    readonly minReplicas?: number;
    readonly minReplicaCount?: number;
    readonly idleReplicaCount?: number;
  };
  readonly status?: {
    /** What an HPA found last. */
    readonly desiredReplicas?: number;
    readonly conditions?: readonly { readonly type?: string; readonly status?: string }[];
  };
}

/**
 * As many replicas as the primary; with an autoscaler its minimum, at least 1, because the autoscaler finds the right
 * number.
 */
function scaledUpReplicas(canary: Canary, primary: WorkloadObject | undefined, seen: Snapshot): number {
  const [scaler] = scalerOf(canary);
  if (scaler === undefined) return Math.max(1, primary?.spec?.replicas ?? 1);
  const { spec = {} }: Pick<ScalerObject, "spec"> = seen.get(scaler) ?? {};
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

/** The HorizontalPodAutoscaler that KEDA makes and owns for a ScaledObject. */
import { type KubeFields, type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import type { ControllerContext } from "../context.ts";
import { controllerRef, isControlledBy, namespaceOf } from "../objects.ts";
import type { Triggers } from "./triggers.ts";

const MOST = 100;

export function hpaName({ metadata, spec }: KubeObject): string {
  return spec?.advanced?.horizontalPodAutoscalerConfig?.name || `keda-hpa-${metadata.name}`;
}

/** @returns "taken" when another client's object has its name */
export function ensureHpa(
  { cluster }: ControllerContext,
  scaledObject: KubeObject,
  triggers: Triggers,
): "made" | "there" | "taken" {
  const wanted = hpaOf(scaledObject, triggers);
  const live = cluster.get(RESOURCES.hpa, namespaceOf(scaledObject), wanted.metadata.name);
  if (live === undefined) {
    cluster.create(RESOURCES.hpa, wanted);
    return "made";
  }
  if (!isControlledBy(live, scaledObject)) return "taken";
  const { spec, metadata } = wanted;
  const same =
    contains(live.spec, spec) &&
    live.spec?.metrics?.length === spec.metrics.length &&
    (live.spec?.behavior === undefined) === (spec.behavior === undefined) &&
    contains(live.metadata.labels, metadata.labels) &&
    contains(live.metadata.annotations ?? {}, metadata.annotations);
  if (same) return "there";
  cluster.update(RESOURCES.hpa, {
    ...structuredClone(live),
    metadata: { ...structuredClone(live.metadata), labels: metadata.labels, annotations: metadata.annotations },
    spec,
  } as KubeObject);
  return "there";
}

/** Removes it, if it is this ScaledObject's. */
export function removeHpa({ cluster }: ControllerContext, scaledObject: KubeObject): void {
  const live = cluster.get(RESOURCES.hpa, namespaceOf(scaledObject), hpaName(scaledObject));
  if (live === undefined || !isControlledBy(live, scaledObject)) return;
  cluster.remove(RESOURCES.hpa, namespaceOf(live), live.metadata.name);
}

function hpaOf(scaledObject: KubeObject, { metrics }: Triggers): KubeObject & { spec: KubeFields } {
  const { metadata, spec } = scaledObject;
  const name = hpaName(scaledObject);
  const behavior = spec?.advanced?.horizontalPodAutoscalerConfig?.behavior;
  const { apiVersion = "apps/v1", kind = "Deployment", name: target } = spec?.scaleTargetRef ?? {};
  return structuredClone({
    apiVersion: "autoscaling/v2",
    kind: RESOURCES.hpa.kind,
    metadata: {
      name,
      namespace: namespaceOf(scaledObject),
      labels: {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/part-of": metadata.name,
        "app.kubernetes.io/managed-by": "keda-operator",
        ...metadata.labels,
      },
      annotations: { ...metadata.annotations },
      ownerReferences: [controllerRef(scaledObject)],
    },
    spec: {
      scaleTargetRef: { apiVersion, kind, name: target },
      minReplicas: Math.max(1, spec?.minReplicaCount ?? 1),
      maxReplicas: spec?.maxReplicaCount ?? MOST,
      metrics,
      ...(behavior === undefined ? {} : { behavior }),
    },
  });
}

/** Whether everything that is wanted is there; the API server may have added to it. */
function contains(live: KubeFields, wanted: KubeFields): boolean {
  if (wanted === null || typeof wanted !== "object") return live === wanted;
  if (live === null || typeof live !== "object") return false;
  return Object.entries(wanted).every(([field, value]) => value === undefined || contains(live[field], value));
}

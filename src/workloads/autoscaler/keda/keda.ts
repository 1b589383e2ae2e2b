/**
 * KEDA ScaledObjects: the primary gets its own, whose queries measure the primary. The source is paused while the
 * target is scaled down, because KEDA would scale it up again. Objects are patched, never decoded: fields of a newer
 * KEDA survive in the user's object and are copied to the primary's (Q55).
 */
import { isDeepStrictEqual } from "node:util";
import type { DesiredState } from "../../../core/desired.ts";
import type { Canary } from "../../../core/status/canary.ts";
import { type KubeObject, RESOURCES } from "../../../ports/kubernetes.ts";
import type { Fields } from "../../../ports/kubernetes-types.ts";
import type { Snapshot } from "../../../ports/snapshot.ts";
import type { Autoscaler, WorkloadOptions } from "../../../ports/workload.ts";
import { filterPrefixes, primaryNameOf, withoutFlux } from "../../metadata.ts";
import {
  createdScaler,
  isLeaving,
  madeScaler,
  missingSource,
  primaryScaleTarget,
  type Scaler,
  type SeenScalers,
  seenScalers,
  sourceAndPrimary,
  sourceRef,
} from "../source.ts";
import { primaryTriggers, type Trigger } from "./triggers.ts";

const TYPE = RESOURCES.scaledObject;

/** As in keda.sh/v1alpha1. */
interface ScaledObjectSpec extends Fields {
  readonly scaleTargetRef?: Fields & { readonly name?: string };
  readonly minReplicaCount?: number;
  readonly maxReplicaCount?: number;
  readonly triggers?: readonly Trigger[];
  readonly advanced?: Fields & { readonly horizontalPodAutoscalerConfig?: Fields & { readonly name?: string } };
}

interface ScalerObject extends Scaler {
  spec?: ScaledObjectSpec;
}

/** Annotation of KEDA that holds the target at this number of replicas. */
export const PAUSE_ANNOTATION = "autoscaling.keda.sh/paused-replicas";

export type AutoscalerOptions = Pick<WorkloadOptions, "includeLabelPrefixes">;

export function createKedaAutoscaler(options: AutoscalerOptions): Autoscaler {
  return {
    kind: TYPE.kind,
    inputs: (canary) => sourceAndPrimary(canary, TYPE),
    made: (canary) => madeScaler(canary, TYPE),
    problem: (canary, seen) => missingSource(canary, TYPE, seen, `Keda ${TYPE.kind}`),
    renderPrimary: (canary, wanted, seen) => renderPrimary(canary, wanted, seen, options),
    renderTarget,
    wakes,
  };
}

function wakes(canary: Canary, seen: Snapshot): KubeObject | undefined {
  const ref = sourceRef(canary, TYPE);
  const source: ScalerObject | undefined = ref && seen.get(ref);
  const scalesTarget = source?.spec?.scaleTargetRef?.name === canary.spec.targetRef.name;
  return scalesTarget && source.metadata.deletionTimestamp === undefined ? source : undefined;
}

function renderPrimary(
  canary: Canary,
  wanted: DesiredState,
  seen: Snapshot,
  { includeLabelPrefixes }: AutoscalerOptions,
): readonly KubeObject[] {
  const scalers = seenScalers<ScalerObject>(canary, TYPE, seen);
  if (scalers === undefined) return [];
  const { source, primary } = scalers;
  if (primary === undefined) return isLeaving(canary) ? [] : [created(canary, scalers)];
  if (!wanted.syncScaler) return [{ ...primary, spec: { ...primary.spec, ...ownLimits(canary) } }];
  const spec = primarySpec(canary, source);
  if (isDeepStrictEqual(primary.spec, spec)) return [];
  // The prefix filter prunes the labels and annotations of the primary's scaler when the scaler is updated (Q56).
  const { labels, annotations, ...metadata } = primary.metadata;
  return [
    {
      ...primary,
      metadata: {
        ...metadata,
        labels: filterPrefixes(labels, includeLabelPrefixes),
        annotations: filterPrefixes(annotations, includeLabelPrefixes),
      },
      spec,
    },
  ];
}

function created(canary: Canary, scalers: SeenScalers<ScalerObject>): KubeObject {
  const { source } = scalers;
  // The source may be paused at this moment; the primary's copy never is (Q57).
  const { [PAUSE_ANNOTATION]: _paused, ...annotations } = withoutFlux(source.metadata.annotations);
  return createdScaler(canary, TYPE, scalers, { annotations, spec: primarySpec(canary, source) });
}

function primarySpec(canary: Canary, source: ScalerObject): ScaledObjectSpec {
  const { primaryScalerQueries } = canary.spec.autoscalerRef ?? {};
  const { advanced, triggers } = source.spec ?? {};
  const hpa = advanced?.horizontalPodAutoscalerConfig ?? {};
  return {
    ...source.spec,
    scaleTargetRef: primaryScaleTarget(canary, source),
    ...ownLimits(canary),
    advanced: {
      ...advanced,
      horizontalPodAutoscalerConfig: hpa.name ? { ...hpa, name: primaryNameOf(hpa.name) } : hpa,
    },
    triggers: primaryTriggers(triggers ?? [], canary.spec.targetRef.name, primaryScalerQueries),
  };
}

/** Limits of the primary that the Canary sets. An edit of them applies at once. */
function ownLimits({ spec }: Canary): ScaledObjectSpec {
  const { minReplicas, maxReplicas } = spec.autoscalerRef?.primaryScalerReplicas ?? {};
  return {
    ...(minReplicas === undefined ? {} : { minReplicaCount: minReplicas }),
    ...(maxReplicas === undefined ? {} : { maxReplicaCount: maxReplicas }),
  };
}

/**
 * KEDA is paused after the traffic went to the primary (Q91): `wanted.target` and the order of the writes make sure of
 * that.
 */
function renderTarget(canary: Canary, wanted: DesiredState, seen: Snapshot): readonly KubeObject[] {
  const ref = sourceRef(canary, TYPE);
  const source = ref === undefined ? undefined : seen.get(ref);
  if (source === undefined || wanted.target === "as-is") return [];
  const { [PAUSE_ANNOTATION]: paused, ...annotations } = source.metadata.annotations ?? {};
  if (wanted.target === "up") {
    return paused === undefined ? [] : [{ ...source, metadata: { ...source.metadata, annotations } }];
  }
  if (paused === "0") return [];
  return [{ ...source, metadata: { ...source.metadata, annotations: { ...annotations, [PAUSE_ANNOTATION]: "0" } } }];
}

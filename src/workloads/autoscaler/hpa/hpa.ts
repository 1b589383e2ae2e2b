/**
 * HorizontalPodAutoscalers: the primary gets its own, which takes over the source's limits and metrics when a revision
 * is promoted. The source is not paused: an HPA does nothing while its target has no replicas.
 */

import type { DesiredState } from "../../../core/desired.ts";
import type { Canary } from "../../../core/status/canary.ts";
import { type KubeObject, RESOURCES } from "../../../ports/kubernetes.ts";
import type { Fields } from "../../../ports/kubernetes-types.ts";
import type { Snapshot } from "../../../ports/snapshot.ts";
import type { Autoscaler } from "../../../ports/workload.ts";
import {
  createdScaler,
  isLeaving,
  madeScaler,
  missingSource,
  primaryScaleTarget,
  type Scaler,
  seenScalers,
  sourceAndPrimary,
} from "../source.ts";
import { type MetricSpec, primaryMetrics } from "./metrics.ts";

const TYPE = RESOURCES.hpa;

/** As in autoscaling/v2. */
interface HpaSpec extends Fields {
  readonly scaleTargetRef?: Fields & { readonly name?: string };
  readonly minReplicas?: number;
  readonly maxReplicas?: number;
  readonly metrics?: readonly MetricSpec[];
}

interface ScalerObject extends Scaler {
  spec?: HpaSpec;
}

export function createHpaAutoscaler(): Autoscaler {
  return {
    kind: TYPE.kind,
    inputs: (canary) => sourceAndPrimary(canary, TYPE),
    made: (canary) => madeScaler(canary, TYPE),
    problem: (canary, seen) => missingSource(canary, TYPE, seen, TYPE.kind),
    renderPrimary,
    renderTarget: () => [],
  };
}

function renderPrimary(canary: Canary, wanted: DesiredState, seen: Snapshot): readonly KubeObject[] {
  const scalers = seenScalers<ScalerObject>(canary, TYPE, seen);
  if (scalers === undefined) return [];
  const { source, primary } = scalers;
  if (primary === undefined)
    return isLeaving(canary) ? [] : [createdScaler(canary, TYPE, scalers, { spec: createdSpec(canary, source) })];
  if (!wanted.syncScaler) return [{ ...primary, spec: { ...primary.spec, ...ownLimits(canary) } }];
  // Labels and annotations are not compared, because a difference in them has no effect (Q54).
  const scaleTargetRef = primary.spec?.scaleTargetRef ?? primaryScaleTarget(canary, source);
  return [{ ...primary, spec: { ...primarySpec(canary, source), scaleTargetRef } }];
}

function createdSpec(canary: Canary, source: ScalerObject): HpaSpec {
  return { ...primarySpec(canary, source), scaleTargetRef: primaryScaleTarget(canary, source) };
}

function primarySpec(canary: Canary, source: ScalerObject): HpaSpec {
  const { metrics } = source.spec ?? {};
  return {
    ...source.spec,
    ...(metrics === undefined ? {} : { metrics: primaryMetrics(metrics, canary.spec) }),
    // An absent minimum means 1; the API server fills it in.
    minReplicas: source.spec?.minReplicas ?? 1,
    ...ownLimits(canary),
  };
}

/** Limits of the primary that the Canary sets. An edit of them applies at once. */
function ownLimits({ spec }: Canary): HpaSpec {
  const { minReplicas, maxReplicas } = spec.autoscalerRef?.primaryScalerReplicas ?? {};
  return {
    ...(minReplicas === undefined ? {} : { minReplicas }),
    ...(maxReplicas === undefined ? {} : { maxReplicas }),
  };
}

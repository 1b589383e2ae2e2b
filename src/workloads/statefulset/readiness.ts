/**
 * Whether a StatefulSet's rollout is finished, in progress, or stuck: the rules of `kubectl rollout status`, and a
 * deadline.
 */

import type { WorkloadObject } from "../../ports/kubernetes-types.ts";
import type { ReadinessRule, RolloutReading } from "../copied/kind.ts";
import { unfinished, WAITING } from "../copied/unfinished.ts";
import { requiredAvailable } from "../threshold.ts";

export function statefulSetReadiness(statefulSet: WorkloadObject, rule: ReadinessRule): RolloutReading {
  const { metadata, spec = {}, status = {} } = statefulSet;
  if ((metadata.generation ?? 0) > (status.observedGeneration ?? 0)) {
    return unfinished(undefined, rule.now, `${WAITING}observed statefulset generation less than desired generation`);
  }
  const detail = missing(spec, status, rule.thresholdPercent);
  if (detail === undefined) return { readiness: { kind: "ready" } };
  const stuck = `statefulset "${metadata.name}" exceeded its progress deadline`;
  return unfinished(rule.giveUpAt, rule.now, WAITING + detail, stuck);
}

function missing(
  spec: { readonly replicas?: number },
  status: {
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
  },
  thresholdPercent: number,
): string | undefined {
  const wanted = spec.replicas ?? 1;
  const { replicas = 0, updatedReplicas: updated = 0, availableReplicas: available = 0 } = status;
  if (updated < wanted) return `${updated} out of ${wanted} new replicas have been updated`;
  if (replicas > wanted) return `${replicas - wanted} old replicas are pending termination`;
  const needed = requiredAvailable(wanted, thresholdPercent);
  if (available >= needed) return undefined;
  return `${available} of ${needed} (readyThreshold ${thresholdPercent}%) updated replicas are available`;
}

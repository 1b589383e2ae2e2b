/**
 * Whether a DaemonSet's rollout is finished, in progress, or stuck. Its controller has no deadline, so the operator
 * sets one.
 */

import type { WorkloadObject } from "../../ports/kubernetes-types.ts";
import type { ReadinessRule, RolloutReading } from "../copied/kind.ts";
import { unfinished, WAITING } from "../copied/unfinished.ts";
import { requiredAvailable } from "../threshold.ts";

export function daemonSetReadiness({ metadata, status = {} }: WorkloadObject, rule: ReadinessRule): RolloutReading {
  if ((metadata.generation ?? 0) > (status.observedGeneration ?? 0)) {
    return unfinished(undefined, rule.now, `${WAITING}observed daemonset generation less than desired generation`);
  }
  const detail = missing(status, rule.thresholdPercent);
  if (detail === undefined) return { readiness: { kind: "ready" } };
  const { giveUpAt, progressDeadlineSeconds, now } = rule;
  return unfinished(
    giveUpAt,
    now,
    WAITING + detail,
    `exceeded its progressDeadlineSeconds: ${progressDeadlineSeconds}`,
  );
}

function missing(
  status: {
    readonly desiredNumberScheduled?: number;
    readonly updatedNumberScheduled?: number;
    readonly numberAvailable?: number;
  },
  thresholdPercent: number,
): string | undefined {
  const { desiredNumberScheduled: desired = 0, updatedNumberScheduled: updated = 0 } = status;
  const { numberAvailable: available = 0 } = status;
  if (updated < desired) return `${updated} out of ${desired} new pods have been updated`;
  const needed = requiredAvailable(desired, thresholdPercent);
  if (available >= needed) return undefined;
  return `${available} of ${needed} (readyThreshold ${thresholdPercent}%) updated pods are available`;
}

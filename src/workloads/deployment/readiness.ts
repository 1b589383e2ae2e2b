/**
 * Whether a Deployment's rollout is finished, in progress, or stuck: the rules and texts of the contract, in its order.
 */

import { earliest } from "../../core/turn/earliest.ts";
import type { WorkloadObject } from "../../ports/kubernetes-types.ts";
import type { ReadinessRule, RolloutReading } from "../copied/kind.ts";
import { unfinished, WAITING } from "../copied/unfinished.ts";
import { requiredAvailable } from "../threshold.ts";

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly lastUpdateTime?: string;
}

export function deploymentReadiness(deployment: WorkloadObject, rule: ReadinessRule): RolloutReading {
  const { metadata, spec = {}, status = {} } = deployment;
  if ((metadata.generation ?? 0) > (status.observedGeneration ?? 0)) {
    return unfinished(undefined, rule.now, `${WAITING}observed deployment generation less than desired generation`);
  }
  const conditions: readonly Condition[] = status.conditions ?? [];
  const progress = conditions.find(({ type }) => type === "Progressing");
  if (progress?.reason === "ProgressDeadlineExceeded") {
    return { readiness: { kind: "stuck", detail: `deployment "${metadata.name}" exceeded its progress deadline` } };
  }
  const detail = missing(spec, status, rule.thresholdPercent);
  if (detail === undefined) return { readiness: { kind: "ready" } };
  const untold = unavailableUntil(progress, conditions, rule) ?? untoldUntil(progress, rule);
  return unfinished(earliest(untold, endlessUntil(progress, rule)), rule.now, WAITING + detail);
}

function missing(
  spec: { readonly replicas?: number },
  status: { readonly updatedReplicas?: number; readonly replicas?: number; readonly availableReplicas?: number },
  thresholdPercent: number,
): string | undefined {
  const { updatedReplicas: updated = 0, replicas = 0, availableReplicas: available = 0 } = status;
  if (spec.replicas !== undefined && updated < spec.replicas) {
    return `${updated} out of ${spec.replicas} new replicas have been updated`;
  }
  if (replicas > updated) return `${replicas - updated} old replicas are pending termination`;
  const needed = requiredAvailable(updated, thresholdPercent);
  if (available >= needed) return undefined;
  return `${available} of ${needed} (readyThreshold ${thresholdPercent}%) updated replicas are available`;
}

/**
 * Kubernetes sets no deadline for pods that a finished rollout replaces, nor for a Deployment that asks for none
 * (`progressDeadlineSeconds: 2147483647`), and it calls a Deployment available when as many pods may be missing as it
 * has. In these cases the operator sets the deadline.
 */
function untoldUntil(progress: Condition | undefined, { giveUpAt }: ReadinessRule): number | undefined {
  return progress === undefined || progress.reason === "NewReplicaSetAvailable" ? giveUpAt : undefined;
}

/**
 * For Kubernetes each pod that gets ready is progress, also one that crashes again and again. A person who paused the
 * Deployment ends the wait, and a Warning names the command.
 */
function endlessUntil(progress: Condition | undefined, { giveUpAtLast }: ReadinessRule): number | undefined {
  return progress?.reason === "DeploymentPaused" ? undefined : giveUpAtLast;
}

/** While pods are missing: until when that counts as a delay. Milliseconds since the epoch. */
function unavailableUntil(
  progress: Condition | undefined,
  conditions: readonly Condition[],
  rule: ReadinessRule,
): number | undefined {
  const available = conditions.find(({ type }) => type === "Available");
  if (progress === undefined || available?.status !== "False") return undefined;
  if (available.reason !== "MinimumReplicasUnavailable" || available.lastUpdateTime === undefined) return undefined;
  return Date.parse(available.lastUpdateTime) + rule.progressDeadlineSeconds * 1000;
}

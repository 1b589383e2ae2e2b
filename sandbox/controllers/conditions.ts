/** The condition lists of workloads, with the times set as Kubernetes sets them. */
import type { KubeFields } from "../../src/ports/kubernetes.ts";
import { rfc3339 } from "../clock.ts";

export interface NewCondition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
}

export function findCondition(conditions: readonly KubeFields[], type: string): KubeFields | undefined {
  return conditions.find((entry) => entry.type === type);
}

/**
 * Sets a Deployment's or ReplicaSet's condition. Nothing changes while status and reason stay (so lastUpdateTime tells
 * since when they hold); lastTransitionTime moves with the status only. @param renew set lastUpdateTime in any case
 */
export function withCondition(
  conditions: readonly KubeFields[],
  next: NewCondition,
  nowMs: number,
  renew = false,
): KubeFields[] {
  const current = findCondition(conditions, next.type);
  if (!renew && current?.status === next.status && current.reason === next.reason) return [...conditions];
  const now = rfc3339(nowMs);
  const lastTransitionTime = current?.status === next.status ? current.lastTransitionTime : now;
  const entry = {
    type: next.type,
    status: next.status,
    lastUpdateTime: now,
    lastTransitionTime,
    reason: next.reason,
    message: next.message,
  };
  return [...conditions.filter((other) => other.type !== next.type), entry];
}

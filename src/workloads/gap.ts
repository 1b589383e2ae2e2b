/** Whether the update strategy leaves a time in which no pod can serve while pods are replaced. */
import type { UpdateStrategy } from "../ports/kubernetes-types.ts";

/** `maxSurge` or `maxUnavailable`, as a number of pods: "25%" of `whole`, or the number itself. */
export function podCount(given: unknown, whole: number, round: (exact: number) => number): number {
  if (typeof given === "number") return given;
  const percent = typeof given === "string" && given.endsWith("%") ? Number.parseFloat(given) : Number.NaN;
  return Number.isNaN(percent) ? 0 : round((whole * percent) / 100);
}

/** @param strategy of a Deployment: both limits are 25 % when absent, and cannot both be zero */
export function deploymentHasGap(strategy: UpdateStrategy | undefined, replicas: number): boolean {
  if (strategy?.type === "Recreate") return true;
  const { maxSurge = "25%", maxUnavailable = "25%" } = strategy?.rollingUpdate ?? {};
  const surge = podCount(maxSurge, replicas, Math.ceil);
  const unavailable = podCount(maxUnavailable, replicas, Math.floor);
  return replicas - (surge === 0 && unavailable === 0 ? 1 : unavailable) <= 0;
}

/** @param strategy of a DaemonSet: a new pod starts after the old one is gone, unless there is a surge */
export function daemonSetHasGap(strategy: UpdateStrategy | undefined, nodes: number): boolean {
  const { maxSurge = 0, maxUnavailable = 1 } = strategy?.rollingUpdate ?? {};
  if (podCount(maxSurge, nodes, Math.ceil) > 0) return false;
  return nodes - Math.max(1, podCount(maxUnavailable, nodes, Math.ceil)) <= 0;
}

/**
 * A new pod of a StatefulSet starts after the old one is gone, one after the other unless the cluster allows more. They
 * are replaced from the highest number downwards, whether they are ready or not: the first to go may be the only one
 * that serves.
 * @param available pods that can serve now; absent: all of them
 */
export function statefulSetHasGap(
  strategy: UpdateStrategy | undefined,
  replicas: number,
  available = replicas,
): boolean {
  const { maxUnavailable = 1 } = strategy?.rollingUpdate ?? {};
  return Math.min(replicas, available) - Math.max(1, podCount(maxUnavailable, replicas, Math.ceil)) <= 0;
}

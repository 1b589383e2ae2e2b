/**
 * How many pods each ReplicaSet of a Deployment may have: pure arithmetic over what is there.
 *
 *   replicas - maxUnavailable  <=  available pods        (the floor: old pods may go only above it)
 *   replicas + maxSurge        >=  all pods              (the ceiling: new pods may come only below it)
 */
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import { resolveIntOrPercent } from "../objects.ts";

export const DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas";
export const MAX_REPLICAS = "deployment.kubernetes.io/max-replicas";
export const REVISION = "deployment.kubernetes.io/revision";

export function replicasOf(object: KubeObject): number {
  return object.spec?.replicas ?? 1;
}

export function isRolling(deployment: KubeObject): boolean {
  return (deployment.spec?.strategy?.type ?? "RollingUpdate") === "RollingUpdate";
}

/** maxSurge rounds up, maxUnavailable rounds down, and they are not both zero: otherwise nothing could ever move. */
export function fenceposts(deployment: KubeObject): { readonly surge: number; readonly unavailable: number } {
  const replicas = replicasOf(deployment);
  if (!isRolling(deployment)) return { surge: 0, unavailable: 0 };
  const rolling = deployment.spec?.strategy?.rollingUpdate ?? {};
  const surge = resolveIntOrPercent(rolling.maxSurge ?? "25%", replicas, Math.ceil);
  const unavailable = resolveIntOrPercent(rolling.maxUnavailable ?? "25%", replicas, Math.floor);
  return { surge, unavailable: Math.min(surge === 0 && unavailable === 0 ? 1 : unavailable, replicas) };
}

export function totalReplicas(sets: readonly KubeObject[]): number {
  return sets.reduce((total, set) => total + replicasOf(set), 0);
}

/** Pods that will still be there: a ReplicaSet that was just scaled down may not have counted again yet. */
function lastingAvailable(set: KubeObject): number {
  return Math.min(replicasOf(set), set.status?.availableReplicas ?? 0);
}

/** Replicas the new ReplicaSet may have now. */
export function newSetSize(deployment: KubeObject, all: readonly KubeObject[], current: number): number {
  const replicas = replicasOf(deployment);
  if (!isRolling(deployment) || current > replicas) return replicas;
  const room = replicas + fenceposts(deployment).surge - totalReplicas(all);
  return room <= 0 ? current : current + Math.min(room, replicas - current);
}

/**
 * New sizes of old ReplicaSets that shrink now: first the pods that do not serve anyway, then what the floor allows.
 */
export function shrunkOldSets(
  deployment: KubeObject,
  newest: KubeObject,
  old: readonly KubeObject[],
): ReadonlyMap<KubeObject, number> {
  const sizes = new Map(byAge(old).map((set) => [set, replicasOf(set)]));
  const floor = replicasOf(deployment) - fenceposts(deployment).unavailable;
  const newUnavailable = replicasOf(newest) - lastingAvailable(newest);
  let removable = totalReplicas([newest, ...old]) - floor - newUnavailable;
  for (const [set, size] of sizes) {
    if (removable <= 0) break;
    const idle = Math.min(removable, size - lastingAvailable(set));
    sizes.set(set, size - idle);
    removable -= idle;
  }
  let spare = [newest, ...old].reduce((total, set) => total + lastingAvailable(set), 0) - floor;
  for (const [set, size] of sizes) {
    if (spare <= 0) break;
    const less = Math.min(spare, size);
    sizes.set(set, size - less);
    spare -= less;
  }
  return new Map([...sizes].filter(([set, size]) => size !== replicasOf(set)));
}

/** New sizes when the Deployment is scaled in the middle of a rollout: every ReplicaSet keeps its share. */
export function proportionalSizes(
  deployment: KubeObject,
  active: readonly KubeObject[],
): ReadonlyMap<KubeObject, number> {
  const replicas = replicasOf(deployment);
  const allowed = replicas > 0 ? replicas + fenceposts(deployment).surge : 0;
  const toAdd = allowed - totalReplicas(active);
  const oldestFirst = byAge(active);
  const preferred = (toAdd > 0 ? oldestFirst.reverse() : oldestFirst).sort((a, b) => replicasOf(b) - replicasOf(a));
  const sizes = new Map<KubeObject, number>();
  let added = 0;
  for (const set of preferred) {
    const wanted = toAdd === 0 ? 0 : share(set, allowed);
    const left = toAdd - added;
    const delta = toAdd > 0 ? Math.max(0, Math.min(wanted, left)) : Math.min(0, Math.max(wanted, left));
    sizes.set(set, replicasOf(set) + delta);
    added += delta;
  }
  const first = preferred[0];
  if (first !== undefined) sizes.set(first, Math.max(0, (sizes.get(first) ?? 0) + toAdd - added));
  return sizes;
}

function share(set: KubeObject, allowed: number): number {
  const before = Number(set.metadata.annotations?.[MAX_REPLICAS] ?? 0) || allowed;
  return Math.round((replicasOf(set) * allowed) / before) - replicasOf(set);
}

export function byAge(sets: readonly KubeObject[]): KubeObject[] {
  return [...sets].sort(
    (a, b) =>
      (a.metadata.creationTimestamp ?? "").localeCompare(b.metadata.creationTimestamp ?? "") ||
      revisionOf(a) - revisionOf(b) ||
      a.metadata.name.localeCompare(b.metadata.name),
  );
}

export function revisionOf(object: KubeObject): number {
  return Number(object.metadata.annotations?.[REVISION] ?? 0) || 0;
}

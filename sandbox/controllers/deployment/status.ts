/**
 * A Deployment's status: counters, Available, Progressing. Clients that wait for a rollout read exactly these fields.
 */
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import { findCondition, type NewCondition, withCondition } from "../conditions.ts";
import { fenceposts, replicasOf } from "./rollout.ts";

/** A deadline of this many seconds means none. */
const NO_DEADLINE = 2_147_483_647;

export function deadlineSeconds(deployment: KubeObject): number | undefined {
  const seconds: unknown = deployment.spec?.progressDeadlineSeconds;
  return typeof seconds === "number" && seconds !== NO_DEADLINE ? seconds : undefined;
}

/** The status that follows from the ReplicaSets as they are, progress included. */
export function rolloutStatus(
  deployment: KubeObject,
  newest: KubeObject | undefined,
  all: readonly KubeObject[],
  now: number,
): KubeFields {
  const counted = countedStatus(deployment, newest, all, now);
  let conditions: KubeFields[] = counted.conditions;
  const deadline = deadlineSeconds(deployment);
  const current = findCondition(conditions, "Progressing");
  if (deadline === undefined) conditions = conditions.filter((entry) => entry.type !== "Progressing");
  else if (!(counted.replicas === counted.updatedReplicas && current?.reason === "NewReplicaSetAvailable")) {
    const next = progress(deployment, newest, counted, current, now);
    if (next !== undefined) conditions = withCondition(conditions, next, now, next.reason === "ReplicaSetUpdated");
  }
  const failure = all.flatMap((set) => findCondition(set.status?.conditions ?? [], "ReplicaFailure") ?? [])[0];
  conditions = conditions.filter((entry) => entry.type !== "ReplicaFailure" || failure !== undefined);
  if (failure !== undefined) {
    const { reason, message } = failure;
    conditions = withCondition(conditions, { type: "ReplicaFailure", status: "True", reason, message }, now);
  }
  return { ...counted, conditions };
}

/** Counters and Available only: what changes while a Deployment is paused or scaled. */
export function countedStatus(
  deployment: KubeObject,
  newest: KubeObject | undefined,
  all: readonly KubeObject[],
  now: number,
): KubeFields {
  const sum = (field: string) => all.reduce((total, set) => total + (set.status?.[field] ?? 0), 0);
  const available = sum("availableReplicas");
  const wanted = replicasOf(deployment);
  const enough = available >= wanted - fenceposts(deployment).unavailable;
  const conditions = withCondition(
    deployment.status?.conditions ?? [],
    enough
      ? condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
      : condition("Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."),
    now,
  );
  const collisionCount = deployment.status?.collisionCount;
  return {
    observedGeneration: deployment.metadata.generation,
    replicas: sum("replicas"),
    updatedReplicas: newest?.status?.replicas ?? 0,
    readyReplicas: sum("readyReplicas"),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, all.reduce((total, set) => total + replicasOf(set), 0) - available),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    conditions,
  };
}

/** What the Progressing condition becomes; undefined: it stays. */
function progress(
  deployment: KubeObject,
  newest: KubeObject | undefined,
  next: KubeFields,
  current: KubeFields | undefined,
  now: number,
): NewCondition | undefined {
  const subject =
    newest === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${newest.metadata.name}"`;
  if (isComplete(deployment, next)) {
    return condition("Progressing", "True", "NewReplicaSetAvailable", `${subject} has successfully progressed.`);
  }
  const before = deployment.status ?? {};
  if (hasMoved(before, next)) {
    return condition("Progressing", "True", "ReplicaSetUpdated", `${subject} is progressing.`);
  }
  if (isTimedOut(deployment, current, now)) {
    return condition("Progressing", "False", "ProgressDeadlineExceeded", `${subject} has timed out progressing.`);
  }
  return undefined;
}

/** All pods are of the new template, enough of them, and available. */
export function isComplete(deployment: KubeObject, status: KubeFields): boolean {
  const wanted = replicasOf(deployment);
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

function hasMoved(before: KubeFields, next: KubeFields): boolean {
  const count = (status: KubeFields, field: string): number => status[field] ?? 0;
  const old = (status: KubeFields) => count(status, "replicas") - count(status, "updatedReplicas");
  return (
    next.updatedReplicas > count(before, "updatedReplicas") ||
    old(next) < old(before) ||
    next.readyReplicas > count(before, "readyReplicas") ||
    next.availableReplicas > count(before, "availableReplicas")
  );
}

function isTimedOut(deployment: KubeObject, current: KubeFields | undefined, now: number): boolean {
  if (current === undefined || current.reason === "NewReplicaSetAvailable") return false;
  if (current.reason === "ProgressDeadlineExceeded") return true;
  const deadline = deadlineSeconds(deployment);
  return deadline !== undefined && Date.parse(current.lastUpdateTime) + deadline * 1000 < now;
}

/** Milliseconds until the progress deadline has to be looked at; undefined: nothing is running towards it. */
export function untilDeadline(deployment: KubeObject, status: KubeFields, now: number): number | undefined {
  const deadline = deadlineSeconds(deployment);
  const current = findCondition(status.conditions ?? [], "Progressing");
  if (deadline === undefined || current === undefined || deployment.spec?.paused === true) return undefined;
  if (isComplete(deployment, status) || current.reason === "ProgressDeadlineExceeded") return undefined;
  if (current.reason === "NewReplicaSetAvailable") return undefined;
  // Times have whole seconds: one more, so that the deadline is past and not merely reached.
  return Math.max(0, Date.parse(current.lastUpdateTime) + (deadline + 1) * 1000 - now);
}

export function condition(type: string, status: NewCondition["status"], reason: string, message: string): NewCondition {
  return { type, status, reason, message };
}

/** Deployments: rolling updates and Recreate, and the conditions that Kubernetes derives from them. */
import { type KubeFields, type KubeObject, RESOURCES } from "../../ports/kubernetes.ts";
import {
  availablePods,
  type Controller,
  countOf,
  firstPod,
  noteTemplate,
  type Pod,
  type PodSet,
  readyPods,
  type Tools,
} from "./pods.ts";

export const DEPLOYMENTS: Controller = {
  type: RESOURCES.deployment,
  look(deployment, set, tools) {
    const { template } = deployment.spec;
    const desired: number = deployment.spec.replicas ?? 1;
    const isPaused = deployment.spec.paused === true;
    if (!isPaused) noteTemplate(set, template, tools.now);
    const limits = limitsOf(deployment, desired);
    const isOld = (pod: Pod) => pod.template !== set.template;
    // A paused Deployment is still scaled; only a new template waits.
    scaleDown(set, desired, tools);
    // A Deployment that was paused from the beginning has no pods.
    if (set.template === undefined) return statusOf(deployment, set, desired, limits.unavailable, tools.now);
    if (deployment.spec.strategy?.type === "Recreate") recreate(set, desired, isOld, tools);
    else roll(set, desired, limits, isOld, deployment.spec, tools);
    const status = statusOf(deployment, set, desired, limits.unavailable, tools.now);
    if (!isPaused) watchDeadline(deployment, set, tools);
    return status;
  },
};

interface Limits {
  /** Pods beyond the wanted number. */
  readonly surge: number;
  /** Pods that may be missing. */
  readonly unavailable: number;
}

/** 25 % each when absent. A surge is rounded up, unavailable pods are rounded down, and both cannot be zero. */
function limitsOf({ spec }: KubeObject, desired: number): Limits {
  if (spec.strategy?.type === "Recreate") return { surge: 0, unavailable: desired };
  const { maxSurge, maxUnavailable } = spec.strategy?.rollingUpdate ?? {};
  const surge = countOf(maxSurge ?? "25%", desired, Math.ceil);
  const unavailable = countOf(maxUnavailable ?? "25%", desired, Math.floor);
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

function scaleDown(set: PodSet, desired: number, tools: Tools): void {
  const isNew = (pod: Pod) => pod.template === set.template;
  const count = () => set.pods.filter(isNew).length;
  while (count() > desired) tools.drop(set.pods.find((pod) => isNew(pod) && !pod.ready) ?? firstPod(set, isNew));
  if (desired === 0) for (const pod of [...set.pods]) tools.drop(pod);
}

/** All old pods are deleted before the first new one starts. */
function recreate(set: PodSet, desired: number, isOld: (pod: Pod) => boolean, tools: Tools): void {
  for (const pod of set.pods.filter(isOld)) tools.drop(pod);
  while (set.pods.length < desired) tools.start(set.template);
}

function roll(
  set: PodSet,
  desired: number,
  { surge, unavailable }: Limits,
  isOld: (pod: Pod) => boolean,
  spec: KubeFields,
  tools: Tools,
): void {
  const count = (wanted: (pod: Pod) => boolean) => set.pods.filter(wanted).length;
  // Old pods that cannot serve are deleted first.
  for (const pod of set.pods.filter((candidate) => isOld(candidate) && !candidate.ready)) tools.drop(pod);
  while (count(isOld) > 0 && availablePods(set, spec, tools.now) - 1 >= desired - unavailable) {
    tools.drop(firstPod(set, isOld));
    set.progressAt = tools.now;
  }
  const isNew = (pod: Pod) => !isOld(pod);
  while (count(isNew) < desired && set.pods.length < desired + (count(isOld) > 0 ? surge : 0)) {
    tools.start(set.template);
  }
}

function statusOf(deployment: KubeObject, set: PodSet, desired: number, spare: number, now: number): KubeFields {
  const { pods } = set;
  const { template, paused } = deployment.spec;
  const updated = pods.filter((pod) => pod.template === template).length;
  const available = availablePods(set, deployment.spec, now);
  set.complete ||= updated === desired && pods.length === updated && available === desired;
  const late = !set.complete && paused !== true && now >= set.progressAt + deadlineMs(deployment);
  const enough = available >= desired - (deployment.spec.strategy?.type === "Recreate" ? 0 : spare);
  const before: readonly KubeFields[] = deployment.status?.conditions ?? [];
  const condition = (type: string, status: string, reason: string): KubeFields => {
    const found = before.find((candidate) => candidate.type === type);
    if (found?.status === status && found.reason === reason) return found;
    const time = new Date(Math.floor(now / 1000) * 1000).toISOString().replace(".000Z", "Z");
    return { type, status, reason, lastUpdateTime: time, lastTransitionTime: time };
  };
  const progress = set.complete ? "NewReplicaSetAvailable" : late ? "ProgressDeadlineExceeded" : "ReplicaSetUpdated";
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    replicas: pods.length,
    updatedReplicas: updated,
    readyReplicas: readyPods(set),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, pods.length - available),
    conditions: [
      enough
        ? condition("Available", "True", "MinimumReplicasAvailable")
        : condition("Available", "False", "MinimumReplicasUnavailable"),
      paused === true
        ? condition("Progressing", "Unknown", "DeploymentPaused")
        : condition("Progressing", late ? "False" : "True", progress),
    ],
  };
}

/** Schedules a check for the end of the deadline. */
function watchDeadline(deployment: KubeObject, set: PodSet, { now, lookAgainAt }: Tools): void {
  const end = set.progressAt + deadlineMs(deployment);
  if (!set.complete && end > now) lookAgainAt(end);
}

const deadlineMs = ({ spec }: KubeObject): number => (spec.progressDeadlineSeconds ?? 600) * 1000;

/** Deployments: rolling updates by surge, and the conditions that Kubernetes derives from them. */
import { type KubeFields, type KubeObject, RESOURCES } from "../../ports/kubernetes.ts";
import { type Controller, firstPod, noteTemplate, type Pod, type PodSet, readyPods, type Tools } from "./pods.ts";

export const DEPLOYMENTS: Controller = {
  type: RESOURCES.deployment,
  look(deployment, set, tools) {
    const { template } = deployment.spec;
    const desired: number = deployment.spec.replicas ?? 1;
    noteTemplate(set, template, tools.now);
    const surge = Math.ceil(desired * 0.25);
    const spare = Math.floor(desired * 0.25);
    const isNew = (pod: Pod) => pod.template === template;
    const isOld = (pod: Pod) => pod.template !== template;
    const count = (wanted: (pod: Pod) => boolean) => set.pods.filter(wanted).length;
    while (count(isNew) > desired) tools.drop(set.pods.find((pod) => isNew(pod) && !pod.ready) ?? firstPod(set, isNew));
    for (const pod of set.pods.filter((candidate) => isOld(candidate) && (!candidate.ready || desired === 0))) {
      tools.drop(pod);
    }
    while (count(isOld) > 0 && readyPods(set) - 1 >= desired - spare) {
      tools.drop(firstPod(set, isOld));
      set.progressAt = tools.now;
    }
    while (count(isNew) < desired && set.pods.length < desired + (count(isOld) > 0 ? surge : 0)) tools.start(template);
    const status = statusOf(deployment, set, desired, spare, tools.now);
    watchDeadline(deployment, set, tools);
    return status;
  },
};

function statusOf(deployment: KubeObject, set: PodSet, desired: number, spare: number, now: number): KubeFields {
  const { pods, template } = set;
  const updated = pods.filter((pod) => pod.template === template).length;
  const available = readyPods(set);
  set.complete ||= updated === desired && pods.length === updated && available === desired;
  const late = !set.complete && now >= set.progressAt + deadlineMs(deployment);
  const enough = available >= desired - spare;
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
    readyReplicas: available,
    availableReplicas: available,
    unavailableReplicas: Math.max(0, pods.length - available),
    conditions: [
      enough
        ? condition("Available", "True", "MinimumReplicasAvailable")
        : condition("Available", "False", "MinimumReplicasUnavailable"),
      condition("Progressing", late ? "False" : "True", progress),
    ],
  };
}

/** Looks again when the deadline will have passed. */
function watchDeadline(deployment: KubeObject, set: PodSet, { now, lookAgainAt }: Tools): void {
  const end = set.progressAt + deadlineMs(deployment);
  if (!set.complete && end > now) lookAgainAt(end);
}

const deadlineMs = ({ spec }: KubeObject): number => (spec.progressDeadlineSeconds ?? 600) * 1000;

/** ReplicaSet: as many pods as it says, and a count of them. */
import { type KubeFields, type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import { ApiError } from "../cluster.ts";
import { withCondition } from "./conditions.ts";
import { type ControllerContext, type Stop, startController, type Wiring } from "./context.ts";
import {
  editStatus,
  getByKey,
  isTerminating,
  matchesSelector,
  nameSuffix,
  namespaceOf,
  withoutZeros,
} from "./objects.ts";
import { availability, byDispensability, claim, isActive, podFromTemplate } from "./pods.ts";

export function startReplicaSets(context: ControllerContext): Stop {
  return startController(context, "replicaset-controller", (wiring) => {
    wiring.onSelf(RESOURCES.replicaSet);
    wiring.onOwned(RESOURCES.pod, RESOURCES.replicaSet);
    return (key) => sync(context, wiring, key);
  });
}

function sync(context: ControllerContext, wiring: Wiring, key: string): void {
  const { cluster, clock } = context;
  const set = getByKey(cluster, RESOURCES.replicaSet, key);
  if (set === undefined) return;
  let pods = claim(cluster, set, RESOURCES.pod).filter(isActive);
  let failure: string | undefined;
  if (!isTerminating(set)) {
    failure = scale(context, wiring, set, pods);
    pods = claim(cluster, set, RESOURCES.pod).filter(isActive);
  }
  const minReadySeconds: number = set.spec?.minReadySeconds ?? 0;
  const counted = availability(pods, minReadySeconds, clock.now());
  const templateLabels = set.spec?.template?.metadata?.labels ?? {};
  editStatus(cluster, RESOURCES.replicaSet, set, (copy) => {
    const conditions = failureCondition(copy.status?.conditions ?? [], failure, clock.now());
    const labelled = pods.filter((pod) => matchesSelector({ matchLabels: templateLabels }, pod.metadata.labels));
    const status = {
      ...(conditions.length === 0 ? {} : { conditions }),
      replicas: pods.length,
      fullyLabeledReplicas: labelled.length,
      readyReplicas: counted.ready,
      availableReplicas: counted.available,
      observedGeneration: set.metadata.generation,
    };
    copy.status = withoutZeros(status, ["replicas"]);
  });
  if (counted.nextMs !== undefined) wiring.queue.addAfter(key, counted.nextMs);
  if (failure !== undefined) throw new Error(failure);
}

/** @returns why pods could not be created */
function scale(
  { cluster, random }: ControllerContext,
  { events }: Wiring,
  set: KubeObject,
  pods: readonly KubeObject[],
): string | undefined {
  const missing = (set.spec?.replicas ?? 1) - pods.length;
  for (const pod of byDispensability(pods).slice(0, Math.max(0, -missing))) {
    cluster.remove(RESOURCES.pod, namespaceOf(pod), pod.metadata.name);
    events.normal(set, "SuccessfulDelete", `Deleted pod: ${pod.metadata.name}`);
  }
  for (let i = 0; i < missing; i += 1) {
    const name = `${set.metadata.name}-${nameSuffix(random)}`;
    try {
      cluster.create(RESOURCES.pod, podFromTemplate(set.spec?.template ?? {}, set, name));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.reason === "AlreadyExists") {
        i -= 1;
        continue;
      }
      events.warning(set, "FailedCreate", `Error creating: ${error.message}`);
      return error.message;
    }
    events.normal(set, "SuccessfulCreate", `Created pod: ${name}`);
  }
  return undefined;
}

function failureCondition(conditions: readonly KubeFields[], failure: string | undefined, now: number): KubeFields[] {
  if (failure === undefined) return conditions.filter((entry) => entry.type !== "ReplicaFailure");
  const next = { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: failure } as const;
  return withCondition(conditions, next, now);
}

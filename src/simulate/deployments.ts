/**
 * The cluster's Deployment controller, pods included: rolling updates by surge, pods that get ready after a while or crash,
 * and the conditions that Kubernetes derives from them. Pods go at once when they are taken down.
 */
import { type KubeFields, type KubeObject, type ObjectRef, RESOURCES } from "../ports/kubernetes.ts";
import type { Api } from "./api.ts";
import type { Chance } from "./random.ts";
import { behaviourOf, imageOf, type Scenario } from "./scenario.ts";
import type { Cancel, Schedule } from "./schedule.ts";

interface Pod {
  readonly template: KubeFields;
  readonly image: string;
  ready: boolean;
  cancel: Cancel;
}

interface Rollout {
  pods: Pod[];
  /** When the rollout last got on. */
  progressAt: number;
  complete: boolean;
  template: KubeFields;
  deadline: Cancel;
  /** A look at it is due already. */
  due: boolean;
}

export interface Deployments {
  /** Pods of a Deployment that can serve now, by image. */
  serving(namespace: string, name: string): ReadonlyMap<string, number>;
  /** A node takes one pod, or all, along. */
  lose(namespace: string, name: string, all: boolean): void;
}

export interface DeploymentPorts {
  readonly api: Api;
  readonly schedule: Schedule;
  readonly chance: Chance;
  readonly scenario: Scenario;
  /** Told before the pods that can serve change. */
  readonly beforeChange: () => void;
}

const CRASH_BACK_OFF_MS = 10_000;

export function createDeployments(ports: DeploymentPorts): Deployments {
  const rollouts = new Map<string, Rollout>();
  const keyOf = (object: KubeObject) => `${object.metadata.namespace}/${object.metadata.name}`;
  ports.api.onChange(({ type, kind, object, by }) => {
    if (kind !== RESOURCES.deployment || (by === "cluster" && type === "modified")) return;
    if (type === "deleted") {
      ports.beforeChange();
      for (const pod of rollouts.get(keyOf(object))?.pods ?? []) pod.cancel();
      rollouts.get(keyOf(object))?.deadline();
      rollouts.delete(keyOf(object));
      return;
    }
    wake(keyOf(object), 20 + ports.chance.between(0, 80));
  });

  function wake(key: string, ms: number): void {
    const rollout = rollouts.get(key) ?? newRollout(ports.schedule.now());
    rollouts.set(key, rollout);
    if (rollout.due) return;
    rollout.due = true;
    ports.schedule.after(ms, () => {
      rollout.due = false;
      const deployment = ports.api.get(refOf(key));
      if (deployment === undefined || rollouts.get(key) !== rollout) return;
      ports.beforeChange();
      rollOn(deployment, rollout, ports, () => wake(key, 0));
    });
  }

  return {
    serving(namespace, name) {
      const byImage = new Map<string, number>();
      for (const { ready, image } of rollouts.get(`${namespace}/${name}`)?.pods ?? []) {
        if (ready) byImage.set(image, (byImage.get(image) ?? 0) + 1);
      }
      return byImage;
    },
    lose(namespace, name, all) {
      const rollout = rollouts.get(`${namespace}/${name}`);
      if (rollout === undefined) return;
      ports.beforeChange();
      const lost = all ? [...rollout.pods] : rollout.pods.slice(0, 1);
      for (const pod of lost) drop(rollout, pod);
      wake(`${namespace}/${name}`, 0);
    },
  };
}

function refOf(key: string): ObjectRef {
  const [namespace = "", name = ""] = key.split("/");
  return { type: RESOURCES.deployment, namespace, name };
}

function newRollout(now: number): Rollout {
  return { pods: [], progressAt: now, complete: false, template: undefined, deadline: () => {}, due: false };
}

function drop(rollout: Rollout, pod: Pod): void {
  pod.cancel();
  pod.ready = false;
  rollout.pods = rollout.pods.filter((other) => other !== pod);
}

/** One look of the controller: pods made and taken away, the status written. */
function rollOn(deployment: KubeObject, rollout: Rollout, ports: DeploymentPorts, again: () => void): void {
  const { schedule, api } = ports;
  const { template } = deployment.spec;
  const desired: number = deployment.spec.replicas ?? 1;
  if (rollout.template !== template) {
    rollout.template = template;
    rollout.complete = false;
    rollout.progressAt = schedule.now();
  }
  const surge = Math.ceil(desired * 0.25);
  const spare = Math.floor(desired * 0.25);
  const count = (wanted: (pod: Pod) => boolean) => rollout.pods.filter(wanted).length;
  const isNew = (pod: Pod) => pod.template === template;
  while (count(isNew) > desired)
    drop(rollout, rollout.pods.find((pod) => isNew(pod) && !pod.ready) ?? first(rollout, isNew));
  for (const pod of rollout.pods.filter((candidate) => !isNew(candidate) && (!candidate.ready || desired === 0))) {
    drop(rollout, pod);
  }
  while (count((pod) => !isNew(pod)) > 0 && count((pod) => pod.ready) - 1 >= desired - spare) {
    drop(
      rollout,
      first(rollout, (pod) => !isNew(pod)),
    );
    rollout.progressAt = schedule.now();
  }
  while (count(isNew) < desired && rollout.pods.length < desired + (count((pod) => !isNew(pod)) > 0 ? surge : 0)) {
    startPod(deployment, rollout, ports, again);
  }
  const status = statusOf(deployment, rollout, desired, spare, schedule.now());
  api.patch(refOf(`${deployment.metadata.namespace}/${deployment.metadata.name}`), { status }, STATUS, "cluster");
  watchDeadline(deployment, rollout, ports, again);
}

const STATUS = { subresource: "status" } as const;

function first(rollout: Rollout, wanted: (pod: Pod) => boolean): Pod {
  const found = rollout.pods.find(wanted);
  if (found === undefined) throw new Error("there is no such pod");
  return found;
}

function startPod(deployment: KubeObject, rollout: Rollout, ports: DeploymentPorts, again: () => void): void {
  const { schedule, scenario, chance, beforeChange } = ports;
  const { template } = deployment.spec;
  const image = imageOf(template);
  const behaviour = behaviourOf(scenario, image);
  const asPrimary = deployment.metadata.name.endsWith("-primary");
  const crash = asPrimary ? (behaviour.crashAsPrimary ?? behaviour.crash) : behaviour.crash;
  const pod: Pod = { template, image, ready: false, cancel: () => {} };
  const getReady = (ms: number) => {
    pod.cancel = schedule.after(ms, () => {
      beforeChange();
      pod.ready = true;
      rollout.progressAt = schedule.now();
      if (typeof crash === "number") goDown(crash);
      again();
    });
  };
  const goDown = (ms: number) => {
    pod.cancel = schedule.after(ms, () => {
      beforeChange();
      pod.ready = false;
      getReady(CRASH_BACK_OFF_MS + behaviour.readyAfterMs);
      again();
    });
  };
  rollout.pods.push(pod);
  if (crash !== "start") getReady(behaviour.readyAfterMs + chance.between(0, 200));
}

function statusOf(deployment: KubeObject, rollout: Rollout, desired: number, spare: number, now: number): KubeFields {
  const { pods, template } = rollout;
  const updated = pods.filter((pod) => pod.template === template).length;
  const available = pods.filter((pod) => pod.ready).length;
  const done = updated === desired && pods.length === updated && available === desired;
  rollout.complete ||= done;
  const seconds = deployment.spec.progressDeadlineSeconds ?? 600;
  const late = !rollout.complete && now >= rollout.progressAt + seconds * 1000;
  const enough = available >= desired - spare;
  const before: readonly KubeFields[] = deployment.status?.conditions ?? [];
  const condition = (type: string, status: string, reason: string, at: number): KubeFields => {
    const found = before.find((candidate) => candidate.type === type);
    if (found?.status === status && found.reason === reason) return found;
    const time = new Date(Math.floor(at / 1000) * 1000).toISOString().replace(".000Z", "Z");
    return { type, status, reason, lastUpdateTime: time, lastTransitionTime: time };
  };
  const progress = rollout.complete
    ? "NewReplicaSetAvailable"
    : late
      ? "ProgressDeadlineExceeded"
      : "ReplicaSetUpdated";
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    replicas: pods.length,
    updatedReplicas: updated,
    readyReplicas: available,
    availableReplicas: available,
    unavailableReplicas: Math.max(0, pods.length - available),
    conditions: [
      enough
        ? condition("Available", "True", "MinimumReplicasAvailable", now)
        : condition("Available", "False", "MinimumReplicasUnavailable", now),
      condition("Progressing", late ? "False" : "True", progress, now),
    ],
  };
}

/** Looks again when the deadline will have passed. */
function watchDeadline(
  deployment: KubeObject,
  rollout: Rollout,
  { schedule }: DeploymentPorts,
  again: () => void,
): void {
  rollout.deadline();
  rollout.deadline = () => {};
  const end = rollout.progressAt + (deployment.spec.progressDeadlineSeconds ?? 600) * 1000;
  if (rollout.complete || end <= schedule.now()) return;
  rollout.deadline = schedule.after(end - schedule.now(), again);
}

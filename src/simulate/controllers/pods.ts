/** The pods of one object: they start, get ready after a while, crash, and are deleted at once. */

import { type KubeFields, type KubeObject, RESOURCES, type ResourceType } from "../../ports/kubernetes.ts";
import { configRefs } from "../../workloads/config-tracking/references.ts";
import type { Api } from "../api.ts";
import type { Chance } from "../random.ts";
import { behaviourOf, imageOf, type Scenario } from "../scenario.ts";
import type { Cancel, Schedule } from "../schedule.ts";

export interface Pod {
  readonly template: KubeFields;
  readonly image: string;
  /** Ordinal, where pods have one. */
  readonly slot: number;
  ready: boolean;
  /** When it got ready last. */
  readyAt: number;
  cancel: Cancel;
}

export interface PodSet {
  pods: Pod[];
  /** The time of the last progress of the rollout. */
  progressAt: number;
  complete: boolean;
  template: KubeFields;
  deadline: Cancel;
  /** A check is scheduled already. */
  due: boolean;
  /** No pod gets ready before this time. */
  brokenUntil: number;
}

export interface ControllerPorts {
  readonly api: Api;
  readonly schedule: Schedule;
  readonly chance: Chance;
  readonly scenario: Scenario;
  /** Called before the number of pods that can serve changes. */
  readonly beforeChange: () => void;
}

/** What the controller of one kind does when it checks an object. */
export interface Controller {
  readonly type: ResourceType;
  /** Creates and deletes pods. @returns the status to write */
  look(object: KubeObject, set: PodSet, tools: Tools): KubeFields;
}

export interface Tools {
  readonly now: number;
  start(template: KubeFields, slot?: number): void;
  drop(pod: Pod): void;
  /** Checks again after this time, unless another check comes first. */
  lookAgainAt(time: number): void;
}

const CRASH_BACK_OFF_MS = 10_000;

export function newPodSet(now: number): PodSet {
  return {
    pods: [],
    progressAt: now,
    complete: false,
    template: undefined,
    deadline: () => {},
    due: false,
    brokenUntil: 0,
  };
}

/** A new template restarts the rollout. */
export function noteTemplate(set: PodSet, template: KubeFields, now: number): void {
  if (set.template === template) return;
  set.template = template;
  set.complete = false;
  set.progressAt = now;
}

export function drop(set: PodSet, pod: Pod): void {
  pod.cancel();
  pod.ready = false;
  set.pods = set.pods.filter((other) => other !== pod);
}

/** @param again schedules a check after a change of the pod */
export function startPod(
  { metadata, spec }: KubeObject,
  set: PodSet,
  what: { readonly template: KubeFields; readonly slot: number },
  ports: ControllerPorts,
  again: () => void,
): void {
  const { schedule, scenario, chance, beforeChange } = ports;
  const image = imageOf(what.template);
  const behaviour = behaviourOf(scenario, image);
  const asPrimary = metadata.name.endsWith("-primary");
  const crash = asPrimary ? (behaviour.crashAsPrimary ?? behaviour.crash) : behaviour.crash;
  const pod: Pod = { ...what, image, ready: false, readyAt: 0, cancel: () => {} };
  const minReadyMs = minReadyMsOf(spec);
  const getReady = (ms: number) => {
    pod.cancel = schedule.after(Math.max(ms, set.brokenUntil - schedule.now()), () => {
      if (lacksConfig(what.template, metadata.namespace, ports)) return getReady(CONFIG_RETRY_MS);
      beforeChange();
      pod.ready = true;
      pod.readyAt = schedule.now();
      set.progressAt = schedule.now();
      if (minReadyMs > 0) schedule.after(minReadyMs, again);
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
  set.pods.push(pod);
  if (crash !== "start") getReady(behaviour.readyAfterMs + chance.between(0, 200));
}

const CONFIGS = { configmap: RESOURCES.configMap, secret: RESOURCES.secret } as const;

/** A pod whose ConfigMap or Secret is missing does not start; the kubelet looks again and again. */
const CONFIG_RETRY_MS = 2_000;

function lacksConfig(template: KubeFields, namespace = "", { api }: ControllerPorts): boolean {
  return configRefs(template).some(
    ({ kind, name, optional }) => !optional && api.get({ type: CONFIGS[kind], namespace, name }) === undefined,
  );
}

export const readyPods = (set: PodSet): number => set.pods.reduce((sum, { ready }) => sum + (ready ? 1 : 0), 0);

/** Pods that have been ready for `spec.minReadySeconds`: controllers count on no others, though others serve, too. */
export function availablePods(set: PodSet, spec: KubeFields, now: number): number {
  return set.pods.reduce((sum, pod) => sum + (isAvailable(pod, spec, now) ? 1 : 0), 0);
}

export const isAvailable = ({ ready, readyAt }: Pod, spec: KubeFields, now: number): boolean =>
  ready && readyAt + minReadyMsOf(spec) <= now;

const minReadyMsOf = (spec: KubeFields): number => (spec?.minReadySeconds ?? 0) * 1000;

/** "25%" of `whole` or an absolute number, as `maxSurge` and `maxUnavailable` are written. */
export function countOf(given: number | string, whole: number, round: (exact: number) => number): number {
  return typeof given === "number" ? given : round((whole * Number.parseFloat(given)) / 100);
}

export function firstPod(set: PodSet, wanted: (pod: Pod) => boolean): Pod {
  const found = set.pods.find(wanted);
  if (found === undefined) throw new Error("there is no such pod");
  return found;
}

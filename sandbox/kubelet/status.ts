/** A pod's status as it follows from its containers. */
import type { KubeFields, KubeObject } from "../../src/ports/kubernetes.ts";
import { rfc3339 } from "../clock.ts";
import type { ContainerState } from "./container.ts";

export interface PodView {
  readonly containers: readonly ContainerState[];
  readonly initContainers: readonly ContainerState[];
  /** All init containers have succeeded. */
  readonly initialized: boolean;
  readonly address: string | undefined;
  readonly hostAddress: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
}

/** Conditions of types the kubelet does not own (readiness gates) are kept. */
export function podStatus(pod: KubeObject, view: PodView, nowMs: number): KubeFields {
  const before: KubeFields = pod.status ?? {};
  const phase = phaseOf(pod, view);
  const unready = view.containers.filter((container) => !container.ready).map((container) => container.spec.name);
  const gates: string[] = (pod.spec?.readinessGates ?? []).map((gate: KubeFields) => gate.conditionType);
  const gateOpen = (type: string) =>
    before.conditions?.some((entry: KubeFields) => entry.type === type && entry.status === "True") === true;
  const closed = gates.filter((type) => !gateOpen(type));
  const finished = phase === "Succeeded" || phase === "Failed";
  const containersReady = verdict(
    "ContainersReady",
    unready.length === 0 && !finished,
    finished ? "PodCompleted" : "ContainersNotReady",
    finished ? "" : `containers with unready status: [${unready.join(" ")}]`,
  );
  const ready = verdict(
    "Ready",
    containersReady.status === "True" && closed.length === 0,
    containersReady.reason ?? "ReadinessGatesNotReady",
    containersReady.message ??
      `corresponding condition of pod readiness gate "${closed[0]}" does not exist or is not "True"`,
  );
  const uninitialized = view.initContainers.filter((container) => !container.finished).map((c) => c.spec.name);
  const initialized = verdict(
    "Initialized",
    view.initialized,
    "ContainersNotInitialized",
    `containers with incomplete status: [${uninitialized.join(" ")}]`,
  );
  const scheduled = verdict("PodScheduled", true, "", "");
  return {
    ...before,
    phase,
    conditions: mergeConditions(before.conditions ?? [], [initialized, ready, containersReady, scheduled], nowMs),
    hostIP: view.hostAddress,
    hostIPs: [{ ip: view.hostAddress }],
    ...(view.address === undefined ? {} : { podIP: view.address, podIPs: [{ ip: view.address }] }),
    startTime: before.startTime ?? rfc3339(view.startedAt),
    ...(view.initContainers.length === 0 ? {} : { initContainerStatuses: view.initContainers.map(containerStatus) }),
    containerStatuses: view.containers.map(containerStatus),
    qosClass: before.qosClass ?? qosClass(pod),
  };
}

/** The status of a pod that no node can take. */
export function unschedulableStatus(pod: KubeObject, message: string, nowMs: number): KubeFields {
  const scheduled = { type: "PodScheduled", status: "False", reason: "Unschedulable", message };
  return {
    ...pod.status,
    phase: "Pending",
    conditions: mergeConditions(pod.status?.conditions ?? [], [scheduled], nowMs),
    qosClass: qosClass(pod),
  };
}

interface Verdict {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

function verdict(type: string, holds: boolean, reason: string, message: string): Verdict {
  if (holds) return { type, status: "True" };
  return { type, status: "False", reason, ...(message === "" ? {} : { message }) };
}

function mergeConditions(before: readonly KubeFields[], next: readonly Verdict[], nowMs: number): KubeFields[] {
  const others = before.filter((entry) => !next.some((own) => own.type === entry.type));
  const merged = next.map((own) => {
    const known = before.find((entry) => entry.type === own.type);
    const since = known?.status === own.status ? known.lastTransitionTime : rfc3339(nowMs);
    return { lastProbeTime: null, lastTransitionTime: since, ...own };
  });
  return [...merged, ...others];
}

function phaseOf(pod: KubeObject, view: PodView): string {
  const { containers } = view;
  const failedInit = view.initContainers.some((container) => container.finished && exitCode(container) !== 0);
  if (failedInit && !view.initialized) return "Failed";
  if (!view.initialized) return "Pending";
  const over = containers.every((container) => container.finished && container.state.terminated);
  if (over && pod.spec?.restartPolicy !== "Always" && pod.spec?.restartPolicy !== undefined) {
    return containers.every((container) => exitCode(container) === 0) ? "Succeeded" : "Failed";
  }
  const neverRan = (container: ContainerState) => container.state.waiting && container.lastState === undefined;
  return containers.some(neverRan) ? "Pending" : "Running";
}

function exitCode(container: ContainerState): number {
  return container.state.terminated?.exitCode ?? 0;
}

function containerStatus(container: ContainerState): KubeFields {
  const { name, image } = container.spec;
  const started = container.state.waiting === undefined || container.lastState !== undefined;
  return {
    name,
    state: container.state,
    lastState: container.state === container.lastState ? {} : (container.lastState ?? {}),
    ready: container.ready,
    started: container.started,
    restartCount: container.restartCount,
    image,
    imageID: started ? `sandbox://${image}` : "",
    ...(container.containerId === "" ? {} : { containerID: container.containerId }),
  };
}

function qosClass(pod: KubeObject): string {
  const resources: KubeFields[] = (pod.spec?.containers ?? []).map(
    (container: KubeFields) => container.resources ?? {},
  );
  const guaranteed = ({ limits, requests }: KubeFields) =>
    limits?.cpu !== undefined &&
    limits.memory !== undefined &&
    (requests?.cpu ?? limits.cpu) === limits.cpu &&
    (requests?.memory ?? limits.memory) === limits.memory;
  if (resources.every(guaranteed)) return "Guaranteed";
  const asks = (part: KubeFields) => Object.keys(part ?? {}).length > 0;
  return resources.some(({ limits, requests }) => asks(limits) || asks(requests)) ? "Burstable" : "BestEffort";
}

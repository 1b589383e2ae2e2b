/**
 * One pod on the node, from being scheduled to being gone:
 *
 *   schedule -> address -> init containers, one by one -> containers, together -> finished, or told to stop
 *   stop: endpoints forget the pod (its deletionTimestamp) -> drain -> programs stop -> the object goes
 */
import type { Clock } from "../../src/ports/clock.ts";
import { type KubeFields, type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import type { AddressBlock } from "../addresses.ts";
import type { AppContext, AppTable } from "../apps.ts";
import type { Cluster } from "../cluster.ts";
import type { EventRecorder } from "../controllers/events.ts";
import { edit, editStatus, isTerminating, namespaceOf } from "../controllers/objects.ts";
import { fitsNode, NODE_NAME } from "../controllers/types.ts";
import { type ContainerHost, type ContainerState, newContainer, runContainer } from "./container.ts";
import {
  commandLine,
  MissingConfig,
  mentionsConfig,
  type PodFacts,
  resolveEnv,
  resolveFiles,
  type ServiceAccountFiles,
} from "./environment.ts";
import type { PodLogStore } from "./logs.ts";
import { pause } from "./probes.ts";
import { type PodView, podStatus, unschedulableStatus } from "./status.ts";
import { forgottenByEndpoints, preStop } from "./stop.ts";

/** Holds a deleted pod until its programs have stopped; a real API server does the same with the grace period. */
export const KUBELET_FINALIZER = "sandbox.kubelet/running";

/** What the node offers to all its pods. */
export interface NodeServices {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly addresses: AddressBlock;
  readonly hostAddress: string;
  readonly apps: AppTable;
  readonly logs: PodLogStore;
  readonly events: EventRecorder;
  readonly schedulerEvents: EventRecorder;
  readonly account: ServiceAccountFiles;
  /** How long a pod that was told to stop still answers, so that proxies can forget it first. */
  readonly drainMs: () => number;
  readonly report: (message: string) => void;
}

export interface PodWorker {
  /** The object changed. */
  update(pod: KubeObject): void;
  /** The object was removed from the store. */
  removed(): void;
  /** A ConfigMap or Secret of the pod's namespace changed. */
  configChanged(name: string): void;
  /** Stops at once, leaving the object alone: the node goes down. */
  shutDown(): void;
  /** The program of a container; undefined while it does not run. */
  program(container: string): ContainerState["program"];
  /** Resolves when nothing of the pod is left on the node. */
  readonly gone: Promise<void>;
}

interface LivePod {
  pod: KubeObject;
  readonly node: NodeServices;
  readonly stop: AbortController;
  readonly view: { -readonly [K in keyof PodView]: PodView[K] };
  readonly mounted: Map<string, { readonly container: KubeFields; readonly files: Map<string, Uint8Array> }>;
  readonly waiters: Set<() => void>;
  /** Init containers that keep running beside the others. */
  readonly sidecars: Promise<number>[];
}

/** Takes the pod onto the node. */
export function startPod(node: NodeServices, pod: KubeObject): PodWorker {
  const live: LivePod = {
    pod,
    node,
    stop: new AbortController(),
    view: {
      containers: (pod.spec?.containers ?? []).map(newContainer),
      initContainers: (pod.spec?.initContainers ?? []).map(newContainer),
      initialized: false,
      address: undefined,
      hostAddress: node.hostAddress,
      startedAt: node.clock.now(),
    },
    mounted: new Map(),
    waiters: new Set(),
    sidecars: [],
  };
  const running = run(live).catch((error: unknown) => {
    node.report(
      `pod ${namespaceOf(pod)}/${pod.metadata.name}: ${error instanceof Error ? error.stack : String(error)}`,
    );
  });
  let ending: Promise<void> | undefined;
  let finish: (value: Promise<void>) => void = () => {};
  const gone = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const end = (drain: boolean) => {
    ending ??= terminate(live, running, drain);
    finish(ending);
  };
  return {
    update: (changed) => {
      live.pod = changed;
      if (isTerminating(changed)) end(true);
      else publish(live);
    },
    removed: () => end(true),
    configChanged: (name) => onConfigChange(live, name),
    program: (name) => {
      const { containers, initContainers } = live.view;
      return [...containers, ...initContainers].find(({ spec }) => spec.name === name)?.program;
    },
    shutDown: () => {
      live.stop.abort();
      end(false);
    },
    gone,
  };
}

/** @returns whether the one node takes the pod */
function schedule(live: LivePod): boolean {
  const { node, pod } = live;
  if (!fitsNode(pod.spec?.nodeSelector)) {
    const message = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.";
    node.schedulerEvents.warning(pod, "FailedScheduling", message);
    editStatus(node.cluster, RESOURCES.pod, pod, (copy) => {
      copy.status = unschedulableStatus(copy, message, node.clock.now());
    });
    return false;
  }
  const scheduled = edit(node.cluster, RESOURCES.pod, pod, (copy) => {
    copy.spec.nodeName = NODE_NAME;
    const finalizers = copy.metadata.finalizers ?? [];
    if (!finalizers.includes(KUBELET_FINALIZER)) copy.metadata.finalizers = [...finalizers, KUBELET_FINALIZER];
  });
  if (scheduled === undefined) return false;
  live.pod = scheduled;
  const name = `${namespaceOf(pod)}/${pod.metadata.name}`;
  node.schedulerEvents.normal(pod, "Scheduled", `Successfully assigned ${name} to ${NODE_NAME}`);
  return true;
}

async function run(live: LivePod): Promise<void> {
  const { node, view } = live;
  if (!schedule(live)) return;
  view.address = node.addresses.pod();
  for (const container of view.initContainers) container.state = { waiting: { reason: "PodInitializing" } };
  if (view.initContainers.length > 0) {
    for (const container of view.containers) container.state = { waiting: { reason: "PodInitializing" } };
  }
  publish(live);
  if (!(await mountVolumes(live)) || !(await initialize(live))) return;
  view.initialized = true;
  publish(live);
  const policy: string = live.pod.spec?.restartPolicy ?? "Always";
  await Promise.all(view.containers.map((container) => runContainer(container, hostOf(live, container, policy))));
  live.stop.abort();
  await Promise.all(live.sidecars);
  publish(live);
}

/** Volumes of missing ConfigMaps hold the whole pod, as on a real node. */
async function mountVolumes(live: LivePod): Promise<boolean> {
  const { node, stop } = live;
  while (!stop.signal.aborted) {
    try {
      for (const { spec } of [...live.view.initContainers, ...live.view.containers]) {
        const files = resolveFiles(node.cluster, factsOf(live), spec, node.account);
        live.mounted.set(spec.name, { container: spec, files });
      }
      return true;
    } catch (error) {
      if (!(error instanceof MissingConfig)) throw error;
      node.events.warning(live.pod, "FailedMount", `MountVolume.SetUp failed: ${error.message}`);
      await configChange(live, stop.signal);
    }
  }
  return false;
}

/** Runs init containers to completion, one after the other; sidecars (restartPolicy Always) are started and left. */
async function initialize(live: LivePod): Promise<boolean> {
  const podPolicy = live.pod.spec?.restartPolicy === "Never" ? "Never" : "OnFailure";
  for (const container of live.view.initContainers) {
    const sidecar = container.spec.restartPolicy === "Always";
    const running = runContainer(container, hostOf(live, container, sidecar ? "Always" : podPolicy));
    if (sidecar) {
      live.sidecars.push(running);
      continue;
    }
    const code = await running;
    if (live.stop.signal.aborted) return false;
    if (code !== 0) {
      publish(live);
      return false;
    }
  }
  return true;
}

function factsOf({ pod, view, node }: LivePod): PodFacts {
  return { pod, address: view.address ?? "", hostAddress: node.hostAddress };
}

function hostOf(live: LivePod, container: ContainerState, restartPolicy: string): ContainerHost {
  const { node, pod, stop } = live;
  const { spec } = container;
  const initial = live.view.initContainers.includes(container);
  const fieldPath = `spec.${initial ? "initContainers" : "containers"}{${spec.name}}`;
  return {
    clock: node.clock,
    apps: node.apps,
    signal: stop.signal,
    restartPolicy,
    address: live.view.address ?? "",
    graceMs: () => graceMs(live.pod),
    log: node.logs.writer(namespaceOf(pod), pod.metadata.name, pod.metadata.uid ?? "", spec.name),
    context: (log, signal) => appContext(live, spec, log, signal),
    configChange: (signal) => configChange(live, signal),
    changed: () => publish(live),
    normal: (reason, message) => node.events.normal(live.pod, reason, message, fieldPath),
    warning: (reason, message) => node.events.warning(live.pod, reason, message, fieldPath),
  };
}

function appContext(live: LivePod, spec: KubeFields, log: (line: string) => void, signal: AbortSignal): AppContext {
  const { pod, node } = live;
  const env = resolveEnv(node.cluster, factsOf(live), spec);
  return {
    namespace: namespaceOf(pod),
    podName: pod.metadata.name,
    podUid: pod.metadata.uid ?? "",
    labels: pod.metadata.labels ?? {},
    containerName: spec.name,
    image: spec.image,
    argv: commandLine(spec, env),
    args: commandLine({ args: spec.args }, env),
    env,
    address: live.view.address ?? "",
    ports: (spec.ports ?? []).map((port: KubeFields) => ({ name: port.name ?? "", containerPort: port.containerPort })),
    files: live.mounted.get(spec.name)?.files ?? new Map(),
    log,
    signal,
  };
}

function graceMs(pod: KubeObject): number {
  return (pod.metadata.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000;
}

function publish(live: LivePod): void {
  const { node, view } = live;
  if (view.address === undefined) return;
  const saved = editStatus(node.cluster, RESOURCES.pod, live.pod, (copy) => {
    copy.status = podStatus(copy, view, node.clock.now());
  });
  if (saved !== undefined) live.pod = saved;
}

function configChange(live: LivePod, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      live.waiters.delete(done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    if (signal.aborted) return resolve();
    live.waiters.add(done);
    signal.addEventListener("abort", done, { once: true });
  });
}

/** Wakes containers that wait for a missing one, and renews mounted files, as the kubelet does within a minute. */
function onConfigChange(live: LivePod, name: string): void {
  if (!mentionsConfig(live.pod, name)) return;
  for (const wake of [...live.waiters]) wake();
  for (const { container, files } of live.mounted.values()) {
    try {
      const renewed = resolveFiles(live.node.cluster, factsOf(live), container, live.node.account);
      files.clear();
      for (const [path, content] of renewed) files.set(path, content);
    } catch (error) {
      // A deleted ConfigMap leaves the mounted files as they were.
      if (!(error instanceof MissingConfig)) throw error;
    }
  }
}

async function terminate(live: LivePod, running: Promise<void>, drain: boolean): Promise<void> {
  const { node, pod, stop, view } = live;
  if (drain && !stop.signal.aborted) {
    const serving = [...view.initContainers, ...view.containers].filter((container) => container.state.running);
    for (const { spec } of serving) {
      node.events.normal(pod, "Killing", `Stopping container ${spec.name}`, `spec.containers{${spec.name}}`);
    }
    const grace = graceMs(live.pod);
    if (serving.length > 0 && grace > 0) {
      const address = view.address ?? "";
      await Promise.all([
        forgottenByEndpoints(node.cluster, namespaceOf(pod), address, node.clock, stop.signal),
        ...serving.map(({ spec }) => preStop(spec, address, grace, node.clock, stop.signal)),
      ]);
      const drainMs = Math.min(node.drainMs(), grace);
      if (drainMs > 0) await pause(node.clock, drainMs, stop.signal);
    }
  }
  stop.abort();
  await running;
  if (view.address !== undefined) node.addresses.releasePod(view.address);
  node.logs.forget(namespaceOf(pod), pod.metadata.name, pod.metadata.uid ?? "");
  if (drain) letGo(live);
}

/** The object may go. */
function letGo({ node, pod }: LivePod): void {
  edit(node.cluster, RESOURCES.pod, pod, (copy) => {
    copy.metadata.finalizers = (copy.metadata.finalizers ?? []).filter((name) => name !== KUBELET_FINALIZER);
  });
}

/** The sandbox's one node: pods become programs in this process, each on a loopback address of its own. */
import type { Clock } from "../../src/ports/clock.ts";
import { type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import type { AddressBlock } from "../addresses.ts";
import type { AppTable } from "../apps.ts";
import { machineClock } from "../clock.ts";
import type { Cluster, PodConnections, PodLogs } from "../cluster.ts";
import { eventRecorder } from "../controllers/events.ts";
import { isTerminating } from "../controllers/objects.ts";
import { podConnections } from "./connections.ts";
import type { ServiceAccountFiles } from "./environment.ts";
import { createPodLogs } from "./logs.ts";
import { type NodeServices, type PodWorker, startPod } from "./pod.ts";

/** Long enough for proxies to hear that a pod is going, short enough not to be noticed. */
const DRAIN_MS = 250;

export interface KubeletOptions {
  readonly addresses: AddressBlock;
  readonly apps: AppTable;
  readonly clock?: Clock;
  /** Milliseconds between a pod's deletion and its programs being told to stop. Default 250. */
  readonly drainMs?: number;
  /** What pods find under /var/run/secrets/kubernetes.io/serviceaccount. */
  readonly serviceAccount?: ServiceAccountFiles;
  /** URL of the API server, for the kubeconfig that commands of `kubectl exec` find. */
  readonly apiServer?: string;
  /** Of Services' ports below 1024, see low-ports.ts; 0 when absent. */
  readonly portShift?: number;
  /** Receives defects of the sandbox itself, one line each. Default: a Node warning. */
  readonly report?: (message: string) => void;
}

export interface Kubelet {
  readonly logs: PodLogs;
  readonly connections: PodConnections;
  /** From now on pods serve at least so many milliseconds after the endpoints have forgotten them. */
  drainAtLeast(ms: number): void;
  /** Stops every program and resolves when none is left; the objects stay. */
  stop(): Promise<void>;
}

/** Starts the node: pods are taken as they appear. */
export function startKubelet(cluster: Cluster, options: KubeletOptions): Kubelet {
  const clock = options.clock ?? machineClock;
  let { drainMs = DRAIN_MS } = options;
  const node: NodeServices = {
    cluster,
    clock,
    addresses: options.addresses,
    hostAddress: options.addresses.own(1),
    apps: options.apps,
    logs: createPodLogs(clock),
    events: eventRecorder(cluster, clock, "kubelet"),
    schedulerEvents: eventRecorder(cluster, clock, "default-scheduler"),
    account: options.serviceAccount ?? { token: () => "", ca: "" },
    drainMs: () => drainMs,
    report: options.report ?? ((message) => process.emitWarning(message, "SandboxKubelet")),
  };
  const workers = new Map<string, PodWorker>();
  const take = (pod: KubeObject) => {
    const uid = pod.metadata.uid ?? "";
    const worker = startPod(node, pod);
    workers.set(uid, worker);
    void worker.gone.then(() => workers.delete(uid));
  };
  const configChanged = (event: { readonly object: KubeObject }) => {
    for (const worker of workers.values()) worker.configChanged(event.object.metadata.name);
  };
  const watches = [
    cluster.watch(RESOURCES.pod, ({ type, object }) => {
      const worker = workers.get(object.metadata.uid ?? "");
      if (type === "DELETED") worker?.removed();
      else if (worker !== undefined) worker.update(object);
      else if (!isTerminating(object)) take(object);
    }),
    cluster.watch(RESOURCES.configMap, configChanged),
    cluster.watch(RESOURCES.secret, configChanged),
  ];
  return {
    logs: node.logs,
    connections: podConnections({
      cluster,
      logs: node.logs,
      apiServer: options.apiServer ?? "",
      portShift: options.portShift ?? 0,
      programOf: ({ namespace, pod, container }) => {
        const uid = cluster.get(RESOURCES.pod, namespace, pod)?.metadata.uid;
        return workers.get(uid ?? "")?.program(container);
      },
    }),
    drainAtLeast: (ms) => {
      drainMs = Math.max(drainMs, ms);
    },
    stop: async () => {
      for (const stop of watches) stop();
      const all = [...workers.values()];
      for (const worker of all) worker.shutDown();
      await Promise.all(all.map((worker) => worker.gone));
    },
  };
}

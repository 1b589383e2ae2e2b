/** The sandbox's control plane: everything that turns objects into other objects. */
import type { Clock, Random } from "../../src/ports/clock.ts";
import { machineClock } from "../clock.ts";
import type { Cluster } from "../cluster.ts";
import { type AutoscalerOptions, startAutoscalers } from "./autoscaler/index.ts";
import { startClusterRoles } from "./cluster-roles.ts";
import type { ControllerContext, Stop } from "./context.ts";
import { startDaemonSets } from "./daemonset.ts";
import { startDeployments } from "./deployment/index.ts";
import { startEndpoints } from "./endpoints.ts";
import { startEventExpiry } from "./event-expiry.ts";
import { startGarbageCollector } from "./garbage.ts";
import { startGatewayApi } from "./gateway-api.ts";
import { startJobs } from "./job.ts";
import { type KedaOptions, startKeda } from "./keda/index.ts";
import { startKnative } from "./knative/index.ts";
import { startNamespaces } from "./namespaces.ts";
import { startNode } from "./node.ts";
import { startReplicaSets } from "./replicaset.ts";
import { startStatefulSets } from "./statefulset.ts";

export type { AutoscalerOptions, PodUsage, UsageSource } from "./autoscaler/index.ts";
export type { KedaOptions } from "./keda/index.ts";

export interface ControllerOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  /** Where autoscalers get their samples; without it they do not scale. */
  readonly autoscaler?: AutoscalerOptions;
  /** How ScaledObjects run their queries; without it there is no KEDA controller. */
  readonly keda?: KedaOptions;
  /** Receives what went wrong and will be tried again, one line each. Default: a Node warning. */
  readonly report?: (message: string) => void;
}

/** Starts every controller. They work from watches and stop at once. */
export function startControllers(cluster: Cluster, options: ControllerOptions = {}): { stop(): Promise<void> } {
  const context: ControllerContext = {
    cluster,
    clock: options.clock ?? machineClock,
    random: options.random ?? Math.random,
    report: options.report ?? ((message) => process.emitWarning(message, "SandboxController")),
  };
  const controllers: readonly ((context: ControllerContext) => Stop)[] = [
    startNode,
    startNamespaces,
    startGarbageCollector,
    startDeployments,
    startReplicaSets,
    startDaemonSets,
    startStatefulSets,
    startJobs,
    startEndpoints,
    startKnative,
    startGatewayApi,
    startEventExpiry,
    startClusterRoles,
  ];
  const stops = controllers.map((start) => start(context));
  const keda = options.keda && startKeda(context, options.keda);
  if (keda !== undefined) stops.push(keda.stop);
  if (options.autoscaler !== undefined) {
    stops.push(startAutoscalers(context, { ...options.autoscaler, ...(keda && { external: keda.metric }) }));
  }
  return {
    stop: () => {
      for (const stop of stops) stop();
      return Promise.resolve();
    },
  };
}

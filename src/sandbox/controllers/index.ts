/** The sandbox's control plane: everything that turns objects into other objects. */
import type { Clock, Random } from "../../ports/clock.ts";
import { machineClock } from "../clock.ts";
import type { Cluster } from "../cluster.ts";
import type { ControllerContext, Stop } from "./context.ts";
import { startDeployments } from "./deployment/index.ts";
import { startEndpoints } from "./endpoints.ts";
import { startReplicaSets } from "./replicaset.ts";

export interface ControllerOptions {
  readonly clock?: Clock;
  readonly random?: Random;
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
    startDeployments,
    startReplicaSets,
    startEndpoints,
  ];
  const stops = controllers.map((start) => start(context));
  return {
    stop: () => {
      for (const stop of stops) stop();
      return Promise.resolve();
    },
  };
}

/**
 * The cluster around one Canary: read from caches, compared with what should be, and repaired by the smallest patches.
 */

import type { DesiredState } from "../../core/desired.ts";
import type { Canary } from "../../core/status/canary.ts";
import type { Clock } from "../../ports/clock.ts";
import { createSessions, type Sessions } from "../sessions.ts";
import type { ClusterState } from "./cluster-state.ts";
import { type ConvergePorts, converge } from "./converge.ts";
import { type ObservePorts, observe } from "./observe.ts";

/** The two ways in which a turn meets the cluster. */
export interface ClusterView {
  /** Waits until the caches that this Canary needs are filled, then reads. */
  observe(canary: Canary, now: number, signal: AbortSignal): Promise<ClusterState>;
  /**
   * Makes the cluster as desired.
   * @param confirm asked before anything is written; what it throws is passed on
   * @returns whether anything had to be written
   * @throws WriteFailure with the text of the event
   */
  converge(
    canary: Canary,
    wanted: DesiredState,
    state: ClusterState,
    signal: AbortSignal,
    confirm?: () => Promise<void>,
  ): Promise<boolean>;
}

export interface ClusterViewPorts extends ObservePorts, ConvergePorts {
  /** Absent: the memory is the view's own. */
  readonly sessions?: Sessions;
  /** Tells when routes were written; absent: that is not known. */
  readonly clock?: Pick<Clock, "now">;
}

export function createClusterView(ports: ClusterViewPorts): ClusterView {
  const sessions = ports.sessions ?? createSessions();
  /** When its routes were written last. */
  const routed = sessions.slot<number>();
  return {
    async observe(canary, now, signal) {
      const state = await observe(canary, now, ports, signal);
      const routesSince = state.readings.routesInForce ? routed.get(canary.ref) : undefined;
      return routesSince === undefined ? state : { ...state, readings: { ...state.readings, routesSince } };
    },
    converge(canary, wanted, state, signal, confirm) {
      const onRouted = () => {
        if (ports.clock !== undefined) routed.set(canary.ref, ports.clock.now());
      };
      return converge(canary, wanted, state, ports, { signal, confirm, onRouted });
    },
  };
}

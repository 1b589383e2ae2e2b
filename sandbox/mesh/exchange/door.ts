/** Where requests come in: a Service's port, or the ingress gateway. */
import type { Random } from "../../../src/ports/clock.ts";
import type { Telemetry } from "../observations.ts";
import type { Pools } from "../pools.ts";
import type { RequestView, Route } from "../routes/route.ts";
import type { Workload } from "../workload.ts";

export interface Door {
  /** As declared by the Service or Gateway. */
  readonly port: number;
  /** Whether this is the edge of the mesh: callers are outside, and X-Forwarded-For says who they are. */
  readonly gateway: boolean;
  /** Whether requests are recorded and DestinationRules count; false: a plain Service without sidecars. */
  readonly meshed: () => boolean;
  /** Who asks, by address. */
  readonly source: (address: string) => Workload | undefined;
  readonly routeFor: (view: RequestView) => Route | undefined;
  /** Consistent choice of an endpoint by the caller's address, as kube-proxy does for sessionAffinity: ClientIP. */
  readonly sticky: () => boolean;
}

/** What all doors share. */
export interface Surroundings {
  readonly pools: Pools;
  readonly telemetry: Telemetry;
  readonly random: Random;
}

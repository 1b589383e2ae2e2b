/** Metrics of the operator itself: its load on the API server, and how long its event loop is blocked. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, type Registry } from "prom-client";
import type { TransportLoad } from "../../kube/transport.ts";
import type { Fight } from "../cluster/fights.ts";

export interface SelfMetrics {
  eventDropped(): void;
  /** @param ms how late a timer was */
  loopDelayed(ms: number): void;
  quarantined(canaries: number): void;
  /** Another writer changes an object again and again. */
  fought(fight: Fight): void;
  /** What is kept in memory from now on; each figure is read when its gauge is. */
  keeps(kept: Kept): void;
}

/** The cached objects of the cluster. */
export interface Kept {
  /** Of the objects in memory. */
  readonly bytes: () => number;
  /** Objects that are left out. */
  readonly leftOut: () => number;
  /** By namespace. */
  readonly leftOutCanaries: () => ReadonlyMap<string, number>;
}

const DELAYS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The preset of 10 ms costs more CPU than all else that an idle operator does. */
const LOOP_PRECISION_MS = 1_000;

/** So many namespaces have series of their own, those with most Canaries that are left out. */
const MOST_NAMESPACES = 100;
/** So many other writers have series of their own. */
const MOST_MANAGERS = 100;

export function createSelfMetrics(registry: Registry, load: TransportLoad): SelfMetrics {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_PRECISION_MS });
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      ...{ name, help, registers },
      collect() {
        this.set(read());
      },
    });
  gauge("aviary_api_requests_limit", "Requests to the API server that may be under way at once", () => load.limit);
  gauge("aviary_api_requests_in_flight", "Requests to the API server that are under way", () => load.inFlight);
  gauge("aviary_api_requests_waiting", "Requests to the API server that wait for their turn", () => load.waiting);
  let kept: Kept = { bytes: () => 0, leftOut: () => 0, leftOutCanaries: () => new Map() };
  gauge("aviary_cache_bytes", "Memory of the cached objects of the cluster, estimated", () => kept.bytes());
  const leftOut = "Objects that are not kept in memory, because their namespace stores too much";
  gauge("aviary_cache_left_out_objects", leftOut, () => kept.leftOut());
  new Gauge({
    name: "aviary_left_out_canaries",
    help: "Canaries that take no turn, because the objects of their namespace need too much memory",
    labelNames: ["namespace"],
    registers,
    collect() {
      this.reset();
      const most = [...kept.leftOutCanaries()].filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a);
      for (const [namespace, count] of most.slice(0, MOST_NAMESPACES)) this.set({ namespace }, count);
    },
  });
  const quarantined = new Gauge({
    name: "aviary_quarantined_canaries",
    help: "Canaries that are left alone because a turn of theirs blocked the operator",
    registers,
  });
  const dropped = new Counter({
    name: "aviary_events_dropped_total",
    help: "Kubernetes Events that were dropped because too many waited for the API server",
    registers,
  });
  const delays = new Histogram({
    name: "aviary_event_loop_delay_seconds",
    help: "How long the event loop was blocked, by a timer of 250 ms",
    buckets: DELAYS,
    registers,
  });
  const fights = new Counter({
    name: "aviary_fights_total",
    help: "Objects that another writer changed back again and again, by the name of the other field manager",
    labelNames: ["namespace", "kind", "manager"],
    registers,
  });
  const managers = new Set<string>();
  return {
    fought({ ref: { namespace, type }, manager = "" }) {
      // The other writer chooses its name.
      if (managers.size < MOST_MANAGERS) managers.add(manager);
      fights.inc({ namespace, kind: type.kind, manager: managers.has(manager) ? manager : "others" });
    },
    keeps(figures) {
      kept = figures;
    },
    eventDropped: () => dropped.inc(),
    loopDelayed: (ms) => delays.observe(ms / 1000),
    quarantined: (canaries) => quarantined.set(canaries),
  };
}

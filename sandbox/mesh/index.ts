/**
 * An imitation of Istio on loopback: Services answer at their cluster IPs, VirtualServices split their traffic, an
 * ingress gateway lets users in, and telemetry tells how it went.
 *
 *   user --> 127.0.0.1:ingress --.                        .--> pod 127.B.1.1:9898
 *   pod ---> 127.B.128.1:9898 ---+--> route --> pool -----+--> pod 127.B.1.2:9898
 *   (Service)                    |                        '    ...
 *                                '--> telemetry
 */
import type { AddressInfo } from "node:net";
import type { Clock, Random } from "../../src/ports/clock.ts";
import { type KubeFields, type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import type { AddressBlock } from "../addresses.ts";
import { machineClock } from "../clock.ts";
import type { Cluster } from "../cluster.ts";
import { type EventRecorder, eventRecorder } from "../controllers/events.ts";
import { GATEWAY_API } from "../crds/gateway-api.ts";
import { KNATIVE } from "../crds/knative.ts";
import type { Door, Surroundings } from "./exchange/door.ts";
import { NOWHERE } from "./exchange/reports.ts";
import { unknownAnnotations } from "./ingress.ts";
import { createListeners, httpListener } from "./listeners.ts";
import { createTelemetry, type RequestTotal, type ServiceName } from "./observations.ts";
import { createPodPorts } from "./pod-ports.ts";
import { createPools } from "./pools.ts";
import { createRegistry, type Registry } from "./registry.ts";
import { gatewayId } from "./routes/matches.ts";
import { compileService, createRouting, type Routing } from "./routing.ts";
import { INGRESS_WORKLOAD, injects, type Workload } from "./workload.ts";

export type { RequestTotal } from "./observations.ts";

export interface MeshOptions {
  /** Whose cluster IPs the Services have. */
  readonly addresses: Pick<AddressBlock, "prefix">;
  /** Chance, for weights, balancing and faults. */
  readonly random?: Random;
  /** For the times of events. */
  readonly clock?: Clock;
  /** Port on 127.0.0.1; 0 or absent: any free one. */
  readonly ingress?: { readonly port?: number };
  /** Of Services' ports below 1024, see low-ports.ts; 0 when absent. */
  readonly portShift?: number;
}

export interface Mesh {
  /**
   * Of the ingress gateway, e.g. "http://127.0.0.1:8080". It answers 404 until a Gateway and a VirtualService say more.
   */
  readonly ingressUrl: string;
  /** Istio's standard metrics, and those of Knative's gateway, in Prometheus' text format, in blocks of whole lines. */
  metrics(): readonly string[];
  /** Requests so far by pod, "namespace/name": live pods only, repetitions and mirrored requests included. */
  requestsByPod(): ReadonlyMap<string, number>;
  /** Requests to pods since the start: a number that stands still while the mesh is at rest. */
  requests(): number;
  /**
   * Requests so far by caller, workload, response code and flags: those that metrics() counts, without its histograms.
   */
  totals(): readonly RequestTotal[];
  /** Cuts everything. */
  stop(): Promise<void>;
}

/** @throws Error when the ingress port cannot be had */
export async function startMesh(cluster: Cluster, options: MeshOptions): Promise<Mesh> {
  const events = eventRecorder(cluster, options.clock ?? machineClock, "mesh");
  // Watches answer from microtasks, so the registry is there before anything asks for it.
  const registry = (): Registry => directory;
  const telemetry = createTelemetry({
    now: () => performance.now(),
    exists: (subject) => isKnown(subject, directory),
  });
  const ports = createPodPorts((address) => directory.podAt(address));
  const pools = createPools({ cluster, registry, ports });
  const routing = createRouting({ cluster, registry });
  const around: Surroundings = { pools, telemetry, random: options.random ?? Math.random };
  const listeners = createListeners({ registry, routing, around, events, portShift: options.portShift ?? 0 });
  const directory = createRegistry(cluster, {
    service: (key) => {
      routing.invalidate();
      pools.refresh(key);
      listeners.sync(key);
    },
    endpoints: (key) => pools.refresh(key),
    pod: (pod) => {
      ports.identify(pod);
      pools.refreshSubsets();
    },
    namespace: () => {},
  });
  const stops = [
    cluster.watch(RESOURCES.virtualService, ({ type, object }) => {
      routing.invalidate();
      if (type !== "DELETED") reportProblems(cluster, object, events);
      if (type === "ADDED") reportSidecars(cluster, object, events);
    }),
    cluster.watch(RESOURCES.gateway, ({ type, object }) => {
      routing.invalidate();
      const servers: KubeFields[] = object.spec?.servers ?? [];
      if (type === "DELETED" || !servers.some(({ tls }) => tls !== undefined)) return;
      events.warning(object, "NoTls", "the sandbox's gateway speaks plain HTTP for all servers; tls is not imitated");
    }),
    ...[KNATIVE.route, ...Object.values(GATEWAY_API)].map((type) => cluster.watch(type, () => routing.invalidate())),
    cluster.watch(RESOURCES.namespace, () => routing.invalidate()),
    cluster.watch(RESOURCES.ingress, ({ type, object }) => {
      routing.invalidate();
      if (type === "ADDED") reportAnnotations(object, events);
    }),
    cluster.watch(RESOURCES.destinationRule, () => pools.refreshPolicies()),
  ];
  const stopWatching = () => {
    for (const stop of [...stops, directory.stop]) stop();
  };
  const ingress = await openIngress(around, routing, options.ingress?.port ?? 0).catch((error: unknown) => {
    stopWatching();
    throw error;
  });
  await listeners.settled();
  return {
    ingressUrl: ingress.url,
    metrics: telemetry.exposition,
    requestsByPod: () => new Map([...directory.pods()].map(({ key, requests }) => [key, requests])),
    requests: telemetry.requests,
    totals: telemetry.totals,
    stop: async () => {
      stopWatching();
      await Promise.all([listeners.stop(), ingress.stop()]);
      ports.stop();
    },
  };
}

/** Whether the cluster has pods of the workload, or the Service. The gateway and unnamed callers are always there. */
function isKnown(subject: Workload | ServiceName, registry: Registry): boolean {
  if ("host" in subject)
    return subject === NOWHERE || registry.service(`${subject.namespace}/${subject.name}`) !== undefined;
  if (subject === INGRESS_WORKLOAD) return true;
  for (const { workload } of registry.pods()) if (workload.id === subject.id) return true;
  return false;
}

/** Reports on the object what it asks for and the mesh cannot do. */
function reportProblems(cluster: Cluster, object: KubeObject, events: EventRecorder): void {
  const { namespace = "" } = object.metadata;
  const gateways: readonly string[] = object.spec?.gateways ?? [];
  const problems = new Set<string>();
  for (const gateway of gateways.length === 0 ? ["mesh"] : gateways) {
    compileService(cluster, object, gatewayId(gateway, namespace), (text) => problems.add(text));
  }
  for (const text of problems) events.warning(object, "InvalidRoute", text);
}

function reportAnnotations(object: KubeObject, events: EventRecorder): void {
  const unknown = unknownAnnotations(object);
  if (unknown.length === 0) return;
  events.warning(
    object,
    "UnknownAnnotation",
    `the sandbox's imitation of ingress-nginx passes over ${unknown.join(", ")}`,
  );
}

/** Without sidecars an analysis finds no values, and its events say no more than that. */
function reportSidecars(cluster: Cluster, object: KubeObject, events: EventRecorder): void {
  const { namespace = "" } = object.metadata;
  const place = cluster.get(RESOURCES.namespace, "", namespace);
  // On a real API server an object may be seen before its namespace: kinds are watched one by one.
  if (place === undefined || injects(place)) return;
  const owner = object.metadata.ownerReferences?.find(({ controller }) => controller === true);
  const canary = owner?.kind === "Canary" ? cluster.get(RESOURCES.canary, namespace, owner.name) : undefined;
  for (const subject of canary === undefined ? [object] : [object, canary]) {
    events.warning(subject, "NoSidecars", noSidecars(namespace));
  }
}

function noSidecars(namespace: string): string {
  return (
    `namespace ${namespace} has no sidecars: the mesh neither splits nor counts requests to its Services, so checks find ` +
    `no values; run kubectl label namespace ${namespace} istio-injection=enabled`
  );
}

async function openIngress(around: Surroundings, routing: Routing, port: number) {
  const door: Door = {
    get port() {
      return routing.gatewayPort();
    },
    gateway: true,
    meshed: () => true,
    source: () => INGRESS_WORKLOAD,
    routeFor: (view) => routing.gatewayRoute(view),
    sticky: () => false,
  };
  const cutAll: (() => void)[] = [];
  const server = httpListener(around, door, cutAll);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why = error.code === "EADDRINUSE" ? "the port is taken; choose another one" : error.message;
      reject(new Error(`the ingress gateway cannot listen on 127.0.0.1:${port}: ${why}`));
    });
    server.listen({ port, host: "127.0.0.1", backlog: 1024 }, resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const cut of cutAll) cut();
      }),
  };
}

/**
 * A cluster in one process: API server, controllers, one node whose pods are real programs on loopback addresses, an
 * imitation of Istio that carries real HTTP, and the telemetry that Prometheus scrapes. Several live side by side.
 */
import { RESOURCES } from "../src/ports/kubernetes.ts";
import { type AddressBlock, claimAddressBlock } from "./addresses.ts";
import { startApiServer } from "./api-server/index.ts";
import { podinfo } from "./apps/podinfo/index.ts";
import type { AppTable } from "./apps.ts";
import { machineClock } from "./clock.ts";
import type { Cluster } from "./cluster.ts";
import { startControllers } from "./controllers/index.ts";
import { fluxCrds } from "./crds/flux.ts";
import { GATEWAY_API, gatewayApiCrds, gatewayClass } from "./crds/gateway-api.ts";
import { istioCrds } from "./crds/istio.ts";
import { kedaCrds } from "./crds/keda.ts";
import { knativeCrds } from "./crds/knative.ts";
import { startNameserver } from "./dns/index.ts";
import { type FluxOptions, startFlux } from "./flux/index.ts";
import { startKubelet } from "./kubelet/index.ts";
import { lowPortShift } from "./low-ports.ts";
import { type Mesh, startMesh } from "./mesh/index.ts";
import { INGRESS_CLASSES, ingressClass } from "./mesh/ingress.ts";
import { createIngressService, GATEWAY_IMAGE, gatewayApp } from "./mesh/ingress-service.ts";
import { type OwnImagesOptions, ownImages } from "./programs/own-images.ts";
import { prometheusApp } from "./prometheus/app.ts";
import { createPrometheusClient } from "./prometheus/client.ts";
import { startTelemetry } from "./prometheus/telemetry.ts";
import { type ControlPlane, type RealKubernetesOptions, startRealKubernetes } from "./real-kubernetes/index.ts";
import { createUsageSource } from "./usage.ts";

export interface SandboxOptions {
  /** Of the API server on 127.0.0.1; 0 or absent: any free port. */
  readonly port?: number;
  /** Of the ingress gateway on 127.0.0.1; 0 or absent: any free port. */
  readonly ingressPort?: number;
  /** Further programs that pods may run, besides podinfo and Prometheus. */
  readonly apps?: (services: SandboxServices) => AppTable;
  /** Path of images.yaml, which maps images to programs of this machine; the file need not exist. */
  readonly images?: string;
  /** Debian's Prometheus, the embedded one, or (auto) the real one when it is installed. */
  readonly prometheus?: "real" | "embedded" | "auto";
  /** Milliseconds between two scrapes; 1000 when absent. */
  readonly scrapeIntervalMs?: number;
  /** A real kube-apiserver with etcd instead of the sandbox's own API server. */
  readonly kubernetes?: RealKubernetesOptions;
  /** Flux on this sandbox: the folder whose folders are Git repositories, and a folder for fetched commits. */
  readonly flux?: Pick<FluxOptions, "repositories" | "cache" | "programs">;
  /** Of Services' ports below 1024, see low-ports.ts; what this user needs when absent. */
  readonly portShift?: number;
  /** Chance, for the split of the traffic. */
  readonly random?: () => number;
  /** Receives defects of the sandbox itself, one line each. */
  readonly report?: (message: string) => void;
}

/** What programs in pods need to find their way. */
export interface SandboxServices {
  /** Of the API server: https://127.0.0.1:PORT. */
  readonly url: string;
  /** "127.70.0.53:53053"; the value of AVIARY_NAMESERVER. */
  readonly nameserver: string;
  /** Port N of a Service, when N is below 1024, is served at N + this; 0 where this user may open such ports. */
  readonly portShift: number;
  /** YAML text: the owner of the sandbox may do everything. Pods have the token of their ServiceAccount instead. */
  readonly kubeconfig: string;
}

export interface Sandbox extends SandboxServices {
  readonly ingressUrl: string;
  /** From now on the Service `istio-ingressgateway`, which pods call the ingress by, leads to this proxy. */
  leadIngress(url: string): void;
  readonly cluster: Cluster;
  readonly mesh: Mesh;
  readonly addresses: AddressBlock;
  /** Where Git repositories are served; absent without `flux`. */
  readonly gitUrl?: string;
  /** Lets pods run further programs, for images that have none yet. @returns takes the programs away */
  provide(apps: AppTable): () => void;
  /** Whether Flux's own programs run; absent without `flux`. */
  readonly realFlux?: boolean;
  /** From now on pods serve at least so many milliseconds after the endpoints have forgotten them. */
  drainAtLeast(ms: number): void;
  /** Lets Prometheus have the metrics of a further program, too. */
  scrape(url: string): void;
  stop(): Promise<void>;
}

const NAMESERVER_HOST = 53;
const TELEMETRY_HOST = 90;
const GIT_HOST = 94;

/** @throws Error when a port is taken, or when this machine has no loopback network to claim */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const undo: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const step of undo.reverse().splice(0)) await step();
  };
  try {
    return await assemble(options, undo, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function assemble(
  options: SandboxOptions,
  undo: (() => Promise<void>)[],
  stop: () => Promise<void>,
): Promise<Sandbox> {
  const report = options.report ?? ((message: string) => process.emitWarning(message, "Sandbox"));
  const addresses = await claimAddressBlock();
  undo.push(() => addresses.release());
  const server = await startControlPlane(options, addresses);
  undo.push(() => server.stop());
  const { cluster } = server;
  createDefinitions(cluster);

  const nameserver = await startNameserver(cluster, { address: addresses.own(NAMESERVER_HOST) });
  undo.push(() => nameserver.stop());
  const portShift = options.portShift ?? (await lowPortShift(addresses.own(NAMESERVER_HOST)));
  const mesh = await openMesh(cluster, addresses, { ...options, portShift });
  undo.push(() => mesh.stop());
  const furtherMetrics: string[] = [];
  const telemetry = await startTelemetry({
    cluster,
    address: addresses.own(TELEMETRY_HOST),
    mesh: () => mesh.metrics(),
    // Requests that a real mesh carries are none of the imitation's: beside a real mesh the sandbox never rests.
    activity: () => (furtherMetrics.length > 0 ? Number.NaN : mesh.requests()),
    further: () => furtherMetrics,
  });
  undo.push(() => telemetry.stop());

  const usage = createUsageSource(mesh);
  undo.push(async () => usage.stop());
  const prometheus = createPrometheusClient(cluster);
  undo.push(() => prometheus.close());
  const controllers = startControllers(cluster, {
    report,
    autoscaler: { usage: usage.usage, tick: usage.tick },
    keda: { query: prometheus.query },
  });
  undo.push(() => controllers.stop());
  const services = {
    url: server.url,
    nameserver: `${nameserver.address}:${nameserver.port}`,
    portShift,
    kubeconfig: server.kubeconfig,
  };
  const own = ownTable(options, { cluster, server: server.url, portShift, report });
  const ingress = { url: mesh.ingressUrl };
  const ingressPort = () => Number(new URL(ingress.url).port);
  const apps = furtherApps(appTable(options, services, telemetry.url, own, ingressPort));
  const kubelet = startKubelet(cluster, {
    addresses,
    apps: apps.table,
    apiServer: server.url,
    portShift,
    serviceAccount: { token: remembered(server.tokenFor), ca: server.ca },
    report,
  });
  undo.push(() => kubelet.stop());
  server.setLogs(kubelet.logs);
  server.setConnections(kubelet.connections);
  const flux =
    options.flux &&
    (await startFlux(
      { cluster, clock: machineClock, random: options.random ?? Math.random, report },
      {
        ...options.flux,
        host: addresses.own(GIT_HOST),
        api: { url: server.url, token: server.token, ca: server.ca },
        kubeconfig: server.kubeconfig,
      },
    ));
  if (flux !== undefined) undo.push(() => flux.stop());
  const git = flux === undefined ? {} : { gitUrl: flux.gitUrl, realFlux: flux.real };
  return {
    ...services,
    ingressUrl: mesh.ingressUrl,
    leadIngress: (url) => {
      ingress.url = url;
    },
    ...{ cluster, mesh, addresses, ...git },
    ...{ provide: apps.provide, drainAtLeast: kubelet.drainAtLeast },
    scrape: (url) => void furtherMetrics.push(url),
    stop,
  };
}

function startControlPlane({ port, kubernetes }: SandboxOptions, addresses: AddressBlock): Promise<ControlPlane> {
  const place = { addresses, ...(port === undefined ? {} : { port }) };
  return kubernetes === undefined
    ? startApiServer(place)
    : startRealKubernetes(kubernetes, { ...place, clock: machineClock });
}

interface Shifted extends SandboxOptions {
  readonly portShift: number;
}

/** The mesh, and its ingress gateway as Deployment and Service. */
async function openMesh(cluster: Cluster, addresses: AddressBlock, options: Shifted): Promise<Mesh> {
  const { ingressPort, portShift, random } = options;
  const mesh = await startMesh(cluster, {
    addresses,
    portShift,
    ingress: ingressPort === undefined ? {} : { port: ingressPort },
    ...(random === undefined ? {} : { random }),
  });
  createIngressService(cluster, Number(new URL(mesh.ingressUrl).port));
  return mesh;
}

/** The kinds that the sandbox's programs read, and the classes that its own data plane serves. */
function createDefinitions(cluster: Sandbox["cluster"]): void {
  for (const crd of [...istioCrds(), ...gatewayApiCrds(), ...kedaCrds(), ...knativeCrds(), ...fluxCrds()])
    cluster.create(RESOURCES.crd, crd);
  cluster.create(GATEWAY_API.gatewayClass, gatewayClass());
  cluster.create(INGRESS_CLASSES, ingressClass());
}

function furtherApps(own: AppTable): { readonly table: AppTable; readonly provide: Sandbox["provide"] } {
  const further = new Set<AppTable>();
  return {
    table: (image) => {
      for (const table of [own, ...further]) {
        const app = table(image);
        if (app !== undefined) return app;
      }
      return undefined;
    },
    provide: (table) => {
      further.add(table);
      return () => void further.delete(table);
    },
  };
}

/** One token per ServiceAccount, however many pods have it. */
function remembered(tokenFor: (namespace: string, account: string) => string): typeof tokenFor {
  const tokens = new Map<string, string>();
  return (namespace, account) => {
    const key = `${namespace}/${account}`;
    const token = tokens.get(key) ?? tokenFor(namespace, account);
    tokens.set(key, token);
    return token;
  };
}

/** The images of the user come first: they may stand for any image, podinfo included. */
function ownTable({ images }: SandboxOptions, world: Omit<OwnImagesOptions, "file">): AppTable {
  return images === undefined ? () => undefined : ownImages({ ...world, file: images });
}

function appTable(
  options: SandboxOptions,
  services: SandboxServices,
  telemetryUrl: string,
  own: AppTable,
  ingressPort: () => number,
): AppTable {
  const further = options.apps?.(services);
  const prometheus = prometheusApp({
    targets: () => [telemetryUrl],
    prefer: options.prometheus ?? "auto",
    scrapeIntervalMs: options.scrapeIntervalMs ?? 1000,
  });
  const gateway = gatewayApp(ingressPort);
  return (image) => {
    const mine = own(image);
    if (mine !== undefined) return mine;
    const name = image.repository.split("/").at(-1);
    if (name === "podinfo") return podinfo;
    if (name === "prometheus") return prometheus;
    if (name === GATEWAY_IMAGE) return gateway;
    return further?.(image);
  };
}

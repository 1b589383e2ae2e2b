/**
 * A mesh over a real store for tests: pods are real HTTP servers on addresses of their own; endpoints are set by hand.
 */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { Random } from "../../src/ports/clock.ts";
import { type KubeFields, type KubeObject, RESOURCES, type ResourceType } from "../../src/ports/kubernetes.ts";
import { type AddressBlock, claimAddressBlock } from "../addresses.ts";
import { createStore, type Store } from "../api-server/store.ts";
import { GATEWAY_API, gatewayApiCrds, gatewayClass } from "../crds/gateway-api.ts";
import { istioCrds } from "../crds/istio.ts";
import { type Mesh, startMesh } from "./index.ts";

export type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

export interface TestPod {
  readonly name: string;
  readonly address: string;
  /** Requests seen, oldest first. */
  readonly seen: {
    readonly method: string;
    readonly url: string;
    readonly headers: IncomingMessage["headers"];
    readonly body: string;
  }[];
  readonly server: Server;
  /** Lets go gracefully, as a program does that was told to stop. */
  stop(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingMessage["headers"];
}

export interface AskOptions {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
  /** Asks from this address: a pod that says who it is. */
  readonly from?: string;
}

export interface MeshBed {
  readonly store: Store;
  readonly mesh: Mesh;
  readonly addresses: AddressBlock;
  /** A pod of Deployment `app` in namespace "test" whose answers are `app`, or what `handler` says. */
  pod(
    app: string,
    options?: { readonly handler?: Handler; readonly namespace?: string; readonly labels?: Record<string, string> },
  ): Promise<TestPod>;
  /** Creates the Service. */
  service(
    name: string,
    options?: { readonly namespace?: string; readonly ports?: KubeFields[]; readonly spec?: KubeFields },
  ): void;
  /** Says who answers for a Service. */
  endpoints(service: string, pods: readonly TestPod[], namespace?: string): void;
  /** Creates or replaces an object of namespace "test" (or the one in its metadata). */
  put(type: ResourceType, name: string, spec: KubeFields, namespace?: string): void;
  clusterIP(service: string, namespace?: string): string;
  /** Asks a Service. */
  ask(service: string, path?: string, options?: AskOptions): Promise<Answer>;
  /** Asks a Service at another port, or in another namespace. */
  askAt(service: string, port: number, namespace: string): Promise<Answer>;
  /** Asks the ingress gateway. */
  askIngress(host: string, path?: string, options?: AskOptions): Promise<Answer>;
  /** What metrics() says for series whose labels are all given; summed. */
  metric(name: string, labels: Record<string, string>): number;
  stop(): Promise<void>;
}

export const SERVICE_PORT = 9898;

export async function startMeshBed(options: { readonly random?: Random } = {}): Promise<MeshBed> {
  const addresses = await claimAddressBlock();
  const store = createStore({ addresses });
  for (const crd of [...istioCrds(), ...gatewayApiCrds()]) store.create(RESOURCES.crd, crd);
  store.create(GATEWAY_API.gatewayClass, gatewayClass());
  const injection = { "istio-injection": "enabled" };
  store.create(RESOURCES.namespace, namespaceObject("test", injection));
  for (const name of ["plain", "istio-system"]) store.create(RESOURCES.namespace, namespaceObject(name, {}));
  const mesh = await startMesh(store, { addresses, ...options });
  const pods: TestPod[] = [];
  const clusterIP = (service: string, namespace = "test") =>
    String(store.get(RESOURCES.service, namespace, service)?.spec?.clusterIP);
  const bed: MeshBed = {
    store,
    mesh,
    addresses,
    pod: async (app, podOptions = {}) => {
      const pod = await startPod(store, addresses.pod(), app, `${app}-${pods.length}`, podOptions);
      pods.push(pod);
      return pod;
    },
    service: (name, { namespace = "test", ports = [{ name: "http", port: SERVICE_PORT }], spec = {} } = {}) => {
      store.create(RESOURCES.service, objectOf(RESOURCES.service, namespace, name, { ports, ...spec }));
    },
    endpoints: (service, members, namespace = "test") => setEndpoints(store, namespace, service, members),
    put: (type, name, spec, namespace = "test") => {
      const live = store.get(type, namespace, name);
      if (live === undefined) store.create(type, objectOf(type, namespace, name, spec));
      else store.update(type, { ...structuredClone(live), spec });
    },
    clusterIP,
    ask: (service, path = "/", ask = {}) => send(clusterIP(service), SERVICE_PORT, path, ask),
    askAt: (service, port, namespace) => send(clusterIP(service, namespace), port, "/", {}),
    askIngress: (host, path = "/", ask = {}) => {
      const { hostname, port } = new URL(mesh.ingressUrl);
      return send(hostname, Number(port), path, { ...ask, headers: { host, ...ask.headers } });
    },
    metric: (name, labels) => sumOf(mesh.metrics().join(""), name, labels),
    stop: async () => {
      await mesh.stop();
      for (const pod of pods) pod.server.closeAllConnections();
      await Promise.all(pods.map((pod) => pod.stop()));
      await addresses.release();
    },
  };
  return bed;
}

function namespaceObject(name: string, labels: Record<string, string>): KubeObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

function objectOf(type: ResourceType, namespace: string, name: string, spec: KubeFields): KubeObject {
  const apiVersion = type.group === "" ? type.version : `${type.group}/${type.version}`;
  return { apiVersion, kind: type.kind, metadata: { name, namespace }, spec };
}

async function startPod(
  store: Store,
  address: string,
  app: string,
  name: string,
  {
    handler,
    namespace = "test",
    labels = {},
  }: { handler?: Handler; namespace?: string; labels?: Record<string, string> },
): Promise<TestPod> {
  const seen: TestPod["seen"] = [];
  const answer: Handler = handler ?? ((_request, response) => response.end(app));
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      seen.push({ method: incoming.method ?? "", url: incoming.url ?? "", headers: incoming.headers, body });
      answer(incoming, response, body);
    });
  });
  await new Promise<void>((resolve) => server.listen(SERVICE_PORT, address, resolve));
  const hash = "5f9c8d7b6";
  const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", name: `${app}-${hash}`, uid: app, controller: true };
  const created = store.create(RESOURCES.pod, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace,
      labels: { app, "pod-template-hash": hash, ...labels },
      ownerReferences: [owner],
    },
    spec: { containers: [{ name: "app", image: "app:1", ports: [{ containerPort: SERVICE_PORT }] }] },
  });
  store.updateStatus(RESOURCES.pod, { ...structuredClone(created), status: { podIP: address, phase: "Running" } });
  return {
    name,
    address,
    seen,
    server,
    stop: () => new Promise<void>((resolve) => (server.listening ? server.close(() => resolve()) : resolve())),
  };
}

function setEndpoints(store: Store, namespace: string, service: string, pods: readonly TestPod[]): void {
  const live = store.get(RESOURCES.endpointSlice, namespace, service);
  const ports = [{ name: "http", port: SERVICE_PORT, protocol: "TCP" }];
  const endpoints = pods.map(({ address, name }) => ({
    addresses: [address],
    conditions: { ready: true },
    targetRef: { kind: "Pod", name, namespace },
  }));
  const slice = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: service, namespace, labels: { "kubernetes.io/service-name": service } },
    addressType: "IPv4",
    ports,
    endpoints,
  };
  if (live === undefined) store.create(RESOURCES.endpointSlice, slice);
  else store.update(RESOURCES.endpointSlice, { ...structuredClone(live), endpoints });
}

/** One request on a connection of its own. */
export function send(
  host: string,
  port: number,
  path: string,
  { method = "GET", headers = {}, body, from }: AskOptions,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host, port, path, method, headers, agent: false, ...(from && { localAddress: from }) },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const { statusCode = 0 } = response;
          resolve({ status: statusCode, body: Buffer.concat(chunks).toString(), headers: response.headers });
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

function sumOf(text: string, name: string, labels: Record<string, string>): number {
  const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
  return text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) && wanted.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

/**
 * What the mesh knows of the cluster: pods by address, Services, who answers for them, and which namespaces have
 * sidecars.
 */
import { isDeepStrictEqual } from "node:util";
import { type KubeFields, type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import type { Cluster, WatchEvent } from "../cluster.ts";
import { isPlaceholder, isRevision } from "./knative.ts";
import { type Protocol, protocolOf } from "./protocol.ts";
import { hasSidecar, injects, type Workload, workloadOf } from "./workload.ts";

export interface PodFacts {
  /** "namespace/name" */
  readonly key: string;
  readonly uid: string;
  readonly address: string;
  workload: Workload;
  /** Whether a proxy of its own would see its requests. */
  sidecar: boolean;
  /** Being deleted: no request is sent to it any more, even if its Services' endpoints do not say so yet. */
  leaving: boolean;
  /** Sent to it so far, repetitions and mirrored ones included. */
  requests: number;
}

export interface ServicePort {
  readonly number: number;
  /** "" when it has none. */
  readonly name: string;
  readonly protocol: Protocol;
}

export interface ServiceFacts {
  /** "namespace/name" */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  /** undefined for headless Services. */
  readonly clusterIP: string | undefined;
  readonly ports: readonly ServicePort[];
  /** sessionAffinity: ClientIP */
  readonly sticky: boolean;
  /** A Route of Knative's splits its requests. */
  readonly routed: boolean;
  /** A Revision of Knative's answers. */
  readonly revision: boolean;
  readonly object: KubeObject;
}

export interface Address {
  readonly address: string;
  readonly port: number;
}

export interface Registry {
  podAt(address: string): PodFacts | undefined;
  pods(): IterableIterator<PodFacts>;
  /** Whether pods of the namespace have sidecars. */
  injected(namespace: string): boolean;
  service(key: string): ServiceFacts | undefined;
  services(): IterableIterator<ServiceFacts>;
  /** Ready endpoints of a port. */
  endpoints(key: string, port: ServicePort): readonly Address[];
  stop(): void;
}

export interface RegistryListener {
  /** A Service came, changed or went. */
  readonly service: (key: string) => void;
  /** Who answers for a Service changed. */
  readonly endpoints: (key: string) => void;
  /** A pod got its address, or other labels. */
  readonly pod: (pod: PodFacts) => void;
  readonly namespace: (name: string) => void;
}

interface State {
  readonly pods: Map<string, PodFacts>;
  readonly services: Map<string, ServiceFacts>;
  readonly namespaces: Map<string, KubeObject>;
  /** By Service, then by the slice's name. */
  readonly slices: Map<string, Map<string, KubeObject>>;
  /** Read only for Services without slices: those that a user wrote by hand. */
  readonly endpoints: Map<string, KubeObject>;
  readonly podObjects: Map<string, KubeObject>;
  /** Addresses of deleted pods, until another pod has them: endpoints may name them a little longer. */
  readonly deserted: Set<string>;
}

const SERVICE_NAME = "kubernetes.io/service-name";
const idOf = ({ metadata }: KubeObject) => `${metadata.namespace ?? ""}/${metadata.name}`;

export function createRegistry(cluster: Cluster, listener: RegistryListener): Registry {
  const state: State = {
    pods: new Map(),
    services: new Map(),
    namespaces: new Map(),
    slices: new Map(),
    endpoints: new Map(),
    podObjects: new Map(),
    deserted: new Set(),
  };
  const injected = (namespace: string) => injects(state.namespaces.get(namespace));
  const stops = [
    cluster.watch(RESOURCES.namespace, (event) => onNamespace(state, event, listener)),
    cluster.watch(RESOURCES.pod, (event) => onPod(state, event, listener)),
    cluster.watch(RESOURCES.service, (event) => {
      const facts = serviceFacts(event.object);
      if (event.type === "DELETED") state.services.delete(facts.key);
      else state.services.set(facts.key, facts);
      listener.service(facts.key);
    }),
    cluster.watch(RESOURCES.endpointSlice, ({ type, object }) => {
      const owner = object.metadata.labels?.[SERVICE_NAME];
      if (owner === undefined) return;
      const key = `${object.metadata.namespace ?? ""}/${owner}`;
      const slices = state.slices.get(key) ?? new Map<string, KubeObject>();
      if (type === "DELETED") slices.delete(object.metadata.name);
      else slices.set(object.metadata.name, object);
      if (slices.size === 0) state.slices.delete(key);
      else state.slices.set(key, slices);
      listener.endpoints(key);
    }),
    cluster.watch(RESOURCES.endpoints, ({ type, object }) => {
      if (type === "DELETED") state.endpoints.delete(idOf(object));
      else state.endpoints.set(idOf(object), object);
      if (!state.slices.has(idOf(object))) listener.endpoints(idOf(object));
    }),
  ];
  return {
    podAt: (address) => state.pods.get(address),
    pods: () => state.pods.values(),
    injected,
    service: (key) => state.services.get(key),
    services: () => state.services.values(),
    endpoints: (key, port) => endpointsOf(state, key, port),
    stop: () => {
      for (const stop of stops) stop();
    },
  };
}

function onNamespace(state: State, { type, object }: WatchEvent, listener: RegistryListener): void {
  const { name } = object.metadata;
  const before = injects(state.namespaces.get(name));
  if (type === "DELETED") state.namespaces.delete(name);
  else state.namespaces.set(name, object);
  if (injects(state.namespaces.get(name)) === before) return;
  for (const facts of state.pods.values()) {
    const pod = state.podObjects.get(facts.key);
    if (pod?.metadata.namespace === name) facts.sidecar = hasSidecar(pod, !before);
  }
  listener.namespace(name);
}

function onPod(state: State, { type, object }: WatchEvent, listener: RegistryListener): void {
  const address: unknown = object.status?.podIP;
  const key = idOf(object);
  const { uid = "" } = object.metadata;
  if (type === "DELETED") state.podObjects.delete(key);
  else state.podObjects.set(key, object);
  if (typeof address !== "string" || address === "") return;
  const known = state.pods.get(address);
  if (type === "DELETED") {
    if (known?.uid !== uid) return;
    state.pods.delete(address);
    state.deserted.add(address);
    if (!known.leaving) departed(state, object, listener);
    return;
  }
  const workload = workloadOf(object);
  const sidecar = hasSidecar(object, injects(state.namespaces.get(object.metadata.namespace ?? "")));
  const leaving = object.metadata.deletionTimestamp !== undefined;
  if (known?.uid === uid) {
    const left = leaving && !known.leaving;
    known.leaving = leaving;
    if (left) departed(state, object, listener);
    const relabelled = !isDeepStrictEqual(known.workload.labels, workload.labels);
    if (relabelled) known.workload = workload;
    known.sidecar = sidecar;
    if (relabelled) listener.pod(known);
    return;
  }
  const facts: PodFacts = { key, uid, address, workload, sidecar, leaving, requests: 0 };
  state.pods.set(address, facts);
  const returned = state.deserted.delete(address);
  listener.pod(facts);
  if (leaving || returned) departed(state, object, listener);
}

/** A pod came between its Services and their endpoints: every Service that may list it is updated. */
function departed(state: State, pod: KubeObject, listener: RegistryListener): void {
  const { namespace = "" } = pod.metadata;
  for (const { key, namespace: own } of state.services.values()) if (own === namespace) listener.endpoints(key);
}

function serviceFacts(object: KubeObject): ServiceFacts {
  const { namespace = "", name } = object.metadata;
  const clusterIP: unknown = object.spec?.clusterIP;
  const ports: KubeFields[] = object.spec?.ports ?? [];
  return {
    key: `${namespace}/${name}`,
    namespace,
    name,
    clusterIP: typeof clusterIP === "string" && clusterIP.startsWith("127.") ? clusterIP : undefined,
    ports: ports
      .filter((port) => (port.protocol ?? "TCP") === "TCP")
      .map((port) => ({ number: port.port, name: port.name ?? "", protocol: protocolOf(port) })),
    sticky: object.spec?.sessionAffinity === "ClientIP",
    routed: isPlaceholder(object),
    revision: isRevision(object),
    object,
  };
}

/** Terminating pods get requests only while there is no other pod, as in kube-proxy. */
function endpointsOf(state: State, key: string, port: ServicePort): readonly Address[] {
  const listed = listedEndpoints(state, key, port).filter(({ address }) => !state.deserted.has(address));
  const staying = listed.filter(({ address }) => state.pods.get(address)?.leaving !== true);
  return staying.length > 0 ? staying : listed;
}

function listedEndpoints(state: State, key: string, port: ServicePort): readonly Address[] {
  const slices = state.slices.get(key);
  const found = new Map<string, Address>();
  const put = (address: string, number: unknown) => {
    if (typeof number === "number") found.set(`${address}:${number}`, { address, port: number });
  };
  const numberOf = (ports: KubeFields[] | undefined): unknown =>
    ports?.find((entry) => (entry.name ?? "") === port.name && (entry.protocol ?? "TCP") === "TCP")?.port;
  if (slices !== undefined) {
    for (const slice of slices.values()) {
      const number = numberOf(slice["ports"]);
      for (const { addresses, conditions } of (slice["endpoints"] ?? []) as KubeFields[]) {
        if (conditions?.ready !== false) for (const address of addresses ?? []) put(address, number);
      }
    }
    return [...found.values()];
  }
  for (const subset of (state.endpoints.get(key)?.["subsets"] ?? []) as KubeFields[]) {
    const number = numberOf(subset.ports);
    for (const { ip } of subset.addresses ?? []) put(ip, number);
  }
  return [...found.values()];
}

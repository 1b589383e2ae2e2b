/**
 * Who answers for a Service: its Endpoints, and the same as EndpointSlices. Only ready pods that are not being deleted
 * are listed as addresses. Services without selector are left alone: other clients write their endpoints.
 */
import { type KubeFields, type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import { type ControllerContext, type Stop, startController } from "./context.ts";
import {
  controllerRef,
  edit,
  getByKey,
  isControlledBy,
  isTerminating,
  matchesSelector,
  nameSuffix,
  namespaceOf,
} from "./objects.ts";
import { isFinished, isReady } from "./pods.ts";
import { NODE_NAME } from "./types.ts";

const MANAGED_BY = "endpointslice.kubernetes.io/managed-by";
const MANAGER = "endpointslice-controller.k8s.io";
const SERVICE_NAME = "kubernetes.io/service-name";

export function startEndpoints(context: ControllerContext): Stop {
  const { cluster } = context;
  return startController(context, "endpoint-controller", (wiring) => {
    wiring.onSelf(RESOURCES.service);
    /** Services that selected the pod when it was last seen: its labels may have changed since. */
    const selectedBy = new Map<string, readonly string[]>();
    wiring.on(RESOURCES.pod, (pod, event) => {
      const id = `${namespaceOf(pod)}/${pod.metadata.name}`;
      const before = selectedBy.get(id) ?? [];
      const now = cluster
        .list(RESOURCES.service, namespaceOf(pod))
        .filter((service) => selects(service, pod))
        .map((service) => `${namespaceOf(service)}/${service.metadata.name}`);
      if (event === "DELETED" || now.length === 0) selectedBy.delete(id);
      else selectedBy.set(id, now);
      return [...before, ...now];
    });
    wiring.on(RESOURCES.endpointSlice, (slice, event) => {
      const owner = slice.metadata.labels?.[SERVICE_NAME];
      return event === "DELETED" && owner !== undefined ? [`${namespaceOf(slice)}/${owner}`] : [];
    });
    wiring.on(RESOURCES.endpoints, (endpoints, event) =>
      event === "DELETED" ? [`${namespaceOf(endpoints)}/${endpoints.metadata.name}`] : [],
    );
    return (key) => sync(context, key);
  });
}

function selects(service: KubeObject, pod: KubeObject): boolean {
  return matchesSelector({ matchLabels: service.spec?.selector ?? {} }, pod.metadata.labels);
}

function sync(context: ControllerContext, key: string): void {
  const { cluster } = context;
  const service = getByKey(cluster, RESOURCES.service, key);
  if (service === undefined) {
    const slash = key.indexOf("/");
    cluster.remove(RESOURCES.endpoints, key.slice(0, slash), key.slice(slash + 1));
    return;
  }
  if (isTerminating(service) || Object.keys(service.spec?.selector ?? {}).length === 0) return;
  if (service.spec?.type === "ExternalName") return;
  const members = cluster
    .list(RESOURCES.pod, namespaceOf(service))
    .filter((pod) => selects(service, pod) && pod.status?.podIP && !isFinished(pod))
    .map((pod) => memberOf(service, pod));
  const groups = new Map<string, Group>();
  for (const member of members) {
    const id = JSON.stringify(member.ports);
    const group = groups.get(id) ?? { ports: member.ports, members: [] };
    group.members.push(member);
    groups.set(id, group);
  }
  writeEndpoints(context, service, [...groups.values()]);
  writeSlices(context, service, [...groups.values()]);
}

interface Port {
  readonly name?: string;
  readonly port: number;
  readonly protocol: string;
  readonly appProtocol?: string;
}

interface Member {
  readonly pod: KubeObject;
  readonly ports: readonly Port[];
  readonly ready: boolean;
  readonly serving: boolean;
}

interface Group {
  readonly ports: readonly Port[];
  readonly members: Member[];
}

function memberOf(service: KubeObject, pod: KubeObject): Member {
  const serving = isReady(pod);
  const listed = (serving && !isTerminating(pod)) || service.spec?.publishNotReadyAddresses === true;
  const ports = ((service.spec?.ports ?? []) as KubeFields[]).flatMap((port): Port[] => {
    const number = targetPort(port, pod);
    if (number === undefined) return [];
    return [
      {
        ...(port.name === undefined ? {} : { name: port.name }),
        port: number,
        protocol: port.protocol ?? "TCP",
        ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
      },
    ];
  });
  return { pod, ports, ready: listed, serving };
}

/** The container port a Service's port leads to; undefined when it is named and the pod has none of that name. */
export function targetPort(port: KubeFields, pod: KubeObject): number | undefined {
  const target: unknown = port.targetPort ?? port.port;
  if (typeof target === "number") return target;
  const named = ((pod.spec?.containers ?? []) as KubeFields[])
    .flatMap((container): KubeFields[] => container.ports ?? [])
    .find((entry) => entry.name === target && (entry.protocol ?? "TCP") === (port.protocol ?? "TCP"));
  if (named !== undefined) return named.containerPort;
  return /^\d+$/.test(String(target)) ? Number(target) : undefined;
}

function targetRef(pod: KubeObject): KubeFields {
  return { kind: "Pod", name: pod.metadata.name, namespace: namespaceOf(pod), uid: pod.metadata.uid };
}

function byName(a: Member, b: Member): number {
  return a.pod.metadata.name < b.pod.metadata.name ? -1 : 1;
}

function writeEndpoints({ cluster }: ControllerContext, service: KubeObject, groups: readonly Group[]): void {
  const address = ({ pod }: Member) => ({ ip: pod.status.podIP, nodeName: NODE_NAME, targetRef: targetRef(pod) });
  const subsets = groups.flatMap(({ ports, members }) => {
    const sorted = members.filter(({ pod, ready }) => ready || !isTerminating(pod)).sort(byName);
    const addresses = sorted.filter((member) => member.ready).map(address);
    const notReadyAddresses = sorted.filter((member) => !member.ready).map(address);
    if (sorted.length === 0) return [];
    return [
      {
        ...(addresses.length === 0 ? {} : { addresses }),
        ...(notReadyAddresses.length === 0 ? {} : { notReadyAddresses }),
        ...(ports.length === 0 ? {} : { ports }),
      },
    ];
  });
  const { name } = service.metadata;
  const labels = {
    ...service.metadata.labels,
    [MANAGED_BY.replace("endpointslice", "endpoints")]: "endpoint-controller",
  };
  const current = cluster.get(RESOURCES.endpoints, namespaceOf(service), name);
  if (current === undefined) {
    const metadata = { name, namespace: namespaceOf(service), labels };
    cluster.create(RESOURCES.endpoints, { apiVersion: "v1", kind: "Endpoints", metadata, subsets });
    return;
  }
  edit(cluster, RESOURCES.endpoints, current, (copy) => {
    copy.metadata.labels = labels;
    copy.subsets = subsets;
  });
}

function writeSlices(context: ControllerContext, service: KubeObject, groups: readonly Group[]): void {
  const { cluster } = context;
  const own = cluster
    .list(RESOURCES.endpointSlice, namespaceOf(service))
    .filter((slice) => isControlledBy(slice, service) && slice.metadata.labels?.[MANAGED_BY] === MANAGER)
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const wanted = groups.length === 0 ? [{ ports: [], members: [] }] : groups;
  wanted.forEach(({ ports, members }, i) => {
    const endpoints = [...members].sort(byName).map(({ pod, ready, serving }) => ({
      addresses: [pod.status.podIP],
      conditions: { ready, serving, terminating: isTerminating(pod) },
      nodeName: NODE_NAME,
      targetRef: targetRef(pod),
    }));
    const slice = own[i];
    if (slice === undefined) createSlice(context, service, ports, endpoints);
    else {
      edit(cluster, RESOURCES.endpointSlice, slice, (copy) => {
        copy["ports"] = structuredClone(ports);
        copy["endpoints"] = endpoints;
      });
    }
  });
  for (const slice of own.slice(wanted.length)) {
    cluster.remove(RESOURCES.endpointSlice, namespaceOf(slice), slice.metadata.name);
  }
}

function createSlice(
  { cluster, random }: ControllerContext,
  service: KubeObject,
  ports: readonly Port[],
  endpoints: readonly KubeFields[],
): void {
  const { name } = service.metadata;
  const labels = { ...service.metadata.labels, [SERVICE_NAME]: name, [MANAGED_BY]: MANAGER };
  cluster.create(RESOURCES.endpointSlice, {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${name}-${nameSuffix(random)}`,
      generateName: `${name}-`,
      namespace: namespaceOf(service),
      labels,
      ownerReferences: [controllerRef(service)],
    },
    addressType: "IPv4",
    ports: structuredClone(ports),
    endpoints,
  });
}

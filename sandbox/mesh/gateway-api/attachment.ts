/** Which routes belong to which listeners of the sandbox's Gateways, and why others do not. */
import { type KubeFields, type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import type { Cluster } from "../../cluster.ts";
import { matchesSelector } from "../../controllers/objects.ts";
import { GATEWAY_API, GATEWAY_CONTROLLER, GATEWAY_GROUP } from "../../crds/gateway-api.ts";
import { narrower } from "../routes/hosts.ts";

/** A parent that a route names, as far as the parent is the sandbox's. */
export interface Attachment {
  readonly parentRef: KubeFields;
  /** "namespace/name" of the Gateway, or of the Service whose requests inside the mesh are meant. */
  readonly parent: string;
  readonly kind: "Gateway" | "Service";
  /** Host patterns for which the route is asked; empty when the parent refuses it. */
  readonly hosts: readonly string[];
  /** Names of the listeners. */
  readonly listeners: readonly string[];
  readonly refusal?: { readonly reason: string; readonly message: string };
}

/** Gateways whose class is the sandbox's. */
export function ownGateways(cluster: Cluster): readonly KubeObject[] {
  const classes = cluster
    .list(GATEWAY_API.gatewayClass)
    .filter(({ spec }) => spec?.controllerName === GATEWAY_CONTROLLER)
    .map(({ metadata }) => metadata.name);
  return cluster.list(GATEWAY_API.gateway).filter(({ spec }) => classes.includes(spec?.gatewayClassName));
}

const SPOKEN = new Set(["HTTP", "HTTPS"]);

/** Whether the sandbox's gateway opens the listener; HTTPS is spoken without TLS. */
export const isSpoken = ({ protocol }: KubeFields): boolean => SPOKEN.has(protocol);

export function listenersOf(gateway: KubeObject): readonly KubeFields[] {
  return gateway.spec?.listeners ?? [];
}

/** @param gateways those of `ownGateways` */
export function attachmentsOf(
  cluster: Cluster,
  route: KubeObject,
  gateways: readonly KubeObject[],
): readonly Attachment[] {
  const parents: readonly KubeFields[] = route.spec?.parentRefs ?? [];
  return parents.flatMap((parentRef): readonly Attachment[] => {
    const { group = GATEWAY_GROUP, kind = "Gateway", name } = parentRef;
    const namespace = parentRef.namespace ?? route.metadata.namespace;
    const parent = `${namespace}/${name}`;
    if (group === "" && kind === "Service") return [toService(cluster, parentRef, namespace, name)];
    const gateway = gateways.find(({ metadata }) => `${metadata.namespace}/${metadata.name}` === parent);
    if (group !== GATEWAY_GROUP || kind !== "Gateway" || gateway === undefined) return [];
    return [toGateway(cluster, route, parentRef, gateway, parent)];
  });
}

function toService(cluster: Cluster, parentRef: KubeFields, namespace: string, name: string): Attachment {
  const there = cluster.get(RESOURCES.service, namespace, name) !== undefined;
  const about = { parentRef, parent: `${namespace}/${name}`, kind: "Service", listeners: [] } as const;
  const missing = { reason: "NoMatchingParent", message: `Service ${namespace}/${name} is not there` };
  const host = `${name}.${namespace}.svc.cluster.local`;
  return there ? { ...about, hosts: [host] } : { ...about, hosts: [], refusal: missing };
}

function toGateway(
  cluster: Cluster,
  route: KubeObject,
  parentRef: KubeFields,
  gateway: KubeObject,
  parent: string,
): Attachment {
  const refused = (reason: string, message: string): Attachment => ({
    ...{ parentRef, parent, kind: "Gateway", hosts: [], listeners: [] },
    refusal: { reason, message },
  });
  const named = listenersOf(gateway).filter(
    (listener) =>
      isSpoken(listener) &&
      (parentRef.sectionName === undefined || parentRef.sectionName === listener.name) &&
      (parentRef.port === undefined || parentRef.port === listener.port),
  );
  if (named.length === 0) return refused("NoMatchingParent", `Gateway ${parent} has no such listener for HTTP`);
  const open = named.filter((listener) => allows(cluster, listener, gateway, route));
  if (open.length === 0)
    return refused(
      "NotAllowedByListeners",
      `no listener of Gateway ${parent} allows routes of this kind and namespace`,
    );
  const wanted: readonly string[] = route.spec?.hostnames?.length > 0 ? route.spec?.hostnames : ["*"];
  const met = open.flatMap((listener) =>
    wanted.flatMap((host) => {
      const both = narrower(String(listener.hostname ?? "*").toLowerCase(), host.toLowerCase());
      return both === undefined ? [] : [{ host: both, listener: String(listener.name) }];
    }),
  );
  if (met.length === 0)
    return refused("NoMatchingListenerHostname", `no listener of Gateway ${parent} has one of the route's hostnames`);
  const hosts = [...new Set(met.map(({ host }) => host))];
  return { parentRef, parent, kind: "Gateway", hosts, listeners: [...new Set(met.map(({ listener }) => listener))] };
}

function allows(cluster: Cluster, { allowedRoutes }: KubeFields, gateway: KubeObject, route: KubeObject): boolean {
  const kinds: readonly KubeFields[] = allowedRoutes?.kinds ?? [];
  if (kinds.length > 0 && !kinds.some(({ kind }) => kind === route.kind)) return false;
  const { from = "Same", selector } = allowedRoutes?.namespaces ?? {};
  const { namespace = "" } = route.metadata;
  if (from === "All") return true;
  if (from === "Same") return namespace === gateway.metadata.namespace;
  if (from !== "Selector") return false;
  return matchesSelector(selector, cluster.get(RESOURCES.namespace, "", namespace)?.metadata.labels);
}

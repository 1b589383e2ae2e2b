/** What the Ingresses of class `nginx` ask for: hosts, paths, and to which Service a request goes. Pure. */
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import { isTerminating } from "../../controllers/objects.ts";
import { isOwnIngress } from "../../mesh/ingress.ts";

/** A Service's pods, as nginx names them. */
export interface Upstream {
  /** "test-podinfo-9898"; the label `canary` of the metrics. */
  readonly name: string;
  /** "127.100.0.7:9898"; none when no pod is ready. */
  readonly addresses: readonly string[];
}

/** Which requests go to the canary, in the order of ingress-nginx: header, then cookie, then weight. */
export interface CanaryRule {
  readonly upstream: Upstream;
  readonly weight: number;
  readonly weightTotal: number;
  readonly header?: string;
  readonly headerValue?: string;
  readonly headerPattern?: string;
  readonly cookie?: string;
}

export interface Location {
  readonly path: string;
  readonly exact: boolean;
  readonly namespace: string;
  readonly ingress: string;
  readonly service: string;
  readonly upstream: Upstream;
  readonly canary?: CanaryRule;
}

export interface Server {
  /** "" for requests of every other host. */
  readonly host: string;
  readonly locations: readonly Location[];
}

export interface IngressWorld {
  readonly ingresses: readonly KubeObject[];
  readonly services: readonly KubeObject[];
  readonly endpointSlices: readonly KubeObject[];
}

export const PREFIX = "nginx.ingress.kubernetes.io";

export function planOf(world: IngressWorld): readonly Server[] {
  const ingresses = world.ingresses.filter(isNginx).sort(byAge);
  const hosts = new Map<string, Map<string, Location>>();
  for (const ingress of ingresses.filter((one) => !isCanary(one))) {
    for (const { host, location } of locationsOf(world, ingress)) {
      const locations = hosts.get(host) ?? new Map<string, Location>();
      const key = keyOf(location);
      // The oldest Ingress wins, as in ingress-nginx.
      if (!locations.has(key)) locations.set(key, location);
      hosts.set(host, locations);
    }
  }
  for (const ingress of ingresses.filter(isCanary)) {
    for (const { host, location } of locationsOf(world, ingress)) {
      const locations = hosts.get(host);
      const main = locations?.get(keyOf(location));
      if (main === undefined || main.canary !== undefined) continue;
      locations?.set(keyOf(location), { ...main, canary: canaryRule(ingress, location.upstream) });
    }
  }
  return [...hosts].map(([host, locations]) => ({ host, locations: [...locations.values()] }));
}

const keyOf = ({ path, exact }: Location): string => `${exact ? "=" : ""}${path}`;
const annotationOf = ({ metadata }: KubeObject, name: string): string | undefined =>
  metadata.annotations?.[`${PREFIX}/${name}`];
const isCanary = (ingress: KubeObject): boolean => annotationOf(ingress, "canary") === "true";

const isNginx = (ingress: KubeObject): boolean => isOwnIngress(ingress) && !isTerminating(ingress);

function byAge(a: KubeObject, b: KubeObject): number {
  const key = ({ metadata }: KubeObject) =>
    `${metadata.creationTimestamp ?? ""} ${metadata.namespace ?? ""}/${metadata.name}`;
  return key(a) < key(b) ? -1 : 1;
}

function locationsOf(world: IngressWorld, ingress: KubeObject): readonly { host: string; location: Location }[] {
  const { namespace = "", name } = ingress.metadata;
  const rules: readonly KubeFields[] = ingress.spec?.rules ?? [];
  return rules.flatMap((rule) =>
    ((rule.http?.paths ?? []) as readonly KubeFields[]).flatMap(({ path = "/", pathType, backend }) => {
      const to: KubeFields | undefined = backend?.service;
      if (to === undefined) return [];
      const upstream = upstreamOf(world, namespace, to);
      const exact = pathType === "Exact";
      const location: Location = { path, exact, namespace, ingress: name, service: to.name, upstream };
      return [{ host: rule.host ?? "", location }];
    }),
  );
}

function canaryRule(ingress: KubeObject, upstream: Upstream): CanaryRule {
  const number = (name: string, preset: number) => {
    const value = Number(annotationOf(ingress, name) ?? preset);
    return Number.isFinite(value) && value >= 0 ? value : preset;
  };
  const optional = {
    header: annotationOf(ingress, "canary-by-header"),
    headerValue: annotationOf(ingress, "canary-by-header-value"),
    headerPattern: annotationOf(ingress, "canary-by-header-pattern"),
    cookie: annotationOf(ingress, "canary-by-cookie"),
  };
  const given = Object.fromEntries(Object.entries(optional).filter(([, value]) => value));
  return { upstream, weight: number("canary-weight", 0), weightTotal: number("canary-weight-total", 100), ...given };
}

function upstreamOf(world: IngressWorld, namespace: string, { name, port }: KubeFields): Upstream {
  const id = `${namespace}-${name}-${port?.number ?? port?.name ?? ""}`;
  const isIt = ({ metadata }: KubeObject) => metadata.namespace === namespace && metadata.name === name;
  const ports: readonly KubeFields[] = world.services.find(isIt)?.spec?.ports ?? [];
  const servicePort = ports.find((one) => (port?.name ? one.name === port.name : one.port === port?.number));
  if (servicePort === undefined) return { name: id, addresses: [] };
  const slices = world.endpointSlices.filter(
    ({ metadata }) =>
      metadata.namespace === namespace && metadata.labels?.["kubernetes.io/service-name"] === String(name),
  );
  const addresses = slices.flatMap((slice) => addressesOf(slice, servicePort.name ?? ""));
  return { name: id, addresses: [...new Set(addresses)].sort() };
}

function addressesOf(slice: KubeObject, portName: string): readonly string[] {
  const ports: readonly KubeFields[] = slice["ports"] ?? [];
  const port = ports.find(({ name = "" }) => name === portName)?.port;
  const endpoints: readonly KubeFields[] = slice["endpoints"] ?? [];
  if (port === undefined) return [];
  return endpoints
    .filter(({ conditions }) => conditions?.ready !== false)
    .flatMap(({ addresses = [] }) => (addresses as readonly string[]).map((address) => `${address}:${port}`));
}

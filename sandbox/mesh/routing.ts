/**
 * Which route a request takes. Tables are compiled when the first request after a change asks for them, so a
 * VirtualService is in force as soon as its event has arrived, and a burst of changes costs one compilation.
 */
import { type KubeFields, type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import type { Cluster } from "../cluster.ts";
import { KNATIVE } from "../crds/knative.ts";
import { translateGatewayApi } from "./gateway-api/index.ts";
import { INGRESS_GATEWAY, translateIngresses } from "./ingress.ts";
import { KNATIVE_GATEWAY, knativeRules } from "./knative.ts";
import { byAge } from "./pools.ts";
import type { Registry, ServiceFacts } from "./registry.ts";
import { expandHost, fqdn, type HostTable, hostTable, narrower, serviceKey } from "./routes/hosts.ts";
import { gatewayId, hostOf } from "./routes/matches.ts";
import { plainRoute, type RequestView, type Route, type Rules, type Split } from "./routes/route.ts";
import { rulesOf } from "./routes/rules.ts";
import type { Workload } from "./workload.ts";

export interface Routing {
  /**
   * For requests to a Service's port in a namespace with sidecars. undefined: its VirtualService has no rule for it.
   */
  meshRoute(service: ServiceFacts, port: number, view: RequestView): Route | undefined;
  /** Where a connection to a Service's port goes. */
  meshSplit(service: ServiceFacts, port: number, source: Workload | undefined): Split;
  gatewayRoute(view: RequestView): Route | undefined;
  /** The port that the Gateways declare. */
  gatewayPort(): number;
  /** Objects that say how requests go, or Services, changed. */
  invalidate(): void;
}

interface Context {
  readonly cluster: Cluster;
  readonly registry: () => Registry;
}

interface Tables {
  readonly mesh: HostTable<Rules>;
  readonly gateway: HostTable<Rules>;
  readonly gatewayPort: number;
  /** What a Host header stands for at a Service's port: an answer for every header seen. */
  readonly seen: Map<string, readonly Route[]>;
  readonly plain: Map<string, Route>;
}

/** Host headers are remembered up to this many, so that callers cannot fill the memory. */
const SEEN_LIMIT = 2_000;

export function createRouting(context: Context): Routing {
  let tables: Tables | undefined;
  const current = () => {
    tables ??= compile(context);
    return tables;
  };
  return {
    meshRoute: (service, port, view) => {
      const routes = meshRoutes(context, current(), service, port, view.authority);
      return firstMatch(routes, view);
    },
    meshSplit: (service, port, source) => {
      const rules = current().mesh.find(fqdn(service.namespace, service.name));
      const route = rules?.tcp.find((each) => each.matches(port, source));
      return route?.split ?? { destinations: [destinationTo(service.key, port)], upTo: [1] };
    },
    gatewayRoute: (view) => {
      const host = hostOf(view.authority).toLowerCase();
      const isService = (key: string) => context.registry().service(key) !== undefined;
      const full = host.includes(".") ? expandHost(host, "", isService) : host;
      const rules = current().gateway.find(full);
      return rules && firstMatch(rules.http, view);
    },
    gatewayPort: () => current().gatewayPort,
    invalidate: () => {
      tables = undefined;
    },
  };
}

function firstMatch(routes: readonly Route[], view: RequestView): Route | undefined {
  for (const route of routes) if (route.matches(view)) return route;
  return undefined;
}

/** The Host header decides, as in Envoy, when it names something; else it is the Service whose address was asked. */
function meshRoutes(
  { registry }: Context,
  { mesh, seen, plain }: Tables,
  service: ServiceFacts,
  port: number,
  authority: string,
): readonly Route[] {
  const id = `${service.key}:${port} ${authority}`;
  const known = seen.get(id);
  if (known !== undefined) return known;
  const host = hostOf(authority).toLowerCase();
  const key = serviceKey(host, service.namespace);
  const named = key === undefined ? undefined : registry().service(key);
  const meant = named?.ports.some(({ number }) => number === port) ? named : service;
  const foreign = host !== "" && named === undefined && !isAddress(host) ? mesh.find(host) : undefined;
  const rules = foreign ?? mesh.find(fqdn(meant.namespace, meant.name));
  const routes = rules === undefined || rules.http.length === 0 ? [plainTo(plain, meant.key, port)] : rules.http;
  if (seen.size >= SEEN_LIMIT) seen.clear();
  seen.set(id, routes);
  return routes;
}

const isAddress = (host: string) => /^[\d.]+$|^\[/.test(host);

function plainTo(plain: Map<string, Route>, key: string, port: number): Route {
  const id = `${key}:${port}`;
  const route = plain.get(id) ?? plainRoute(destinationTo(key, port));
  plain.set(id, route);
  return route;
}

/** All endpoints of a Service's port. */
export function destinationTo(service: string, port: number) {
  return { service, port, subset: "", request: undefined, response: undefined };
}

function compile(context: Context): Tables {
  const routes = [...context.cluster.list(KNATIVE.route)];
  const standard = translateGatewayApi(context.cluster);
  const ingresses = translateIngresses(context.cluster);
  const rules = [...context.cluster.list(RESOURCES.virtualService), ...routes.flatMap(knativeRules)];
  const services = [...rules, ...standard.rules, ...ingresses].sort(byAge);
  const gateways = [
    ...[...context.cluster.list(RESOURCES.gateway)].sort(byAge),
    ...standard.gateways,
    ...(routes.length === 0 ? [] : [KNATIVE_GATEWAY]),
    ...(ingresses.length === 0 ? [] : [INGRESS_GATEWAY]),
  ];
  return {
    mesh: hostTable(meshRules(context, services)),
    gateway: hostTable(gatewayRules(context, services, gateways)),
    gatewayPort: gateways.flatMap(serversOf)[0]?.port?.number ?? 80,
    seen: new Map(),
    plain: new Map(),
  };
}

function boundTo(service: KubeObject, gateway: string): boolean {
  const names: readonly string[] = service.spec?.gateways ?? [];
  const namespace = service.metadata.namespace ?? "";
  if (names.length === 0) return gateway === "mesh";
  return names.some((name) => gatewayId(name, namespace) === gateway);
}

function hostsOf(context: Context, service: KubeObject): readonly string[] {
  const isService = (key: string) => context.registry().service(key) !== undefined;
  const hosts: readonly string[] = service.spec?.hosts ?? [];
  return hosts.map((host) => expandHost(host, service.metadata.namespace ?? "", isService));
}

/** @param problem receives what cannot be understood in the object */
export function compileService(
  cluster: Cluster,
  service: KubeObject,
  gateway: string,
  problem: (text: string) => void = () => {},
): Rules {
  return rulesOf(service, {
    gateway,
    namespace: service.metadata.namespace ?? "",
    problem,
    delegate: (namespace, name) => cluster.get(RESOURCES.virtualService, namespace, name),
  });
}

/** Inside the mesh the oldest VirtualService has a host for itself. */
function meshRules(context: Context, services: readonly KubeObject[]): Map<string, Rules> {
  const found = new Map<string, Rules>();
  for (const service of services.filter((each) => boundTo(each, "mesh"))) {
    const rules = compileService(context.cluster, service, "mesh");
    for (const host of hostsOf(context, service)) if (!found.has(host)) found.set(host, rules);
  }
  return found;
}

/** At a gateway the rules of all VirtualServices for a host are joined, oldest first. */
function gatewayRules(
  context: Context,
  services: readonly KubeObject[],
  gateways: readonly KubeObject[],
): Map<string, Rules> {
  const found = new Map<string, Rules>();
  for (const gateway of gateways) {
    const id = `${gateway.metadata.namespace ?? ""}/${gateway.metadata.name}`;
    const open = serversOf(gateway).flatMap((server): string[] => server.hosts ?? []);
    for (const service of services.filter((each) => boundTo(each, id))) {
      const rules = compileService(context.cluster, service, id);
      for (const host of openHosts(open, hostsOf(context, service), gateway, service)) {
        const before = found.get(host);
        found.set(host, {
          http: [...(before?.http ?? []), ...rules.http],
          tcp: [...(before?.tcp ?? []), ...rules.tcp],
        });
      }
    }
  }
  return found;
}

const HTTP_PROTOCOLS = new Set(["HTTP", "HTTPS", "HTTP2", "GRPC", "GRPC-WEB"]);

function serversOf(gateway: KubeObject): readonly KubeFields[] {
  const servers: KubeFields[] = gateway.spec?.servers ?? [];
  return servers.filter((server) => HTTP_PROTOCOLS.has(String(server.port?.protocol ?? "HTTP").toUpperCase()));
}

/**
 * Hosts of a VirtualService that the Gateway's servers let in; theirs may say from which namespace: "ns/host",
 * "./host".
 */
function openHosts(
  open: readonly string[],
  wanted: readonly string[],
  gateway: KubeObject,
  service: KubeObject,
): ReadonlySet<string> {
  const found = new Set<string>();
  for (const entry of open) {
    const slash = entry.indexOf("/");
    const from = slash < 0 ? "*" : entry.slice(0, slash);
    const namespace = from === "." ? gateway.metadata.namespace : from;
    if (namespace !== "*" && namespace !== service.metadata.namespace) continue;
    const pattern = entry.slice(slash + 1).toLowerCase();
    for (const host of wanted) {
      const both = narrower(pattern, host);
      if (both !== undefined) found.add(both);
    }
  }
  return found;
}

/** Gloo: one Upstream for each Service, and one RouteTable that splits between them. */

import { dotted } from "../../core/spec/spec.ts";
import type { Canary, Routes } from "../../core/status/canary.ts";
import { type KubeObject, namespaced, type ObjectRef, RESOURCES } from "../../ports/kubernetes.ts";
import type { Fields, ServiceObject } from "../../ports/kubernetes-types.ts";
import type { Obstacle, Router, RouterOptions } from "../../ports/router.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import {
  type Condition,
  type Conditions,
  madeRoutes,
  namesOf,
  objectOf,
  refTo,
  routeKind,
  routeMetadata,
  sortedConditions,
} from "../objects.ts";

const ROUTE_TABLE = namespaced("gateway.solo.io", "v1", "RouteTable", "routetables");
const UPSTREAM = namespaced("gloo.solo.io", "v1", "Upstream", "upstreams");
/** As in gateway.solo.io/v1. */
interface RouteTable extends KubeObject {
  spec?: Fields & { readonly routes?: readonly GlooRoute[] };
}

interface GlooRoute extends Fields {
  readonly routeAction?: RouteAction;
}

interface RouteAction {
  readonly multi?: { readonly destinations?: readonly GlooDestination[] };
}

interface GlooDestination {
  readonly destination?: { readonly upstream?: { readonly name?: string; readonly namespace?: string } };
  readonly weight?: number;
}

/** As in gloo.solo.io/v1. */
interface Upstream extends KubeObject {
  spec?: Fields & { readonly kube?: Fields; readonly loadBalancerConfig?: unknown };
}

interface Match {
  readonly headers?: Conditions;
  readonly queryParams?: Conditions;
  readonly method?: Condition;
}

const ROLES = ["primary", "canary"] as const;
type Role = (typeof ROLES)[number];

/** The fields that are copied from the Upstream that `spec.upstreamRef` names. */
const CONFIG_FIELDS = [
  ...["labels", "sslConfig", "circuitBreakers", "connectionConfig", "loadBalancerConfig", "useHttp2"],
  ...["initialStreamWindowSize", "initialConnectionWindowSize", "httpProxyHostName"],
];

export function createGlooRouter(options: RouterOptions): Router {
  return {
    name: "gloo",
    capabilities: { weights: true, mirror: false, headerMatch: true, sessionAffinity: false },
    reads: ["upstreamRef"],
    kinds: [
      routeKind(ROUTE_TABLE),
      {
        type: UPSTREAM,
        refused: (name, verb) => `upstream ${name} ${verb === "create" ? "create query" : "spec patch"} error: `,
      },
    ],
    takesSuffix: true,
    problem,
    obstacle,
    inputs: (canary) => [
      ...ROLES.flatMap((role) => [serviceRef(canary, role), upstreamRef(canary, role)]),
      ...configRefs(canary),
      routeTableRef(canary),
    ],
    made: (canary) =>
      madeRoutes(canary, [...ROLES.map((role) => upstreamRef(canary, role)), routeTableRef(canary)], options),
    read: (canary, seen) => read(canary, seen.get(routeTableRef(canary))),
    render: (canary, routes, seen) => [
      ...ROLES.flatMap((role) => upstream(canary, role, seen, options)),
      objectOf(
        canary,
        routeTableRef(canary),
        seen,
        { spec: { routes: routesOf(canary, routes) }, ...routeMetadata(canary) },
        options,
      ),
    ],
    handBack: () => [],
  };
}

const routeTableRef = (canary: Canary) => refTo(canary, ROUTE_TABLE, namesOf(canary).apex);
const serviceRef = (canary: Canary, role: Role) => refTo(canary, RESOURCES.service, namesOf(canary)[role]);
const upstreamRef = (canary: Canary, role: Role) => refTo(canary, UPSTREAM, upstreamName(canary, role));

function upstreamName({ ref, spec }: Canary, role: Role): string {
  return `${ref.namespace}-${spec.service.name}-${role}upstream-${spec.service.port}`;
}

function configRefs({ spec, ref }: Canary): readonly ObjectRef[] {
  const { upstreamRef: config } = spec;
  return config === undefined
    ? []
    : [{ type: UPSTREAM, namespace: config.namespace ?? ref.namespace, name: config.name }];
}

function problem({ spec }: Canary): string | undefined {
  return spec.analysis.match.some((entry) => Object.keys(matcher(entry)).length === 0)
    ? "spec.analysis.match has an entry without headers, queryParams or method, which would match all requests: add one, or remove it"
    : undefined;
}

function obstacle(canary: Canary, seen: Snapshot): Obstacle | undefined {
  const missing = configRefs(canary).find((ref) => seen.get(ref) === undefined);
  if (missing === undefined) return undefined;
  const what = `config upstream ${dotted(missing.name, canary.ref)} get query error: `;
  return { text: `${what}upstreams.gloo.solo.io "${missing.name}" not found`, writable: false };
}

/** Created once. Later only its load balancing follows the user's Upstream. */
function upstream(canary: Canary, role: Role, seen: Snapshot, options: RouterOptions): readonly KubeObject[] {
  const ref = upstreamRef(canary, role);
  const [config] = configRefs(canary).map((configRef): Upstream["spec"] => seen.get(configRef)?.spec ?? {});
  const existing: Upstream | undefined = seen.get(ref);
  if (existing?.spec?.kube !== undefined) {
    const balanced = config?.loadBalancerConfig === undefined ? {} : { loadBalancerConfig: config.loadBalancerConfig };
    return [{ ...existing, spec: { ...existing.spec, ...balanced } }];
  }
  const service: ServiceObject | undefined = seen.get(serviceRef(canary, role));
  if (service === undefined) return [];
  const copied = CONFIG_FIELDS.filter((field) => config?.[field] !== undefined).map((field) => [
    field,
    config?.[field],
  ]);
  const kube = {
    serviceName: namesOf(canary)[role],
    serviceNamespace: canary.ref.namespace,
    servicePort: canary.spec.service.port,
    selector: service.spec?.selector,
  };
  return [objectOf(canary, ref, seen, { spec: { kube, ...Object.fromEntries(copied) } }, options)];
}

/** Gloo does not store a weight of 0. */
function read(canary: Canary, table: RouteTable | undefined): Routes | undefined {
  const destinations = table?.spec?.routes?.[0]?.routeAction?.multi?.destinations ?? [];
  if (destinations.length < 2) return undefined;
  const name = upstreamName(canary, "primary");
  const primary = destinations.find(({ destination }) => destination?.upstream?.name === name);
  if (primary === undefined) return undefined;
  return { primary: primary.weight ?? 0, canary: 100 - (primary.weight ?? 0), mirror: false };
}

/** Requests that match nothing go to the primary; without a route of their own they would fail (R10). */
function routesOf(canary: Canary, routes: Routes): readonly GlooRoute[] {
  const matchers = canary.spec.analysis.match.map(matcher);
  const split = { inheritablePathMatchers: true, routeAction: action(canary, routes) };
  if (matchers.length === 0) return [split];
  const rest = { inheritablePathMatchers: true, routeAction: action(canary, { primary: 100, canary: 0 }) };
  return [{ ...split, matchers }, rest];
}

function action(canary: Canary, weights: Pick<Routes, Role>): RouteAction {
  const destinations = ROLES.map((role) => ({
    destination: { upstream: { name: upstreamName(canary, role), namespace: canary.ref.namespace } },
    ...(weights[role] > 0 ? { weight: weights[role] } : {}),
  }));
  return { multi: { destinations } };
}

function matcher({ headers, queryParams, method }: Match): Fields {
  const conditions = (map: Conditions | undefined) => sortedConditions(map).map(([name, how]) => condition(name, how));
  const [byHeaders, byQuery] = [conditions(headers), conditions(queryParams)];
  return {
    ...(byHeaders.length === 0 ? {} : { headers: byHeaders }),
    ...(byQuery.length === 0 ? {} : { queryParameters: byQuery }),
    ...(method?.exact ? { methods: [method.exact] } : {}),
  };
}

function condition(name: string, { exact, regex, prefix, suffix }: Condition): Fields {
  if (exact) return { name, value: exact };
  const quoted = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const value = regex || (prefix ? `${quoted(prefix)}.*` : `.*${quoted(suffix ?? "")}`);
  return { name, value, regex: true };
}

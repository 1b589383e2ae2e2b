/** Contour: one HTTPProxy that a root proxy of the user includes. */
import type { Canary, Routes } from "../../core/status/canary.ts";
import { type KubeObject, namespaced } from "../../ports/kubernetes.ts";
import type { Fields } from "../../ports/kubernetes-types.ts";
import type { Router, RouterOptions } from "../../ports/router.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import {
  type Condition,
  type Conditions,
  madeRoutes,
  namesOf,
  objectOf,
  pathPrefixOf,
  refTo,
  routeKind,
  routeMetadata,
  sortedConditions,
} from "../objects.ts";

const HTTP_PROXY = namespaced("projectcontour.io", "v1", "HTTPProxy", "httpproxies");

/** As in projectcontour.io/v1. */
interface HttpProxy extends KubeObject {
  spec?: Fields & { readonly routes?: readonly ProxyRoute[] };
}

interface ProxyRoute extends Fields {
  readonly services?: readonly ProxyService[];
}

interface ProxyService extends Fields {
  readonly name?: string;
  readonly weight?: number;
}

/** `spec.service.retries`. */
interface Retries {
  readonly attempts?: number;
  readonly perTryTimeout?: string;
  readonly retryOn?: string;
}

export function createContourRouter(options: RouterOptions): Router {
  const refOf = (canary: Canary) => refTo(canary, HTTP_PROXY, namesOf(canary).apex);
  return {
    name: "contour",
    capabilities: { weights: true, mirror: false, headerMatch: true, sessionAffinity: false },
    kinds: [routeKind(HTTP_PROXY)],
    problem,
    inputs: (canary) => [refOf(canary)],
    made: (canary) => madeRoutes(canary, [refOf(canary)], options),
    read: (canary, seen) => read(canary, seen.get(refOf(canary))),
    render(canary, routes, seen: Snapshot) {
      const className = options.ingressClass ? { ingressClassName: options.ingressClass } : {};
      const spec = { ...className, routes: routesOf(canary, routes) };
      return [objectOf(canary, refOf(canary), seen, { spec, ...routeMetadata(canary) }, options)];
    },
    handBack: () => [],
  };
}

function problem(canary: Canary): string | undefined {
  const { match } = canary.spec.analysis;
  return match.some((entry) => conditionsOf(entry).length === 0)
    ? "spec.analysis.match has an entry without headers or queryParams, which would match all requests: add one, or remove it"
    : undefined;
}

/** Contour does not store a weight of 0. Beside other weights, an absent one means 0. */
function read(canary: Canary, proxy: HttpProxy | undefined): Routes | undefined {
  const services = proxy?.spec?.routes?.[0]?.services ?? [];
  if (services.length < 2) return undefined;
  const primary = services.find(({ name }) => name === namesOf(canary).primary);
  if (primary === undefined) return undefined;
  const weight = primary.weight ?? 0;
  return { primary: weight, canary: 100 - weight, mirror: false };
}

function routesOf(canary: Canary, routes: Routes): readonly ProxyRoute[] {
  const { match } = canary.spec.analysis;
  const prefix = pathPrefixOf(canary);
  const plain = [{ prefix }];
  if (match.length === 0) return [route(canary, plain, routes)];
  // An entry is one route: all its conditions must hold, and one matching entry is enough.
  const matched = match.map((entry) => route(canary, joined(prefix, conditionsOf(entry)), routes));
  return [...matched, route(canary, plain, { primary: 100, canary: 0 })];
}

/** The prefix occurs once: Contour refuses a proxy that repeats it (R11). */
function joined(prefix: string, conditions: readonly Fields[]): readonly Fields[] {
  return conditions.map((condition, i) => (i === 0 ? { prefix, ...condition } : condition));
}

function conditionsOf({
  headers,
  queryParams,
}: {
  readonly headers?: Conditions;
  readonly queryParams?: Conditions;
}): readonly Fields[] {
  return [
    ...sortedConditions(headers).map(([name, how]) => ({ header: headerCondition(name, how) })),
    ...sortedConditions(queryParams).map(([name, how]) => ({ queryParameter: { name, ...how } })),
  ];
}

/** Contour cannot match the start and the end of a header; `contains` is the nearest. */
function headerCondition(name: string, { exact, prefix, suffix, regex }: Condition): Fields {
  if (prefix || suffix) return { name, contains: prefix || suffix };
  return regex ? { name, regex } : { name, exact };
}

function route(canary: Canary, conditions: readonly Fields[], weights: Pick<Routes, "primary" | "canary">): ProxyRoute {
  const { timeout, retries } = canary.spec.service.raw as { readonly timeout?: string; readonly retries?: Retries };
  return {
    conditions,
    ...(timeout ? { timeoutPolicy: { response: timeout, idle: "5m" } } : {}),
    ...(retries ? { retryPolicy: retryPolicy(retries) } : {}),
    services: [service(canary, "primary", weights.primary), service(canary, "canary", weights.canary)],
  };
}

function retryPolicy({ attempts, perTryTimeout, retryOn }: Retries): Fields {
  return {
    count: attempts ?? 0,
    ...(perTryTimeout ? { perTryTimeout } : {}),
    ...(retryOn ? { retryOn: retryOn.split(",") } : {}),
  };
}

function service(canary: Canary, role: "primary" | "canary", weight: number): ProxyService {
  const { port } = canary.spec.service;
  const name = namesOf(canary)[role];
  const value = `${name}.${canary.ref.namespace}.svc.cluster.local:${port}`;
  return {
    ...{ name, port },
    ...(weight > 0 ? { weight } : {}),
    requestHeadersPolicy: { set: [{ name: "l5d-dst-override", value }] },
  };
}

/**
 * The Gateway API: one route that splits, owned by the Canary, or the route of another owner that the Canary names
 * (adopted.ts). `spec.service.routeKind` chooses between HTTPRoute, GRPCRoute, TCPRoute and TLSRoute.
 */

import { dotted, type JsonObject } from "../../core/spec/spec.ts";
import type { Canary, Routes } from "../../core/status/canary.ts";
import { type KubeObject, namespaced, type ObjectRef, type ResourceType } from "../../ports/kubernetes.ts";
import type { Obstacle, Router, RouterOptions } from "../../ports/router.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import { madeRoutes, namesOf, objectOf, refTo, routeKind, routeMetadata } from "../objects.ts";
import { adoptedObstacle, readAdopted, renderAdopted, routeNamespace } from "./adopted.ts";
import { grantRefs, grants, REFERENCE_GRANT } from "./grants.ts";
import { Untranslatable } from "./matches.ts";
import { gatewaysFollow, refusalOf } from "./parents.ts";
import { type Dialect, hasRequests, type RouteKind, readRule, rulesFor, translated } from "./rules.ts";
import type { ParentRef, Route } from "./types.ts";

const GROUP = "gateway.networking.k8s.io";
const PLURALS = { HTTPRoute: "httproutes", GRPCRoute: "grpcroutes", TCPRoute: "tcproutes", TLSRoute: "tlsroutes" };
const isRouteKind = (kind: string): kind is RouteKind => kind in PLURALS;
const type = (version: string, kind: RouteKind): ResourceType => namespaced(GROUP, version, kind, PLURALS[kind]);

/**
 * Kinds by the version in the provider's name. A kind that this version lacks is taken from the version that has it.
 */
const TYPES = {
  v1: [type("v1", "HTTPRoute"), type("v1", "GRPCRoute"), type("v1alpha2", "TCPRoute"), type("v1alpha2", "TLSRoute")],
  v1beta1: [
    ...[type("v1beta1", "HTTPRoute"), type("v1", "GRPCRoute")],
    ...[type("v1alpha2", "TCPRoute"), type("v1alpha2", "TLSRoute")],
  ],
} as const satisfies Record<string, readonly ResourceType[]>;

export function createGatewayApiRouter(version: "v1" | "v1beta1", options: RouterOptions): Router {
  const routeOf = (canary: Canary): ObjectRef => {
    const { routeRef } = canary.spec;
    const kind = kindOf(canary);
    const found = TYPES[version].find((candidate) => candidate.kind === kind) ?? TYPES[version][0];
    if (!isAdopted(canary)) return refTo(canary, found, routeName(canary));
    return { type: found, namespace: routeNamespace(canary), name: routeRef?.name ?? "" };
  };
  const dialectOf = (canary: Canary): Dialect => ({ kind: kindOf(canary), v1: version === "v1" });
  return {
    name: `gatewayapi:${version}`,
    // Capabilities of HTTPRoutes; `problem` knows what the other kinds cannot do.
    capabilities: { weights: true, mirror: true, headerMatch: true, sessionAffinity: true },
    reads: ["routeRef", "service.gatewayRefs"],
    kinds: [...TYPES[version], REFERENCE_GRANT].map((kind) => routeKind(kind)),
    takesSuffix: true,
    problem: (canary) => problem(canary, dialectOf(canary)),
    obstacle: (canary, seen) => obstacle(canary, routeOf(canary), seen),
    inputs: (canary) => [routeOf(canary), ...grantRefs(canary)],
    made: (canary) =>
      madeRoutes(canary, [...(isAdopted(canary) ? [] : [routeOf(canary)]), ...grantRefs(canary)], options),
    read: (canary, seen) => read(canary, routeOf(canary), seen),
    followed(canary, seen) {
      const route = seen.get(routeOf(canary));
      return route === undefined || gatewaysFollow(route);
    },
    render(canary, routes, seen) {
      const ref = routeOf(canary);
      const dialect = dialectOf(canary);
      const granted = grants(canary, dialect.kind, seen, options);
      if (!isAdopted(canary)) return [...granted, generated(canary, routes, { ref, dialect, seen, options })];
      const route = seen.get(ref);
      return route === undefined ? granted : [...granted, renderAdopted(canary, routes, route, dialect)];
    },
    handBack(canary, seen) {
      const route = isAdopted(canary) ? seen.get(routeOf(canary)) : undefined;
      const atRest = { primary: 100, canary: 0, mirror: false };
      return route === undefined ? [] : [renderAdopted(canary, atRest, route, dialectOf(canary))];
    },
  };
}

const routeName = (canary: Canary): string => String(canary.spec.service.raw["routeName"] || namesOf(canary).apex);

function isAdopted({ spec }: Canary): boolean {
  return spec.routeRef !== undefined && isRouteKind(spec.routeRef.kind);
}

function kindOf({ spec }: Canary): RouteKind {
  const named = spec.routeRef?.kind ?? "";
  const asked = String(spec.service.raw["routeKind"] ?? "");
  if (isRouteKind(named)) return named;
  return isRouteKind(asked) ? asked : "HTTPRoute";
}

function problem(canary: Canary, dialect: Dialect): string | undefined {
  const { raw } = canary.spec.service;
  const { match, mirror, sessionAffinity } = canary.spec.analysis;
  const { kind } = dialect;
  const gateways = raw["gatewayRefs"] as readonly unknown[] | undefined;
  if (!isAdopted(canary) && (gateways ?? []).length === 0) {
    return "GatewayRefs must be specified when using Gateway API as a provider. Set spec.service.gatewayRefs or spec.routeRef.";
  }
  if (!hasRequests(dialect) && match.length > 0) {
    return `${kind} routes connections, which have no requests to match: remove spec.analysis.match`;
  }
  if (!hasRequests(dialect) && mirror)
    return `${kind} routes connections, which cannot be mirrored: remove spec.analysis.mirror`;
  if (kind !== "HTTPRoute" && sessionAffinity !== undefined) {
    return `${kind} has no cookies: remove spec.analysis.sessionAffinity`;
  }
  if (isAdopted(canary) && sessionAffinity !== undefined) {
    return "session affinity needs rules of its own: remove spec.analysis.sessionAffinity or spec.routeRef";
  }
  if (isAdopted(canary) && mirror && match.length > 0) {
    return "requests of an A/B test are not mirrored on a route of spec.routeRef: remove spec.analysis.mirror";
  }
  return hasRequests(dialect) ? matchProblem(canary, dialect) : undefined;
}

function matchProblem({ spec }: Canary, dialect: Dialect): string | undefined {
  try {
    translated((spec.service.raw["match"] ?? []) as readonly JsonObject[], dialect);
    const wanted = translated(spec.analysis.match, dialect);
    // An A/B test without any translatable condition would match every user (R3).
    return spec.analysis.match.length > 0 && wanted.length < spec.analysis.match.length
      ? "spec.analysis.match has an entry without headers, queryParams or method, which would match all requests: add one, or remove it"
      : undefined;
  } catch (error) {
    if (!(error instanceof Untranslatable)) throw error;
    return `Invalid request matching selectors: ${error.message}: change it in spec.service.match or spec.analysis.match`;
  }
}

function obstacle(canary: Canary, ref: ObjectRef, seen: Snapshot): Obstacle | undefined {
  const route = seen.get(ref);
  if (route !== undefined)
    return (isAdopted(canary) ? adoptedObstacle(canary, route) : undefined) ?? refusalOf(canary, route);
  if (!isAdopted(canary)) return undefined;
  const name = dotted(ref.name, { ...canary.ref, namespace: ref.namespace });
  return {
    text: `${ref.type.kind} ${name} of spec.routeRef is not there: make it, or remove spec.routeRef`,
    writable: false,
  };
}

function read(canary: Canary, ref: ObjectRef, seen: Snapshot): Routes | undefined {
  const route: Route | undefined = seen.get(ref);
  if (route === undefined) return undefined;
  if (isAdopted(canary)) return readAdopted(canary, route);
  const names = namesOf(canary);
  const rules = route.spec?.rules ?? [];
  const weighted = rules.filter(({ backendRefs }) => (backendRefs ?? []).some(({ name }) => name === names.canary));
  // Rules before the last rule that names the canary are sticky sessions.
  const last = weighted.at(-1);
  return last === undefined ? undefined : readRule(last, names);
}

interface Made {
  readonly ref: ObjectRef;
  readonly dialect: Dialect;
  readonly seen: Snapshot;
  readonly options: RouterOptions;
}

function generated(canary: Canary, routes: Routes, { ref, dialect, seen, options }: Made): KubeObject {
  const { hosts, raw } = canary.spec.service;
  const spec = {
    parentRefs: ((raw["gatewayRefs"] ?? []) as unknown as readonly ParentRef[]).map(parentRef),
    ...(hosts.length === 0 || dialect.kind === "TCPRoute" ? {} : { hostnames: hosts }),
    rules: rulesFor(canary, routes, dialect),
  };
  const fields = ["parentRefs", "hostnames", "rules"];
  return objectOf(canary, ref, seen, { spec, fields, ...routeMetadata(canary) }, options);
}

/** With the API server's defaults, so that they are no difference. */
function parentRef({ group = GROUP, kind = "Gateway", ...others }: ParentRef): ParentRef {
  return { group, kind, ...others };
}

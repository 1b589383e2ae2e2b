/** App Mesh: VirtualNodes for primary and canary, VirtualRouters that route, VirtualServices that name them. */
import type { Canary } from "../../core/status/canary.ts";
import { parseDuration } from "../../go/duration.ts";
import { type KubeObject, namespaced, type ObjectRef, RESOURCES } from "../../ports/kubernetes.ts";
import type { Fields, ServiceObject } from "../../ports/kubernetes-types.ts";
import type { Router, RouterOptions } from "../../ports/router.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import { madeRoutes, namesOf, objectOf, refTo, routeKind, routeMetadata } from "../objects.ts";
import {
  apexRoutes,
  canaryRoutes,
  gatewayAnnotations,
  logging,
  matchProblem,
  protocolOf,
  type RouteText,
  readTargets,
  retriesOf,
  type Target,
} from "./shared.ts";

const VIRTUAL_NODE = namespaced("appmesh.k8s.aws", "v1beta2", "VirtualNode", "virtualnodes");
const VIRTUAL_ROUTER = namespaced("appmesh.k8s.aws", "v1beta2", "VirtualRouter", "virtualrouters");
const VIRTUAL_SERVICE = namespaced("appmesh.k8s.aws", "v1beta2", "VirtualService", "virtualservices");
const ROLES = ["primary", "canary"] as const;

interface NodeTarget extends Target {
  readonly virtualNodeRef?: { readonly name: string };
}

interface VirtualRouter extends KubeObject {
  spec?: { readonly routes?: readonly RouterRoute[] };
}

interface RouterRoute {
  readonly httpRoute?: { readonly action?: { readonly weightedTargets?: readonly NodeTarget[] } };
}

interface Duration {
  readonly unit: "ms";
  readonly value: number;
}

export function createAppMeshV1beta2Router(options: RouterOptions): Router {
  return {
    name: "appmesh:v1beta2",
    capabilities: { weights: true, mirror: false, headerMatch: true, sessionAffinity: false },
    reads: ["service.meshName", "service.backends"],
    kinds: [
      routeKind(VIRTUAL_NODE, "reconcileVirtualNode failed: "),
      routeKind(VIRTUAL_ROUTER, "reconcileVirtualRouter failed: "),
      routeKind(VIRTUAL_SERVICE, "reconcileVirtualService failed: "),
    ],
    problem: matchProblem,
    inputs: (canary) => {
      const { primary, canary: canaryService } = namesOf(canary);
      const services = [primary, canaryService].map((name) => refTo(canary, RESOURCES.service, name));
      return [...services, ...routeRefs(canary)];
    },
    made: (canary) => madeRoutes(canary, routeRefs(canary), options),
    prepare: (canary, seen) => virtualNodes(canary, seen, options),
    read(canary, seen) {
      const router: VirtualRouter | undefined = seen.get(refTo(canary, VIRTUAL_ROUTER, namesOf(canary).apex));
      const [route] = router?.spec?.routes ?? [];
      return readTargets(
        canary,
        route?.httpRoute?.action?.weightedTargets,
        ({ virtualNodeRef }) => virtualNodeRef?.name,
      );
    },
    render(canary, routes, seen) {
      const { apex, canary: canaryService } = namesOf(canary);
      const text = textOf(canary);
      return [
        ...virtualNodes(canary, seen, options),
        virtualRouter(canary, canaryService, canaryRoutes(canary, text), seen, options),
        virtualService(canary, canaryService, seen, options),
        virtualRouter(canary, apex, apexRoutes(canary, routes, text), seen, options),
        virtualService(canary, apex, seen, options),
      ];
    },
    handBack: () => [],
  };
}

function routeRefs(canary: Canary): readonly ObjectRef[] {
  const { apex, primary, canary: canaryService } = namesOf(canary);
  return [
    ...[primary, canaryService].map((name) => refTo(canary, VIRTUAL_NODE, name)),
    ...[apex, canaryService].flatMap((name) => [
      refTo(canary, VIRTUAL_ROUTER, name),
      refTo(canary, VIRTUAL_SERVICE, name),
    ]),
  ];
}

/** A node takes the pods that the Service of its name selects. Without that Service the node is not created. */
function virtualNodes(canary: Canary, seen: Snapshot, options: RouterOptions): readonly KubeObject[] {
  const { targetPort, port } = canary.spec.service;
  const containerPort = typeof targetPort === "number" && targetPort > 0 ? targetPort : port;
  const protocol = protocolOf(canary);
  return ROLES.flatMap((role) => {
    const name = namesOf(canary)[role];
    const service: ServiceObject | undefined = seen.get(refTo(canary, RESOURCES.service, name));
    const selector = service?.spec?.selector;
    if (selector === undefined) return [];
    const spec = {
      podSelector: { matchLabels: selector },
      listeners: [{ portMapping: { port: containerPort, protocol }, ...listenerTimeout(canary) }],
      serviceDiscovery: { dns: { hostname: `${name}.${canary.ref.namespace}.svc.cluster.local.` } },
      ...backendsOf(canary),
      ...logging(canary),
    };
    const fields = ["backends", "logging"];
    return [
      objectOf(canary, refTo(canary, VIRTUAL_NODE, name), seen, { spec, fields, ...routeMetadata(canary) }, options),
    ];
  });
}

function backendsOf({ spec }: Canary): Fields {
  const named = (spec.service.raw["backends"] ?? []) as readonly string[];
  if (named.length === 0) return {};
  const backends = named.map((name) => ({
    virtualService: name.startsWith("arn:aws") ? { virtualServiceARN: name } : { virtualServiceRef: { name } },
  }));
  return { backends };
}

function perRequest({ spec }: Canary): { readonly perRequest: Duration } | undefined {
  const timeout = parseDuration(String(spec.service.raw["timeout"] ?? ""));
  return typeof timeout === "number" ? { perRequest: milliseconds(timeout) } : undefined;
}

const milliseconds = (value: number): Duration => ({ unit: "ms", value: Math.trunc(value) });

/** Under `http` for every protocol, as Flagger writes it. */
function listenerTimeout(canary: Canary): Fields {
  const timeout = perRequest(canary);
  return timeout === undefined ? {} : { timeout: { http: timeout } };
}

function virtualRouter(
  canary: Canary,
  name: string,
  routes: readonly Fields[],
  seen: Snapshot,
  options: RouterOptions,
): KubeObject {
  const portMapping = { port: canary.spec.service.port, protocol: protocolOf(canary) };
  const spec = { listeners: [{ portMapping }], routes };
  return objectOf(canary, refTo(canary, VIRTUAL_ROUTER, name), seen, { spec }, options);
}

function virtualService(canary: Canary, name: string, seen: Snapshot, options: RouterOptions): KubeObject {
  const spec = { provider: { virtualRouter: { virtualRouterRef: { name } } } };
  const annotations = name === namesOf(canary).apex ? gatewayAnnotations(canary) : {};
  return objectOf(canary, refTo(canary, VIRTUAL_SERVICE, name), seen, { spec, annotations }, options);
}

function textOf(canary: Canary): RouteText<NodeTarget> {
  const retries = retriesOf(canary);
  const timeout = perRequest(canary);
  const retryPolicy = retries && {
    httpRetryEvents: retries.events,
    maxRetries: retries.attempts,
    perRetryTimeout: milliseconds(retries.perTryMs),
  };
  return {
    route: (match, weightedTargets) => ({
      httpRoute: {
        match,
        ...(timeout === undefined ? {} : { timeout }),
        ...(retryPolicy === undefined ? {} : { retryPolicy }),
        action: { weightedTargets },
      },
    }),
    target: (name, weight) => ({ virtualNodeRef: { name }, weight }),
  };
}

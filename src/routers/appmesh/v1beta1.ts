/** App Mesh before meshes used selectors: VirtualNodes for apex, primary and canary; VirtualServices that route. */

import { dotted } from "../../core/spec/spec.ts";
import type { Canary } from "../../core/status/canary.ts";
import { type KubeObject, namespaced, type ObjectRef } from "../../ports/kubernetes.ts";
import type { Fields } from "../../ports/kubernetes-types.ts";
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

const VIRTUAL_NODE = namespaced("appmesh.k8s.aws", "v1beta1", "VirtualNode", "virtualnodes");
const VIRTUAL_SERVICE = namespaced("appmesh.k8s.aws", "v1beta1", "VirtualService", "virtualservices");

interface NodeTarget extends Target {
  readonly virtualNodeName: string;
}

interface VirtualService extends KubeObject {
  spec?: { readonly routes?: readonly ServiceRoute[] };
}

interface ServiceRoute {
  readonly http?: { readonly action?: { readonly weightedTargets?: readonly NodeTarget[] } };
}

export function createAppMeshRouter(options: RouterOptions): Router {
  return {
    name: "appmesh",
    capabilities: { weights: true, mirror: false, headerMatch: true, sessionAffinity: false },
    reads: ["service.meshName", "service.backends"],
    kinds: [
      routeKind(VIRTUAL_NODE, "reconcileVirtualNode failed: "),
      routeKind(VIRTUAL_SERVICE, "reconcileVirtualService failed: "),
    ],
    problem: (canary) =>
      meshName(canary) === "" ? "mesh name cannot be empty: set spec.service.meshName" : matchProblem(canary),
    inputs: routeRefs,
    made: (canary) => madeRoutes(canary, routeRefs(canary), options),
    prepare: (canary, seen) => virtualNodes(canary, seen, options),
    read(canary, seen) {
      const service: VirtualService | undefined = seen.get(serviceRef(canary, namesOf(canary).apex));
      const [route] = service?.spec?.routes ?? [];
      return readTargets(canary, route?.http?.action?.weightedTargets, ({ virtualNodeName }) => virtualNodeName);
    },
    render(canary, routes, seen) {
      const { apex, canary: canaryService } = namesOf(canary);
      const text = textOf(canary);
      return [
        ...virtualNodes(canary, seen, options),
        virtualService(canary, canaryService, canaryRoutes(canary, text), seen, options),
        virtualService(canary, apex, apexRoutes(canary, routes, text), seen, options),
      ];
    },
    handBack: () => [],
  };
}

const meshName = ({ spec }: Canary): string => String(spec.service.raw["meshName"] ?? "");
function routeRefs(canary: Canary): readonly ObjectRef[] {
  const { apex, primary, canary: canaryService } = namesOf(canary);
  const nodes = [apex, primary, canaryService].map((name) => refTo(canary, VIRTUAL_NODE, name));
  return [...nodes, serviceRef(canary, apex), serviceRef(canary, canaryService)];
}

const serviceRef = (canary: Canary, name: string) => refTo(canary, VIRTUAL_SERVICE, dotted(name, canary.ref));

function portMapping(canary: Canary): Fields {
  return { portMapping: { port: canary.spec.service.port, protocol: protocolOf(canary) } };
}

/** App Mesh adds Envoy to the primary's pods only if their node exists, so nodes are created before pods. */
function virtualNodes(canary: Canary, seen: Snapshot, options: RouterOptions): readonly KubeObject[] {
  const { apex, primary, canary: canaryService } = namesOf(canary);
  const backends = ((canary.spec.service.raw["backends"] ?? []) as readonly string[]).map((name) => ({
    virtualService: { virtualServiceName: name },
  }));
  const nodes = [
    [apex, primary],
    [primary, primary],
    [canaryService, canaryService],
  ] as const;
  return nodes.map(([name, host]) => {
    const spec = {
      meshName: meshName(canary),
      listeners: [portMapping(canary)],
      serviceDiscovery: { dns: { hostName: dotted(host, canary.ref) } },
      ...(backends.length === 0 ? {} : { backends }),
      ...logging(canary),
    };
    const fields = ["backends", "logging"];
    return objectOf(
      canary,
      refTo(canary, VIRTUAL_NODE, name),
      seen,
      { spec, fields, ...routeMetadata(canary) },
      options,
    );
  });
}

function virtualService(
  canary: Canary,
  name: string,
  routes: readonly Fields[],
  seen: Snapshot,
  options: RouterOptions,
): KubeObject {
  const spec = {
    meshName: meshName(canary),
    virtualRouter: { name, listeners: [portMapping(canary)] },
    routes,
  };
  const annotations = name === namesOf(canary).apex ? gatewayAnnotations(canary) : {};
  return objectOf(canary, serviceRef(canary, name), seen, { spec, annotations }, options);
}

function textOf(canary: Canary): RouteText<NodeTarget> {
  const retries = retriesOf(canary);
  const retryPolicy =
    retries === undefined
      ? {}
      : {
          retryPolicy: {
            perRetryTimeoutMillis: retries.perTryMs,
            maxRetries: retries.attempts,
            httpRetryEvents: retries.events,
          },
        };
  return {
    route: (match, weightedTargets) => ({ http: { match, ...retryPolicy, action: { weightedTargets } } }),
    target: (virtualNodeName, weight) => ({ virtualNodeName, weight }),
  };
}

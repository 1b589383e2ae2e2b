/** SMI's TrafficSplit, for Linkerd, Open Service Mesh and others; the versions differ in how weights are written. */
import type { Canary, Routes } from "../../core/status/canary.ts";
import { type KubeObject, namespaced } from "../../ports/kubernetes.ts";
import type { Fields } from "../../ports/kubernetes-types.ts";
import type { Router, RouterOptions } from "../../ports/router.ts";
import { madeRoutes, namesOf, objectOf, refTo, routeKind, weightIn } from "../objects.ts";

/** As in split.smi-spec.io. */
interface TrafficSplit extends KubeObject {
  spec?: Fields & { readonly backends?: readonly { readonly service?: string; readonly weight?: number | string }[] };
}

export type SmiVersion = "v1alpha1" | "v1alpha2" | "v1alpha3";

const split = (version: SmiVersion) => namespaced("split.smi-spec.io", version, "TrafficSplit", "trafficsplits");
const TYPES = { v1alpha1: split("v1alpha1"), v1alpha2: split("v1alpha2"), v1alpha3: split("v1alpha3") };
const KINDS = {
  v1alpha1: routeKind(TYPES.v1alpha1),
  v1alpha2: routeKind(TYPES.v1alpha2),
  v1alpha3: routeKind(TYPES.v1alpha3),
};

/** For Istio's SMI adapter: the gateways of the routes that it creates. */
const GATEWAYS = "VirtualService.v1alpha3.networking.istio.io/spec.gateways";

export function createSmiRouter(name: string, version: SmiVersion, options: RouterOptions): Router {
  const refOf = (canary: Canary) => refTo(canary, TYPES[version], namesOf(canary).apex);
  return {
    name,
    capabilities: { weights: true, mirror: false, headerMatch: false, sessionAffinity: false },
    kinds: [KINDS[version]],
    ...(name.startsWith("smi:") ? { takesSuffix: true } : {}),
    problem: () => undefined,
    inputs: (canary) => [refOf(canary)],
    made: (canary) => madeRoutes(canary, [refOf(canary)], options),
    read: (canary, seen) => read(canary, seen.get(refOf(canary))),
    render(canary, routes, seen) {
      const { apex, primary, canary: canaryService } = namesOf(canary);
      const weight = (value: number) => (version === "v1alpha1" ? String(value) : value);
      const spec = {
        service: canary.spec.service.hosts[0] ?? apex,
        // The canary comes first (R17).
        backends: [
          { service: canaryService, weight: weight(routes.canary) },
          { service: primary, weight: weight(routes.primary) },
        ],
      };
      return [objectOf(canary, refOf(canary), seen, { spec, ...gateways(canary) }, options)];
    },
    handBack: () => [],
  };
}

function gateways({ spec }: Canary): { readonly annotations?: Readonly<Record<string, string>> } {
  const ofIstio = spec.provider.split(":")[2] === "istio";
  const { gateways: named } = spec.service;
  return ofIstio && named.length > 0 ? { annotations: { [GATEWAYS]: JSON.stringify(named) } } : {};
}

/** Weights are numbers, or texts in the format of quantities. */
function read(canary: Canary, object: TrafficSplit | undefined): Routes | undefined {
  const { primary, canary: canaryService } = namesOf(canary);
  const backends = object?.spec?.backends ?? [];
  const weightOf = (name: string) => weightIn(backends.find(({ service }) => service === name)?.weight);
  const routes = { primary: weightOf(primary), canary: weightOf(canaryService), mirror: false };
  return routes.primary === 0 && routes.canary === 0 ? undefined : routes;
}

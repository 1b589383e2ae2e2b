/** Kuma: one TrafficRoute. It is cluster-scoped, so no Canary can own it: it outlives the Canary. */
import type { Canary, Routes } from "../../core/canary.ts";
import { clusterScoped, type KubeFields, type KubeObject } from "../../ports/kubernetes.ts";
import type { Router, RouterOptions } from "../../ports/router.ts";
import { namesOf, objectOf, refTo, routeKind, routeMetadata, weightIn } from "../objects.ts";

const TRAFFIC_ROUTE = clusterScoped("kuma.io", "v1alpha1", "TrafficRoute", "trafficroutes");
const SERVICE = "kuma.io/service";

export function createKumaRouter(options: RouterOptions): Router {
  const refOf = (canary: Canary) => refTo(canary, TRAFFIC_ROUTE, namesOf(canary).apex);
  return {
    name: "kuma",
    capabilities: { weights: true, mirror: false, headerMatch: false, sessionAffinity: false },
    kinds: [routeKind(TRAFFIC_ROUTE)],
    problem: () => undefined,
    inputs: (canary) => [refOf(canary)],
    read: (canary, seen) => read(canary, seen.get(refOf(canary))),
    render(canary, routes, seen) {
      const { apex, primary, canary: canaryService } = namesOf(canary);
      const spec = {
        sources: [{ match: { [SERVICE]: "*" } }],
        destinations: [{ match: { [SERVICE]: serviceTag(canary, apex) } }],
        conf: {
          ...seen.get(refOf(canary))?.spec?.conf,
          split: [part(canary, primary, routes.primary), part(canary, canaryService, routes.canary)],
        },
      };
      const top = { mesh: canary.annotations?.["kuma.io/mesh"] ?? "default" };
      return [objectOf(canary, refOf(canary), seen, { spec, top, ...routeMetadata(canary) }, options)];
    },
    release: () => [],
  };
}

function serviceTag({ ref, spec }: Canary, service: string): string {
  return `${service}_${ref.namespace}_svc_${spec.service.port}`;
}

function part(canary: Canary, service: string, weight: number): KubeFields {
  return { weight, destination: { [SERVICE]: serviceTag(canary, service) } };
}

function read(canary: Canary, route: KubeObject | undefined): Routes | undefined {
  const split: readonly KubeFields[] = route?.spec?.conf?.split ?? [];
  const { primary } = namesOf(canary);
  const found = split.find(({ destination }) => destination?.[SERVICE]?.split("_")[0] === primary);
  if (found === undefined) return undefined;
  const weight = weightIn(found.weight);
  return { primary: weight, canary: 100 - weight, mirror: false };
}

/** Kuma: one TrafficRoute. It is cluster-scoped, so no Canary can own it: it outlives the Canary. */
import type { Canary, Routes } from "../../core/status/canary.ts";
import { clusterScoped, type KubeObject } from "../../ports/kubernetes.ts";
import type { Fields } from "../../ports/kubernetes-types.ts";
import type { Router, RouterOptions } from "../../ports/router.ts";
import { namesOf, objectOf, refTo, routeKind, routeMetadata, weightIn } from "../objects.ts";

/** As in kuma.io/v1alpha1. */
interface TrafficRoute extends KubeObject {
  spec?: Fields & { readonly conf?: Fields & { readonly split?: readonly Part[] } };
}

interface Part extends Fields {
  readonly weight?: number;
  readonly destination?: Readonly<Record<string, string>>;
}

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
      const route: TrafficRoute | undefined = seen.get(refOf(canary));
      const spec = {
        sources: [{ match: { [SERVICE]: "*" } }],
        destinations: [{ match: { [SERVICE]: serviceTag(canary, apex) } }],
        conf: {
          ...route?.spec?.conf,
          split: [part(canary, primary, routes.primary), part(canary, canaryService, routes.canary)],
        },
      };
      const top = { mesh: canary.annotations?.["kuma.io/mesh"] ?? "default" };
      return [objectOf(canary, refOf(canary), seen, { spec, top, ...routeMetadata(canary) }, options)];
    },
    handBack: () => [],
  };
}

function serviceTag({ ref, spec }: Canary, service: string): string {
  return `${service}_${ref.namespace}_svc_${spec.service.port}`;
}

function part(canary: Canary, service: string, weight: number): Part {
  return { weight, destination: { [SERVICE]: serviceTag(canary, service) } };
}

function read(canary: Canary, route: TrafficRoute | undefined): Routes | undefined {
  const split = route?.spec?.conf?.split ?? [];
  const { primary } = namesOf(canary);
  const found = split.find(({ destination }) => destination?.[SERVICE]?.split("_")[0] === primary);
  if (found === undefined) return undefined;
  const weight = weightIn(found.weight);
  return { primary: weight, canary: 100 - weight, mirror: false };
}

/** Traefik: a TraefikService that the user's IngressRoute names. */
import type { Canary, Routes } from "../../core/status/canary.ts";
import { type KubeObject, namespaced } from "../../ports/kubernetes.ts";
import type { Fields } from "../../ports/kubernetes-types.ts";
import type { Router, RouterOptions } from "../../ports/router.ts";
import { madeRoutes, namesOf, objectOf, refTo, routeKind, routeMetadata, weightIn } from "../objects.ts";

/** As in traefik.io/v1alpha1. */
interface TraefikService extends KubeObject {
  spec?: Fields & { readonly weighted?: Fields & { readonly services?: readonly WeightedService[] } };
}

interface WeightedService extends Fields {
  readonly name?: string;
  readonly weight?: number;
}

const TRAEFIK_SERVICE = namespaced("traefik.io", "v1alpha1", "TraefikService", "traefikservices");

export function createTraefikRouter(options: RouterOptions): Router {
  const refOf = (canary: Canary) => refTo(canary, TRAEFIK_SERVICE, namesOf(canary).apex);
  return {
    name: "traefik",
    capabilities: { weights: true, mirror: false, headerMatch: false, sessionAffinity: false },
    reads: ["ingressRef"],
    kinds: [routeKind(TRAEFIK_SERVICE)],
    problem: () => undefined,
    inputs: (canary) => [refOf(canary)],
    made: (canary) => madeRoutes(canary, [refOf(canary)], options),
    read: (canary, seen) => read(canary, seen.get(refOf(canary))),
    render(canary, routes, seen) {
      const seenService: TraefikService | undefined = seen.get(refOf(canary));
      const weighted = { ...seenService?.spec?.weighted, services: services(canary, routes) };
      return [objectOf(canary, refOf(canary), seen, { spec: { weighted }, ...routeMetadata(canary) }, options)];
    },
    handBack: () => [],
  };
}

function read(canary: Canary, service: TraefikService | undefined): Routes | undefined {
  const { primary: primaryName, canary: canaryName } = namesOf(canary);
  const listed = service?.spec?.weighted?.services ?? [];
  const primary = listed.find(({ name }) => name === primaryName);
  if (primary === undefined) return undefined;
  // Traefik's default is 1; a single weight is all of the traffic.
  const weight = listed.some(({ name }) => name === canaryName) ? weightIn(primary.weight, 1) : 100;
  return { primary: weight, canary: 100 - weight, mirror: false };
}

/** The canary is listed while it has a share. A weight of 0 is written, because an absent one would mean 1 (R9). */
function services(canary: Canary, routes: Routes): readonly WeightedService[] {
  const { primary, canary: canaryName } = namesOf(canary);
  const to = (name: string, weight: number) => {
    return { name, namespace: canary.ref.namespace, port: canary.spec.service.port, weight };
  };
  return [to(primary, routes.primary), ...(routes.canary > 0 ? [to(canaryName, routes.canary)] : [])];
}

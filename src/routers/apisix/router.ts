/** APISIX: a second ApisixRoute of higher priority beside the user's, with both Services as backends. */

import { dotted } from "../../core/spec/spec.ts";
import type { Canary, Routes } from "../../core/status/canary.ts";
import { type KubeObject, namespaced } from "../../ports/kubernetes.ts";
import type { Fields } from "../../ports/kubernetes-types.ts";
import type { Obstacle, Router, RouterOptions } from "../../ports/router.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import { KUBECTL_ANNOTATION } from "../annotations.ts";
import { madeRoutes, namesOf, objectOf, refTo, weightIn } from "../objects.ts";

const APISIX_ROUTE = namespaced("apisix.apache.org", "v2", "ApisixRoute", "apisixroutes");

/** As in apisix.apache.org/v2. */
interface ApisixRoute extends KubeObject {
  spec?: Fields & { readonly http?: readonly ApisixRule[] };
}

interface ApisixRule extends Fields {
  readonly name?: string;
  readonly backends?: readonly ApisixBackend[];
}

interface ApisixBackend extends Fields {
  readonly serviceName?: string;
  readonly weight?: number;
}

/** Added to the priority of the user's route, so that the copy always wins. */
const PRIORITY = 10_000;

export function createApisixRouter(options: RouterOptions): Router {
  return {
    name: "apisix",
    capabilities: { weights: true, mirror: false, headerMatch: false, sessionAffinity: false },
    reads: ["routeRef"],
    kinds: [{ type: APISIX_ROUTE, refused: (name, verb) => `APISIX route ${name} ${verb} error: ` }],
    problem: ({ spec }) =>
      spec.routeRef === undefined
        ? "apisix route selector is empty: set spec.routeRef to the ApisixRoute that leads to the Service"
        : undefined,
    obstacle,
    inputs: (canary) => [sourceRef(canary), managedRef(canary)],
    made: (canary) => madeRoutes(canary, [managedRef(canary)], options),
    read,
    render: (canary, routes, seen) => render(canary, routes, seen, options),
    handBack: () => [],
  };
}

const sourceRef = (canary: Canary) => refTo(canary, APISIX_ROUTE, canary.spec.routeRef?.name ?? "");

function managedRef(canary: Canary) {
  return refTo(canary, APISIX_ROUTE, `${canary.spec.routeRef?.name ?? ""}-${namesOf(canary).apex}-canary`);
}

function obstacle(canary: Canary, seen: Snapshot): Obstacle | undefined {
  const ref = sourceRef(canary);
  const name = dotted(ref.name, canary.ref);
  const route: ApisixRoute | undefined = seen.get(ref);
  const says = (text: string): Obstacle => ({ text, writable: false });
  if (route === undefined) {
    return says(`APISIX route ${name} get query error: apisixroutes.apisix.apache.org "${ref.name}" not found`);
  }
  if ((route.spec?.http ?? []).length === 0) return says(`APISIX route ${name}'s spec.http is empty`);
  const rule = ruleOf(route, namesOf(canary).apex);
  if (rule === undefined) return says(`Can not find ${namesOf(canary).apex} backend on apisix route ${name} `);
  return rule.backends?.length === 1
    ? undefined
    : says(`APISIX route ${name}'s http route ${rule.name} only one http backend is supported`);
}

/** The first rule with such a backend. */
function ruleOf(route: ApisixRoute | undefined, service: string): ApisixRule | undefined {
  const rules = route?.spec?.http ?? [];
  return rules.find(({ backends = [] }) => backends.some(({ serviceName }) => serviceName === service));
}

function read(canary: Canary, seen: Snapshot): Routes | undefined {
  const { primary } = namesOf(canary);
  const backends = ruleOf(seen.get(managedRef(canary)), primary)?.backends ?? [];
  const found = backends.find(({ serviceName }) => serviceName === primary);
  if (found === undefined) return undefined;
  const weight = weightIn(found.weight);
  return { primary: weight, canary: 100 - weight, mirror: false };
}

function render(canary: Canary, routes: Routes, seen: Snapshot, options: RouterOptions): readonly KubeObject[] {
  const source: ApisixRoute | undefined = seen.get(sourceRef(canary));
  const { apex, primary, canary: canaryService } = namesOf(canary);
  const rule = ruleOf(source, apex);
  if (source === undefined || rule === undefined) return [];
  const [backend] = rule.backends ?? [];
  const backends = [
    { ...backend, serviceName: primary, weight: routes.primary },
    { ...backend, serviceName: canaryService, weight: routes.canary },
  ];
  const { [KUBECTL_ANNOTATION]: _applied, ...annotations } = source.metadata.annotations ?? {};
  const wanted = {
    // Stream routes stay on the user's route only: two copies would conflict.
    spec: { http: [{ ...rule, priority: PRIORITY, backends }] },
    labels: source.metadata.labels ?? {},
    annotations,
  };
  return [objectOf(canary, managedRef(canary), seen, wanted, options)];
}

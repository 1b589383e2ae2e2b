/** NGINX: a second Ingress beside the user's, whose annotations say which share of the requests goes to the canary. */

import { dotted } from "../../core/spec/spec.ts";
import type { Canary, Routes } from "../../core/status/canary.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import { FLUX_OPT_OUT } from "../../ports/owner.ts";
import type { Router, RouterOptions } from "../../ports/router.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import { KUBECTL_ANNOTATION } from "../annotations.ts";
import {
  INGRESS_FIELDS,
  INGRESS_KIND,
  ingressProblem,
  managedRef,
  sourceObstacle,
  sourceRef,
  toService,
  withPaths,
} from "../ingress.ts";
import { madeRoutes, namesOf, objectOf } from "../objects.ts";

type Strings = Readonly<Record<string, string>>;

export function createNginxRouter(options: RouterOptions): Router {
  const prefix = options.ingressAnnotationsPrefix || "nginx.ingress.kubernetes.io";
  return {
    name: "nginx",
    capabilities: { weights: true, mirror: false, headerMatch: true, sessionAffinity: false },
    reads: ["ingressRef"],
    kinds: [INGRESS_KIND],
    problem: (canary) => ingressProblem(canary) ?? matchProblem(canary),
    obstacle: (canary, seen) => sourceObstacle(canary, seen, "ingress"),
    inputs: (canary) => [sourceRef(canary), managedRef(canary)],
    made: (canary) => madeRoutes(canary, [managedRef(canary)], options),
    read: (canary, seen) => read(canary, seen, prefix),
    render: (canary, routes, seen) => render(canary, routes, seen, { ...options, ingressAnnotationsPrefix: prefix }),
    handBack: () => [],
  };
}

function read(canary: Canary, seen: Snapshot, prefix: string): Routes | undefined {
  const annotations = seen.get(managedRef(canary))?.metadata.annotations;
  if (annotations?.[`${prefix}/canary`] === undefined) return undefined;
  const matches = ["canary-by-cookie", "canary-by-header"].some((key) => annotations[`${prefix}/${key}`] !== undefined);
  const weight = matches ? 100 : Number(annotations[`${prefix}/canary-weight`] ?? 0);
  // The weight is for those who match where everyone is meant, or the other way round.
  if (weight > 0 && matches !== canary.spec.analysis.match.length > 0) return undefined;
  return Number.isInteger(weight) ? { primary: 100 - weight, canary: weight, mirror: false } : undefined;
}

function render(
  canary: Canary,
  routes: Routes,
  seen: Snapshot,
  options: RouterOptions & { readonly ingressAnnotationsPrefix: string },
): readonly KubeObject[] {
  const source = seen.get(sourceRef(canary));
  if (source === undefined) return [];
  const { canary: service } = namesOf(canary);
  const spec = withPaths(source, canary, (paths, leads) =>
    paths.map((path) => (leads(path) ? toService(path, service) : path)),
  );
  const ref = managedRef(canary);
  const existing = seen.get(ref)?.metadata.annotations;
  const prefix = options.ingressAnnotationsPrefix;
  const inherited = existing ?? { ...source.metadata.annotations, ...FLUX_OPT_OUT };
  const annotations = { ...withoutCanary(inherited, prefix), ...canaryAnnotations(canary, routes, prefix) };
  const labels = source.metadata.labels ?? {};
  const made = objectOf(canary, ref, seen, { spec, fields: INGRESS_FIELDS, labels }, options);
  return [{ ...made, metadata: { ...made.metadata, annotations } }];
}

function withoutCanary(annotations: Strings, prefix: string): Strings {
  const isOurs = (key: string) => key.startsWith(`${prefix}/canary`) || key === KUBECTL_ANNOTATION;
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => !isOurs(key)));
}

function canaryAnnotations(canary: Canary, routes: Routes, prefix: string): Strings {
  const { match } = canary.spec.analysis;
  const matches = match.length > 0;
  const by = matches && routes.canary > 0 ? matchAnnotations(canary) : {};
  const weight = matches ? 0 : routes.canary;
  const all = { canary: "true", "canary-weight": String(weight), ...by };
  return Object.fromEntries(Object.entries(all).map(([key, value]) => [`${prefix}/${key}`, value]));
}

interface Condition {
  readonly name: string;
  readonly exact?: string;
  readonly regex?: string;
}

function conditionsOf({ spec }: Canary): readonly Condition[] {
  return spec.analysis.match.flatMap(({ headers }) =>
    Object.entries(headers ?? {}).map(([name, how]) => ({ name, ...how })),
  );
}

/** NGINX sends requests whose cookie has the value "always" to the canary; the Canary only names the cookie. */
function matchAnnotations(canary: Canary): Strings {
  const annotations: Record<string, string> = {};
  for (const { name, exact, regex } of conditionsOf(canary)) {
    if (name === "cookie") {
      annotations["canary-by-cookie"] = exact ?? "";
      continue;
    }
    annotations["canary-by-header"] = name;
    if (exact) annotations["canary-by-header-value"] = exact;
    if (regex) annotations["canary-by-header-pattern"] = regex;
  }
  return annotations;
}

/** NGINX knows one header and one cookie. A condition that it cannot express would route other users than intended. */
function matchProblem(canary: Canary): string | undefined {
  const { match } = canary.spec.analysis;
  if (match.length === 0) return undefined;
  const name = `provider nginx, Canary ${dotted(canary.ref.name, canary.ref)}`;
  if (canary.spec.strategy !== "ab-testing") {
    return `${name}: matched requests cannot be split by weight: set spec.analysis.iterations or remove spec.analysis.match`;
  }
  const conditions = conditionsOf(canary);
  const cookies = conditions.filter((condition) => condition.name === "cookie");
  const headers = conditions.filter((condition) => condition.name !== "cookie");
  const sayable = cookies.every(({ exact }) => exact) && headers.every(({ exact, regex }) => exact || regex);
  if (conditions.length === 0 || cookies.length > 1 || headers.length > 1 || !sayable) {
    return `${name}: spec.analysis.match may have one header (exact or regex) and one cookie (exact, its name)`;
  }
  return undefined;
}

/** Skipper: a second Ingress with both Services, split by weights in an annotation and switched by a predicate. */
import type { Canary, Routes } from "../../core/status/canary.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
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

const WEIGHTS = "zalando.org/backend-weights";
const PREDICATE = "zalando.org/skipper-predicate";
const ACTIVE = "Weight(100)";
const INACTIVE = "False()";

export function createSkipperRouter(options: RouterOptions): Router {
  return {
    name: "skipper",
    capabilities: { weights: true, mirror: false, headerMatch: false, sessionAffinity: false },
    reads: ["ingressRef"],
    kinds: [INGRESS_KIND],
    problem: ingressProblem,
    obstacle: (canary, seen) => sourceObstacle(canary, seen, "apexIngress"),
    inputs: (canary) => [sourceRef(canary), managedRef(canary)],
    made: (canary) => madeRoutes(canary, [managedRef(canary)], options),
    read: (canary, seen) => readWeights(canary, seen.get(managedRef(canary))),
    render: (canary, routes, seen) => render(canary, routes, seen, options),
    handBack: () => [],
  };
}

function readWeights(canary: Canary, ingress: KubeObject | undefined): Routes | undefined {
  const { primary, canary: canaryService } = namesOf(canary);
  try {
    const weights = JSON.parse(ingress?.metadata.annotations?.[WEIGHTS] ?? "{}");
    const [p, c] = [weights[primary], weights[canaryService]];
    return typeof p === "number" && typeof c === "number" ? { primary: p, canary: c, mirror: false } : undefined;
  } catch {
    return undefined; // A text of another client that is no JSON is written anew.
  }
}

function render(canary: Canary, routes: Routes, seen: Snapshot, options: RouterOptions): readonly KubeObject[] {
  const source = seen.get(sourceRef(canary));
  if (source === undefined) return [];
  const { primary, canary: canaryService } = namesOf(canary);
  const spec = withPaths(source, canary, (paths, leads) => [
    ...paths.map((path) => (leads(path) ? toService(path, primary) : path)),
    ...paths.filter(leads).map((path) => toService(path, canaryService)),
  ]);
  const ref = managedRef(canary);
  const existing = seen.get(ref);
  const { [KUBECTL_ANNOTATION]: _applied, ...inherited } = existing?.metadata.annotations ?? {
    ...source.metadata.annotations,
  };
  const predicate = predicateFor(canary, routes, existing, inherited[PREDICATE] ?? "");
  const weights = JSON.stringify({ [canaryService]: routes.canary, [primary]: routes.primary });
  const annotations = { ...inherited, [WEIGHTS]: weights, [PREDICATE]: predicate };
  const made = objectOf(
    canary,
    ref,
    seen,
    { spec, fields: INGRESS_FIELDS, labels: source.metadata.labels ?? {} },
    options,
  );
  return [{ ...made, metadata: { ...made.metadata, annotations } }];
}

/**
 * Without a share for the canary the second Ingress is switched off, and the user's Ingress serves. A new one is on.
 */
function predicateFor(canary: Canary, routes: Routes, existing: KubeObject | undefined, present: string): string {
  const before = readWeights(canary, existing);
  const rested = before === undefined || before.canary === 0;
  const stays = rested && !present.includes(INACTIVE);
  return withPredicate(present, routes.canary > 0 || stays ? ACTIVE : INACTIVE);
}

function withPredicate(present: string, first: string): string {
  const others = present
    .split("&&")
    .map((text) => text.trim())
    .filter((text) => text !== "" && text !== ACTIVE && text !== INACTIVE);
  return [first, ...others].join(" && ");
}

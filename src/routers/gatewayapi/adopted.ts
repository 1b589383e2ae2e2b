/**
 * "Use my route": a route that its owner wrote and that `spec.routeRef` names. Only the backendRefs to the Service of
 * the Canary are managed. All else stays: rules, filters, timeouts, other backends, and the metadata except one
 * annotation.
 *
 * Between runs the route is as its owner wrote it: the apex Service leads to the primary anyway. So a GitOps tool that
 * compares it with its manifest finds no difference. In a run the reference to the apex is replaced by references to
 * primary and canary.
 */
import type { Canary, Routes } from "../../core/status/canary.ts";
import type { Obstacle } from "../../ports/router.ts";
import { namesOf } from "../objects.ts";
import { canaryMirror } from "./filters.ts";
import { analysisMatches, type Dialect, readRule } from "./rules.ts";
import type { BackendRef, Route, Rule } from "./types.ts";

const TOTAL = 100;

/**
 * Reads the traffic split from a route of another owner. A route that names the apex sends all traffic to the primary.
 */
export function readAdopted(canary: Canary, route: Route): Routes | undefined {
  const names = namesOf(canary);
  const rules = route.spec?.rules ?? [];
  const split = rules.find((rule) => refsOf(rule, canary).some(({ name }) => name === names.canary));
  const apex = rules.find((rule) => refsOf(rule, canary).some(({ name }) => name === names.apex));
  const mirror = rules.some((rule) => readRule(rule, names).mirror);
  if (split === undefined) return apex === undefined ? undefined : { primary: TOTAL, canary: 0, mirror };
  const { primary, canary: weight } = readRule(split, names);
  const total = primary + weight;
  if (total === 0) return undefined;
  const share = Math.round((weight / total) * TOTAL);
  return { primary: TOTAL - share, canary: share, mirror };
}

/** The route with the managed references replaced. */
export function renderAdopted(canary: Canary, routes: Routes, route: Route, dialect: Dialect): Route {
  const matched = canary.spec.analysis.match.length > 0;
  const rules = (route.spec?.rules ?? []).filter((rule) => !isInserted(rule, canary));
  const wanted = rules.flatMap((rule) => {
    const whole = restored(rule, canary);
    if (refsOf(whole, canary).length === 0) return [whole];
    if (matched) return routes.canary > 0 ? [insertedRule(whole, canary, routes, dialect), whole] : [whole];
    return [withSplit(whole, canary, routes)];
  });
  return { ...route, spec: { ...route.spec, rules: wanted } };
}

/** The parts of the route that cannot be managed. */
export function adoptedObstacle(canary: Canary, route: Route): Obstacle | undefined {
  const name = `${route.kind} ${route.metadata.name}.${route.metadata.namespace}`;
  const managed = (route.spec?.rules ?? []).filter((rule) => refsOf(rule, canary).length > 0);
  if (managed.length === 0) {
    const { apex } = namesOf(canary);
    return { text: `${name} has no rule with a backendRef to Service ${apex}: add one`, writable: false };
  }
  const crooked = managed.find((rule) => {
    const others = (rule.backendRefs ?? []).length > refsOf(rule, canary).length;
    return others && shareOf(rule, canary) % TOTAL !== 0;
  });
  if (crooked === undefined) return undefined;
  const what = "has other backends beside the Service of the Canary in one rule";
  return { text: `${name} ${what}: give its backendRef a weight that is a multiple of ${TOTAL}`, writable: false };
}

/** The references of a rule to the Services of the Canary. */
function refsOf(rule: Rule, canary: Canary): readonly BackendRef[] {
  return (rule.backendRefs ?? []).filter((ref) => isManaged(ref, canary));
}

function isManaged({ group = "", kind = "Service", name, namespace }: BackendRef, canary: Canary): boolean {
  const { apex, primary, canary: canaryService } = namesOf(canary);
  const { namespace: home } = canary.ref;
  const here = namespace === undefined ? routeNamespace(canary) === home : namespace === home;
  return group === "" && kind === "Service" && here && [apex, primary, canaryService].includes(name);
}

export function routeNamespace({ spec, ref }: Canary): string {
  return spec.routeRef?.namespace ?? ref.namespace;
}

/** Weights of the managed references: their share of a rule that also has other backends. */
function shareOf(rule: Rule, canary: Canary): number {
  return refsOf(rule, canary).reduce((sum, { weight = 1 }) => sum + weight, 0);
}

/** A rule as its owner wrote it: one reference to the apex, and no mirror to the canary. */
function restored(rule: Rule, canary: Canary): Rule {
  const names = namesOf(canary);
  const refs = refsOf(rule, canary);
  const [first] = refs;
  if (first === undefined) return rule;
  const unmirrored = withoutMirror(rule, names.canary);
  if (refs.every(({ name }) => name === names.apex)) return unmirrored;
  const alone = (rule.backendRefs ?? []).length === refs.length;
  const apex = { ...first, name: names.apex, weight: alone ? 1 : shareOf(rule, canary) };
  return { ...unmirrored, backendRefs: inPlaceOf(rule, canary, [apex]) };
}

function withoutMirror(rule: Rule, canaryService: string): Rule {
  const filters = rule.filters ?? [];
  const others = filters.filter(({ requestMirror }) => requestMirror?.backendRef?.name !== canaryService);
  if (others.length === filters.length) return rule;
  const { filters: _filters, ...copy } = rule;
  return others.length === 0 ? copy : { ...copy, filters: others };
}

function inPlaceOf(rule: Rule, canary: Canary, wanted: readonly BackendRef[]): readonly BackendRef[] {
  let placed = false;
  return (rule.backendRefs ?? []).flatMap((ref) => {
    if (!isManaged(ref, canary)) return [ref];
    if (placed) return [];
    placed = true;
    return wanted;
  });
}

/** @param rule as its owner wrote it */
function withSplit(rule: Rule, canary: Canary, routes: Routes): Rule {
  if (routes.canary === 0 && !routes.mirror) return rule;
  const refs = refsOf(rule, canary);
  const [apex] = refs;
  const alone = (rule.backendRefs ?? []).length === refs.length;
  const share = alone ? TOTAL : shareOf(rule, canary);
  const names = namesOf(canary);
  const part = (name: string, weight: number): BackendRef => ({ ...apex, name, weight: (share / TOTAL) * weight });
  const split =
    routes.canary === 0 ? refs.slice(0, 1) : [part(names.primary, routes.primary), part(names.canary, routes.canary)];
  const mirrored = routes.mirror ? { filters: [...(rule.filters ?? []), canaryMirror(canary)] } : {};
  return { ...rule, ...mirrored, backendRefs: inPlaceOf(rule, canary, split) };
}

/** For an A/B test: a copy of the rule for matched requests. It names the canary first, which marks it as a copy. */
function insertedRule(rule: Rule, canary: Canary, routes: Routes, dialect: Dialect): Rule {
  const { name: _name, ...copy } = withSplit(rule, canary, routes);
  const managed = refsOf(copy, canary);
  const others = (copy.backendRefs ?? []).filter((ref) => !managed.includes(ref));
  const matches = analysisMatches(canary, rule.matches ?? [], dialect);
  return { ...copy, matches, backendRefs: [...managed].reverse().concat(others) };
}

function isInserted(rule: Rule, canary: Canary): boolean {
  return refsOf(rule, canary)[0]?.name === namesOf(canary).canary;
}

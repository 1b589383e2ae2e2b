/** What both versions of App Mesh's API have in common. */
import type { Canary, Routes } from "../../core/status/canary.ts";
import { parseDuration } from "../../go/duration.ts";
import type { Fields } from "../../ports/kubernetes-types.ts";
import { type Condition, type Conditions, namesOf, pathPrefixOf, sortedConditions } from "../objects.ts";

export type Weights = Pick<Routes, "primary" | "canary">;

/** Fields of `spec.service` that become parts of App Mesh's objects. */
interface ServiceFields {
  readonly timeout?: string;
  readonly retries?: { readonly attempts?: number; readonly perTryTimeout?: string; readonly retryOn?: string } | null;
}

const serviceFields = ({ spec }: Canary): ServiceFields => spec.service.raw as unknown as ServiceFields;

export function protocolOf({ spec }: Canary): "grpc" | "http" {
  return spec.service.portName.includes("grpc") ? "grpc" : "http";
}

/** For App Mesh's gateway, on the VirtualService that users call. */
export function gatewayAnnotations(canary: Canary): Readonly<Record<string, string>> {
  const { hosts } = canary.spec.service;
  const { timeout, retries } = serviceFields(canary);
  const attempts = retries?.attempts ?? 0;
  if (hosts.length === 0) return {};
  const prefix = "gateway.appmesh.k8s.aws";
  return {
    [`${prefix}/expose`]: "true",
    // Every name ends with a comma, including the last one.
    [`${prefix}/domain`]: hosts.map((host) => `${host},`).join(""),
    ...(timeout ? { [`${prefix}/timeout`]: timeout } : {}),
    ...(attempts > 0 ? { [`${prefix}/retries`]: String(attempts) } : {}),
  };
}

/** Access logs go to Envoy's standard output when the Canary's annotation says so. */
export function logging({ annotations }: Canary): Fields {
  return annotations?.["appmesh.flagger.app/accesslog"] === "enabled"
    ? { logging: { accessLog: { file: { path: "/dev/stdout" } } } }
    : {};
}

export interface Retries {
  readonly perTryMs: number;
  readonly attempts: number;
  readonly events: readonly string[];
}

export function retriesOf(canary: Canary): Retries | undefined {
  const { retries } = serviceFields(canary);
  if (retries === undefined || retries === null) return undefined;
  const perTry = parseDuration(retries.perTryTimeout ?? "");
  return {
    perTryMs: typeof perTry === "number" ? Math.trunc(perTry) : 250,
    attempts: Math.max(1, retries.attempts ?? 1),
    events: retries.retryOn ? retries.retryOn.split(",") : ["gateway-error"],
  };
}

/** The VirtualNode that a route leads to. How it is named differs by version. */
export interface Target extends Fields {
  readonly weight: number;
}

interface RouteMatch {
  readonly prefix: string;
  readonly headers?: readonly { readonly name: string; readonly match: Condition }[];
}

/** How one version of the API writes routes. */
export interface RouteText<T extends Target> {
  /** A route without name and priority. */
  readonly route: (match: RouteMatch, targets: readonly T[]) => Fields;
  /** One target of a route. */
  readonly target: (name: string, weight: number) => T;
}

/** Routes to the apex: the split, or for an A/B test matched requests first and all others to the primary. */
export function apexRoutes<T extends Target>(
  canary: Canary,
  weights: Weights,
  { route, target }: RouteText<T>,
): readonly Fields[] {
  const { apex, primary, canary: canaryService } = namesOf(canary);
  const prefix = pathPrefixOf(canary);
  const both = [target(canaryService, weights.canary), target(primary, weights.primary)];
  const { match } = canary.spec.analysis;
  if (match.length === 0) return [{ name: apex, ...route({ prefix }, both) }];
  // An entry is one route: all its conditions must hold, and one matching entry is enough.
  const matched = match.map((entry, i) => {
    const name = i === 0 ? `${apex}-a` : `${apex}-a-${i + 1}`;
    return { name, priority: 10 + i, ...route({ prefix, headers: headersOf(entry as Matched) }, both) };
  });
  const rest = { name: `${apex}-b`, priority: 10 + match.length + 9, ...route({ prefix }, [target(primary, 100)]) };
  return [...matched, rest];
}

/** Routes to the canary alone, for tests that call it. */
export function canaryRoutes<T extends Target>(canary: Canary, { route, target }: RouteText<T>): readonly Fields[] {
  const { primary, canary: canaryService } = namesOf(canary);
  const targets = [target(canaryService, 100), target(primary, 0)];
  return [{ name: canaryService, ...route({ prefix: pathPrefixOf(canary) }, targets) }];
}

/** An entry of `spec.analysis.match`. */
interface Matched {
  readonly headers?: Conditions | null;
}

function headersOf({ headers }: Matched): NonNullable<RouteMatch["headers"]> {
  return sortedConditions(headers ?? {}).map(([name, match]) => ({ name, match }));
}

export function matchProblem({ spec }: Canary): string | undefined {
  return spec.analysis.match.some((entry) => headersOf(entry as Matched).length === 0)
    ? "spec.analysis.match has an entry without headers, which would match all requests: add headers to it, or remove it"
    : undefined;
}

/** @param nameOf a target */
export function readTargets<T extends Target>(
  canary: Canary,
  targets: readonly T[] | undefined,
  nameOf: (target: T) => string | undefined,
): Routes | undefined {
  const { primary, canary: canaryService } = namesOf(canary);
  const listed = targets ?? [];
  const weightOf = (name: string): number => listed.find((target) => nameOf(target) === name)?.weight ?? 0;
  const routes: Routes = { primary: weightOf(primary), canary: weightOf(canaryService), mirror: false };
  return listed.length !== 2 || routes.primary + routes.canary === 0 ? undefined : routes;
}

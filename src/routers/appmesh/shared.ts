/** What both versions of App Mesh's API have in common. */
import type { Canary, Routes } from "../../core/canary.ts";
import { parseDuration } from "../../go/duration.ts";
import type { KubeFields } from "../../ports/kubernetes.ts";
import { namesOf, pathPrefixOf } from "../objects.ts";

export type Weights = Pick<Routes, "primary" | "canary">;

export function protocolOf({ spec }: Canary): "grpc" | "http" {
  return spec.service.portName.includes("grpc") ? "grpc" : "http";
}

/** For App Mesh's gateway, on the VirtualService that users call. */
export function gatewayAnnotations({ spec }: Canary): Readonly<Record<string, string>> {
  const { hosts, raw } = spec.service;
  const { timeout, retries } = raw as KubeFields;
  if (hosts.length === 0) return {};
  const prefix = "gateway.appmesh.k8s.aws";
  return {
    [`${prefix}/expose`]: "true",
    // Every name ends with a comma, including the last one.
    [`${prefix}/domain`]: hosts.map((host) => `${host},`).join(""),
    ...(timeout ? { [`${prefix}/timeout`]: timeout } : {}),
    ...((retries?.attempts ?? 0) > 0 ? { [`${prefix}/retries`]: String(retries.attempts) } : {}),
  };
}

/** Access logs go to Envoy's standard output when the Canary's annotation says so. */
export function logging({ annotations }: Canary): KubeFields {
  return annotations?.["appmesh.flagger.app/accesslog"] === "enabled"
    ? { logging: { accessLog: { file: { path: "/dev/stdout" } } } }
    : {};
}

export interface Retries {
  readonly perTryMs: number;
  readonly attempts: number;
  readonly events: readonly string[];
}

export function retriesOf({ spec }: Canary): Retries | undefined {
  const { retries } = spec.service.raw as KubeFields;
  if (retries === undefined || retries === null) return undefined;
  const perTry = parseDuration(retries.perTryTimeout ?? "");
  return {
    perTryMs: typeof perTry === "number" ? Math.trunc(perTry) : 250,
    attempts: retries.attempts > 0 ? retries.attempts : 1,
    events: retries.retryOn ? retries.retryOn.split(",") : ["gateway-error"],
  };
}

export interface RouteText {
  /** A route without name and priority. */
  readonly route: (match: KubeFields, targets: KubeFields) => KubeFields;
  /** One target of a route. */
  readonly target: (name: string, weight: number) => KubeFields;
}

/** Routes to the apex: the split, or for an A/B test matched requests first and all others to the primary. */
export function apexRoutes(canary: Canary, weights: Weights, { route, target }: RouteText): readonly KubeFields[] {
  const { apex, primary, canary: canaryService } = namesOf(canary);
  const prefix = pathPrefixOf(canary);
  const both = [target(canaryService, weights.canary), target(primary, weights.primary)];
  const { match } = canary.spec.analysis;
  if (match.length === 0) return [{ name: apex, ...route({ prefix }, both) }];
  // An entry is one route: all its conditions must hold, and one matching entry is enough.
  const matched = match.map((entry, i) => {
    const name = i === 0 ? `${apex}-a` : `${apex}-a-${i + 1}`;
    return { name, priority: 10 + i, ...route({ prefix, headers: headersOf(entry) }, both) };
  });
  const rest = { name: `${apex}-b`, priority: 10 + match.length + 9, ...route({ prefix }, [target(primary, 100)]) };
  return [...matched, rest];
}

/** Routes to the canary alone, for tests that call it. */
export function canaryRoutes(canary: Canary, { route, target }: RouteText): readonly KubeFields[] {
  const { primary, canary: canaryService } = namesOf(canary);
  const targets = [target(canaryService, 100), target(primary, 0)];
  return [{ name: canaryService, ...route({ prefix: pathPrefixOf(canary) }, targets) }];
}

function headersOf({ headers }: KubeFields): readonly KubeFields[] {
  return Object.entries<KubeFields>(headers ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, how]) => ({ name, match: how }));
}

export function matchProblem({ spec }: Canary): string | undefined {
  return spec.analysis.match.some((entry) => headersOf(entry).length === 0)
    ? "spec.analysis.match has an entry without headers, which would match all requests: add headers to it, or remove it"
    : undefined;
}

/** @param nameOf a target */
export function readTargets(canary: Canary, targets: KubeFields, nameOf: (target: KubeFields) => string) {
  const { primary, canary: canaryService } = namesOf(canary);
  const listed: readonly KubeFields[] = targets ?? [];
  const weightOf = (name: string): number => listed.find((target) => nameOf(target) === name)?.weight ?? 0;
  const routes: Routes = { primary: weightOf(primary), canary: weightOf(canaryService), mirror: false };
  return listed.length !== 2 || routes.primary + routes.canary === 0 ? undefined : routes;
}

/**
 * DestinationRule -> how a Service's endpoints are chosen, how many requests they take, and when they are left alone.
 */
import type { KubeFields, KubeObject } from "../../src/ports/kubernetes.ts";
import { durationMs } from "./routes/duration.ts";
import { covers, expandHost } from "./routes/hosts.ts";

export type HashSource =
  | { readonly kind: "header"; readonly name: string }
  | { readonly kind: "query"; readonly name: string }
  | { readonly kind: "address" }
  /** ttlMs undefined: the cookie is never set by us. */
  | { readonly kind: "cookie"; readonly name: string; readonly path: string; readonly ttlMs: number | undefined };

export interface Outliers {
  /** Consecutive answers of 5xx until an endpoint is ejected; 0: never. */
  readonly fiveHundreds: number;
  /** The same for 502, 503 and 504. */
  readonly gatewayErrors: number;
  readonly baseEjectionMs: number;
  /** 0 to 1; at least one endpoint may always be ejected. */
  readonly maxEjected: number;
}

export interface Policy {
  readonly balancer: "least-request" | "round-robin" | "random";
  readonly hash: HashSource | undefined;
  readonly maxConnections: number;
  readonly maxPending: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
  /** 1: no connection is kept. Other limits would not be noticed on loopback. */
  readonly maxRequestsPerConnection: number;
  readonly connectTimeoutMs: number;
  readonly outliers: Outliers | undefined;
}

/** Istio's own: 10 s to connect, and limits that are never reached. */
export const DEFAULT_POLICY: Policy = {
  balancer: "least-request",
  hash: undefined,
  maxConnections: Number.POSITIVE_INFINITY,
  maxPending: Number.POSITIVE_INFINITY,
  maxRequests: Number.POSITIVE_INFINITY,
  maxRetries: Number.POSITIVE_INFINITY,
  maxRequestsPerConnection: 0,
  connectTimeoutMs: 10_000,
  outliers: undefined,
};

export interface DestinationPolicies {
  readonly policyFor: (port: number, subset: string) => Policy;
  /** Labels of a subset; undefined: there is none of that name. */
  readonly subset: (name: string) => Readonly<Record<string, string>> | undefined;
}

/** The DestinationRules of one Service, those of its own namespace first, then oldest first. */
export function policiesFor(
  rules: readonly KubeObject[],
  host: string,
  namespace: string,
  isService: (key: string) => boolean,
): DestinationPolicies {
  const own = (rule: KubeObject) => rule.metadata.namespace === namespace;
  const applying = rules.filter((rule) => {
    const pattern = expandHost(String(rule.spec?.host ?? ""), rule.metadata.namespace ?? "", isService);
    return covers(pattern, host) && (own(rule) || !(rule.spec?.exportTo ?? ["*"]).every((to: string) => to === "."));
  });
  const ordered = [...applying.filter(own), ...applying.filter((rule) => !own(rule))];
  const subsets = new Map<string, KubeFields>();
  for (const rule of ordered) {
    for (const subset of rule.spec?.subsets ?? []) {
      if (!subsets.has(subset.name)) subsets.set(subset.name, subset);
    }
  }
  const base = ordered.find((rule) => rule.spec?.trafficPolicy !== undefined)?.spec?.trafficPolicy;
  const known = new Map<string, Policy>();
  return {
    subset: (name) => (subsets.has(name) ? (subsets.get(name)?.labels ?? {}) : undefined),
    policyFor: (port, subset) => {
      const id = `${port}/${subset}`;
      const policy = known.get(id) ?? policyOf(merged(base, subsets.get(subset)?.trafficPolicy, port));
      known.set(id, policy);
      return policy;
    },
  };
}

/** The subset's settings replace the host's, and a port's replace both, each field as a whole. */
function merged(base: KubeFields, subset: KubeFields, port: number): KubeFields {
  const atPort = (policy: KubeFields) =>
    policy?.portLevelSettings?.find((entry: KubeFields) => entry.port?.number === port) ?? {};
  return { ...base, ...atPort(base), ...subset, ...atPort(subset) };
}

function policyOf(traffic: KubeFields): Policy {
  const { http = {}, tcp = {} } = traffic.connectionPool ?? {};
  const limit = (value: unknown) => (typeof value === "number" && value > 0 ? value : Number.POSITIVE_INFINITY);
  return {
    balancer: balancerOf(traffic.loadBalancer?.simple),
    hash: hashOf(traffic.loadBalancer?.consistentHash),
    maxConnections: limit(tcp.maxConnections),
    maxPending: limit(http.http1MaxPendingRequests),
    maxRequests: limit(http.http2MaxRequests),
    maxRetries: limit(http.maxRetries),
    maxRequestsPerConnection: Number(http.maxRequestsPerConnection ?? 0),
    connectTimeoutMs: durationMs(tcp.connectTimeout) ?? DEFAULT_POLICY.connectTimeoutMs,
    outliers: outliersOf(traffic.outlierDetection),
  };
}

function balancerOf(simple: unknown): Policy["balancer"] {
  if (simple === "ROUND_ROBIN") return "round-robin";
  return simple === "RANDOM" || simple === "PASSTHROUGH" ? "random" : "least-request";
}

function hashOf(hash: KubeFields): HashSource | undefined {
  if (hash?.httpHeaderName) return { kind: "header", name: String(hash.httpHeaderName).toLowerCase() };
  if (hash?.httpQueryParameterName) return { kind: "query", name: String(hash.httpQueryParameterName) };
  if (hash?.useSourceIp === true) return { kind: "address" };
  const cookie = hash?.httpCookie;
  if (!cookie?.name) return undefined;
  return { kind: "cookie", name: cookie.name, path: cookie.path ?? "", ttlMs: durationMs(cookie.ttl) };
}

function outliersOf(detection: KubeFields): Outliers | undefined {
  if (detection === undefined) return undefined;
  return {
    fiveHundreds: Number(detection.consecutive5xxErrors ?? detection.consecutiveErrors ?? 5),
    gatewayErrors: Number(detection.consecutiveGatewayErrors ?? 0),
    baseEjectionMs: durationMs(detection.baseEjectionTime) ?? 30_000,
    maxEjected: Number(detection.maxEjectionPercent ?? 10) / 100,
  };
}

/** What a Canary asks for: its spec, with defaults filled in. parse.ts reads it. */

/** Names a Canary. */
export interface CanaryRef {
  readonly namespace: string;
  readonly name: string;
}

/** How users come to the canary, see plan.ts. */
export type Strategy = "canary" | "ab-testing" | "blue-green";

/** Names an object in the namespace of the Canary. */
export interface TargetRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
}

/** A number range, both ends inclusive; an absent end is open. */
export interface Range {
  readonly min?: number;
  readonly max?: number;
}

/** One entry of `analysis.metrics`. */
export interface Metric {
  readonly name: string;
  /** PromQL window, e.g. "1m". Defaults to "1m" (Q43). */
  readonly interval: string;
  /** Deprecated single limit: a minimum for request-success-rate, a maximum for all else. 0 when absent (M5). */
  readonly threshold: number;
  readonly thresholdRange?: Range;
  readonly query?: string;
  readonly templateRef?: { readonly name: string; readonly namespace: string };
  readonly templateVariables?: Readonly<Record<string, string>>;
  /** Name of a row in judges/table.ts; `thresholds` when absent. */
  readonly judge?: string;
}

/** How one metric is asked. One entry of `analysis.metrics` may be asked more than one way. */
export type MetricSourceKind = "success-rate" | "duration" | "query" | "template" | "nothing";

/** The types of webhooks, in the order of Flagger's CRD. */
export const HOOK_TYPES = [
  "confirm-rollout",
  "pre-rollout",
  "rollout",
  "confirm-promotion",
  "post-rollout",
  "event",
  "rollback",
  "confirm-traffic-increase",
] as const;

/** When a webhook is called, and what its answer decides. */
export type HookType = (typeof HOOK_TYPES)[number];

/** One entry of `analysis.webhooks`. */
export interface Webhook {
  readonly name: string;
  readonly type: HookType;
  readonly url: string;
  readonly muteAlert: boolean;
  /** Go duration as written; empty: 10 s. */
  readonly timeout: string;
  readonly retries: number;
  readonly disableTLS: boolean;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** How grave an alert is. A receiver gets alerts of its own severity and above. */
export type Severity = "info" | "warn" | "error";

/** One entry of `analysis.alerts`: a receiver, and the least severity that it gets. */
export interface AlertTarget {
  readonly name: string;
  readonly severity: Severity;
  readonly providerRef: { readonly name: string; readonly namespace: string };
}

/** Cookies that keep a user on the version that answered first. */
export interface SessionAffinity {
  readonly cookieName: string;
  readonly primaryCookieName?: string;
  /** Seconds. */
  readonly maxAge: number;
  readonly domain?: string;
  readonly httpOnly?: boolean;
  readonly partitioned?: boolean;
  readonly path?: string;
  readonly sameSite?: string;
  readonly secure?: boolean;
}

/** `spec.analysis`, with defaults filled in. */
export interface Analysis {
  readonly intervalMs: number;
  /** The interval as written in the spec. The primary's cookie lives for this time. */
  readonly interval: string;
  /** Failed checks that end the rollout, at least 1. */
  readonly threshold: number;
  readonly iterations: number;
  readonly maxWeight: number;
  readonly stepWeight: number;
  readonly stepWeights: readonly number[];
  readonly stepWeightPromotion: number;
  readonly mirror: boolean;
  readonly mirrorWeight: number;
  /** Percent of updated pods that must be available. */
  readonly primaryReadyThreshold: number;
  readonly canaryReadyThreshold: number;
  readonly match: readonly JsonObject[];
  readonly metrics: readonly Metric[];
  readonly webhooks: readonly Webhook[];
  readonly alerts: readonly AlertTarget[];
  readonly sessionAffinity?: SessionAffinity;
}

/** JSON of a field that only one adapter reads. The core passes it on unchanged. */
export type JsonObject = { readonly [key: string]: JsonValue };
/** Any JSON value, unchangeable. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** Labels and annotations of a generated Service. */
export interface ServiceMetadata {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** `spec.service`, with defaults filled in. */
export interface ServiceSpec {
  /** Base name of the generated Services: the apex. Defaults to the target's name. */
  readonly name: string;
  readonly port: number;
  readonly portName: string;
  readonly targetPort: number | string;
  readonly portDiscovery: boolean;
  readonly appProtocol?: string;
  readonly trafficDistribution?: string;
  readonly headless: boolean;
  readonly hosts: readonly string[];
  readonly gateways: readonly string[];
  readonly delegation: boolean;
  readonly apex?: ServiceMetadata;
  readonly primary?: ServiceMetadata;
  readonly canary?: ServiceMetadata;
  readonly unmanagedMetadata?: { readonly labels?: readonly string[]; readonly annotations?: readonly string[] };
  /** The whole of `spec.service` as written: match, rewrite, retries, trafficPolicy … belong to the routers. */
  readonly raw: JsonObject;
}

/** The autoscaler of the target, and what its copy for the primary has otherwise. */
export interface AutoscalerRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly primaryScalerQueries?: Readonly<Record<string, string>>;
  readonly primaryScalerReplicas?: { readonly minReplicas?: number; readonly maxReplicas?: number };
}

/** The spec of a Canary, with defaults filled in. */
export interface CanarySpec {
  /** The effective provider: `spec.provider`, else the operator's default. */
  readonly provider: string;
  /** `spec.provider` as written. Some rules ignore the operator's default (Q8). */
  readonly ownProvider?: string;
  readonly metricsServer?: string;
  readonly targetRef: TargetRef;
  readonly autoscalerRef?: AutoscalerRef;
  readonly ingressRef?: TargetRef;
  readonly routeRef?: TargetRef & { readonly namespace?: string };
  readonly upstreamRef?: TargetRef & { readonly namespace?: string };
  readonly service: ServiceSpec;
  readonly progressDeadlineSeconds: number;
  readonly skipAnalysis: boolean;
  readonly revertOnDeletion: boolean;
  readonly suspend: boolean;
  readonly strategy: Strategy;
  readonly analysis: Analysis;
}

/** "podinfo.test", the form in which events name things. */
export function dotted(name: string, ref: CanaryRef): string {
  return `${name}.${ref.namespace}`;
}

/** "test/podinfo", the key of a Canary in maps and queues. */
export function canaryKey({ namespace, name }: CanaryRef): string {
  return `${namespace}/${name}`;
}

/** The primary copy of the target. Services and routes are named after `service.name` instead. */
export function primaryName(spec: CanarySpec): string {
  return `${spec.targetRef.name}-primary`;
}

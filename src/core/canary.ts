/** The types of the engine: what a Canary asks for (CanarySpec), and how far its rollout has come (CanaryStatus). */

import type { Cause } from "./cause.ts";
import type { Reason } from "./events.ts";
import type { Names } from "./names.ts";
import type { Phase, Position } from "./phases/positions.ts";
import type { OffSplit } from "./split.ts";
import type { Approved, Hold, Override, RunRef } from "./steering.ts";

export type { Phase, Position } from "./phases/positions.ts";

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

/** In the order of Flagger's CRD. */
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

/** Of an alert. A receiver gets alerts of its own severity and above. */
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

/** What was released: the hash of the target's spec, and a checksum per tracked ConfigMap and Secret. */
export interface Revision {
  readonly spec: string;
  /** "configmap/name" or "secret/name" -> checksum; undefined when tracking is off or the target has no pods. */
  readonly configs?: Readonly<Record<string, string>>;
}

/** Where the traffic goes. `primary` and `canary` are percent and sum to 100. */
export interface Routes {
  readonly primary: number;
  readonly canary: number;
  readonly mirror: boolean;
  /** The canary gets all requests, also those that an A/B test does not match and those from outside the mesh. */
  readonly everyone?: true;
}

/** A condition of `status.conditions`. Times are RFC 3339. */
export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly lastUpdateTime: string;
  readonly lastTransitionTime: string;
}

/** The action that was applied last, and the ids of the actions before it, latest first. */
export interface Acted {
  readonly id: string;
  readonly message: string;
  readonly earlier?: readonly string[];
}

/** An alert whose delivery is not confirmed yet; kept in the status so that no crash loses it. */
export interface Alert {
  readonly message: string;
  readonly severity: Severity;
  /** True: the alert also carries the fields that describe the Canary (target, deadline, routing). */
  readonly metadata: boolean;
}

/** The last restart of a run. */
export interface Restarted {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Identifies the revision and the strategy of the restarted run. */
  readonly of: string;
  /** True: a restart of this run was delayed, and the delay was announced. */
  readonly slowed: boolean;
}

/** The wait that was announced last, see `StatusCore.announced`. */
export interface Announced {
  readonly reason: Reason;
  readonly message: string;
  /** The webhook that keeps a gate closed. */
  readonly gate?: string;
}

/** The part of the status that every phase carries. Times are milliseconds since the epoch. */
export interface StatusCore {
  readonly failedChecks: number;
  readonly canaryWeight: number;
  readonly iterations: number;
  /** The revision of the target with which the latest release began; undefined before the first release. */
  readonly applied?: Revision;
  /** Hash of the spec that the primary runs. */
  readonly promotedSpec: string;
  readonly cookies: { readonly canary: string; readonly primary: string; readonly previous: string };
  readonly conditions: readonly Condition[];
  /** When this status was written; 0 before the first write. */
  readonly writtenAt: number;
  /** When the present phase began, or began again with another revision. */
  readonly phaseSince: number;
  /** The wait that was announced last, so that a wait is announced once and not at every turn. */
  readonly announced?: Announced;
  /** The last warning that did not stop the rollout. It is stored so that the warning is announced once. */
  readonly warned?: string;
  /** Present when the requests of the present or the last run were not split as promised. */
  readonly offSplit?: OffSplit;
  /** Alerts whose delivery is not yet confirmed. */
  readonly owedAlerts: readonly Alert[];
  /** The last restart of the run that is under way; absent when the run never started over. */
  readonly restarted?: Restarted;
  /** The names in the spec when Aviary last owned the routes; absent before, and where Flagger's CRD pruned them. */
  readonly names?: Names;
  /** The run that is under way, or the last one. */
  readonly run?: RunRef;
  /** Why the last run ended; absent while one is under way, and before the first. */
  readonly cause?: Cause;
  /** The run is held by a person. */
  readonly paused?: Hold;
  /** A person lets this run go on, or begin, during a freeze. */
  readonly override?: Override;
  /** Gates that a person approved, for the step that the run stands on. */
  readonly approved?: Approved;
  /** The actions that were applied last, so that each of them acts once. */
  readonly acted?: Acted;
  /** True: another operator (Flagger) wrote this status last. The hashes in it may differ from Aviary's. */
  readonly foreign?: boolean;
}

/** How far the rollout has come: the common part, and the position of the phase. */
export type CanaryStatus = StatusCore & Position;

/** The status of one phase. */
export type StatusIn<P extends Phase> = Extract<CanaryStatus, { readonly phase: P }>;

/** A Canary as the engine sees it. */
export interface Canary {
  readonly ref: CanaryRef;
  readonly uid: string;
  readonly generation: number;
  readonly resourceVersion: string;
  /** True: the deletion of the Canary was requested. */
  readonly deleting: boolean;
  readonly finalizers: readonly string[];
  /** Annotations of the Canary itself. A few providers read settings from them. */
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec: CanarySpec;
  readonly status: CanaryStatus;
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

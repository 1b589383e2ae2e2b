/** A Canary as the engine sees it: what it asks for (spec.ts), and how far its rollout has come (CanaryStatus). */

import type { Phase, Position } from "../phases/positions.ts";
import type { Cause } from "../run/cause.ts";
import type { CanaryRef, CanarySpec, Severity, TargetRef } from "../spec/spec.ts";
import type { Reason } from "../texts/reasons.ts";

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

/** Names the autoscaler of the target. */
export interface ScalerName {
  readonly kind: string;
  readonly name: string;
}

/** Further names in the routing objects; a field is absent when the spec does not have it. */
export type RoutingRefs = Pick<CanarySpec, "ingressRef" | "routeRef"> & {
  /** `spec.service.routeName` and `routeKind`. */
  readonly routeName?: string;
  readonly routeKind?: string;
};

/** The names in the spec when Aviary last owned the routes. */
export interface Names {
  readonly provider: string;
  readonly service: string;
  readonly target: TargetRef;
  readonly scaler?: ScalerName;
  /** An autoscaler that the Canary names no more, and that still scales the target. It must be paused until it goes. */
  readonly formerScaler?: ScalerName;
  /** Absent when the spec had none of them. */
  readonly refs?: RoutingRefs;
  /**
   * When the new names may count, while the routes under the former names are being left. Milliseconds since the epoch.
   */
  readonly leaveAt?: number;
}

/** A split that is not the one that was promised. */
export interface OffSplit {
  /** Percent of the requests promised to the canary, and percent that it got. */
  readonly promised: number;
  readonly measured: number;
  /** Requests that were counted. */
  readonly canary: number;
  readonly primary: number;
}

/** A person paused the run: it stays on its step, at its weight, and its checks go on. */
export interface Pause {
  readonly by: string;
  readonly reason?: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** When the pause ends by itself; absent: when a person resumes. */
  readonly until?: number;
  readonly freezeChecks?: boolean;
}

/** A person lets one revision go on during a freeze. It ends with the run of that revision. */
export interface Override {
  readonly by: string;
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Name of the freeze that was in force. */
  readonly freeze: string;
  /** Names of freezes that were overridden before, for the same revision; absent: none. */
  readonly also?: readonly string[];
  readonly revision: Revision;
}

/** The gates that a person has approved for one step. They count for this step alone. */
export interface Approved {
  readonly step: number;
  /** "type name" of hooks, e.g. "confirm-promotion ask". */
  readonly hooks: readonly string[];
}

/** Names a run: the same in the status, the record, the actions and the console. */
export interface RunRef {
  /** e.g. "podinfo-20260101t000100-85d557": the name of its CanaryRun. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
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
  readonly paused?: Pause;
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

/** The status of a run that goes through its steps. */
export type Analysing = StatusIn<"Progressing"> | StatusIn<"WaitingPromotion">;

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

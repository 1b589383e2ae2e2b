/** The input of a decision: readings (from caches) and answers (from the network). */

import type { HookType, Metric, MetricSourceKind, Webhook } from "../spec/spec.ts";
import type { OffSplit, Revision } from "../status/canary.ts";

/**
 * `detail` is the text of the event. `progress` is how far the rollout has come, for readers: "1 of 2 updated replicas
 * are available". `stuck`: waiting will not help any more.
 */
export type Readiness =
  | { readonly kind: "ready" }
  | { readonly kind: "progressing" | "stuck"; readonly detail: string; readonly progress?: string };

/** What a pod template runs, for the record of a run. */
export interface TemplateReading {
  /** By container. */
  readonly images: Readonly<Record<string, string>>;
  /** SHA-256 of the template in hexadecimal digits. */
  readonly digest: string;
}

/** What the caches say about the target. */
export interface TargetReading {
  readonly revision: Revision;
  readonly readiness: Readiness;
  /** Pods that can serve now. */
  readonly available: number;
  /** The target is scaled to zero (or was never scaled up). */
  readonly scaledDown: boolean;
  readonly template?: TemplateReading;
}

/** What the caches say about the primary. */
export interface PrimaryReading {
  readonly exists: boolean;
  readonly readiness: Readiness;
  readonly available: number;
  /** True: while the primary's pods are replaced, for some time none of them can serve. */
  readonly gap?: true;
  /** True: it asks for no pods, though users need some. So there are none to look at. */
  readonly emptied?: true;
  /** Identity of the promotion that its template came from, see `promotionId`. */
  readonly promotionId?: string;
  /** The primary still has a record of what it ran before its last promotion. */
  readonly restorable?: boolean;
  /**
   * The primary runs exactly what the target holds now. Given only where another operator wrote the status (`foreign`).
   */
  readonly carriesTarget?: boolean;
  readonly template?: TemplateReading;
  /** Id of the run that promoted the present revision, see `RunRef`; absent when it was not recorded. */
  readonly run?: string;
  /** The revision before the last promotion, when it can be restored. */
  readonly previous?: PreviousReading;
  /** Older revisions that can be restored, latest first. */
  readonly earlier?: readonly EarlierReading[];
}

/** An earlier promoted revision that the primary can get back. */
export interface PreviousReading {
  /** Hash of the target's spec that it was promoted from. */
  readonly spec: string;
  readonly promotionId: string;
  /** Id of the run that promoted it, see `RunRef`; absent for the first revision of a Canary. */
  readonly run?: string;
}

/** A revision that is older than the one before the present. */
export interface EarlierReading extends PreviousReading {
  /**
   * Configuration of this revision that has changed since ("configmap/settings"). When there is any, the template alone
   * would not restore the release.
   */
  readonly changedConfigs: readonly string[];
  /**
   * True: to restore this revision would replace all pods of the primary at once. For the revision before, see
   * `PrimaryReading.gap`.
   */
  readonly gap?: true;
}

/** Everything that the caches say about one Canary. */
export interface Readings {
  /** Why nothing can be done at all: the target is missing, carries no selector label … (text of the event). */
  readonly problem?: string;
  /** The target was deleted, or has no pod left beside the problem: no pod of the canary can answer. */
  readonly gone?: true;
  /** What is wrong, although the rollout goes on, and how to mend it. The text of an event, which is announced once. */
  readonly warning?: string;
  /** What keeps pods from starting, as far as it is known; also part of `warning`. */
  readonly trouble?: string;
  /** Present when the counted requests of this run are not split as promised. */
  readonly offSplit?: OffSplit;
  readonly target: TargetReading;
  readonly primary: PrimaryReading;
  /** The routes in the cluster are those that the status promises. */
  readonly routesInForce: boolean;
  /**
   * The routes are written as promised, but the mesh says that it has not taken them yet. Then they are not in force.
   */
  readonly routesLate?: true;
  /**
   * When this process last wrote routes, in milliseconds since the epoch; absent: never, or the routes are not in
   * force.
   */
  readonly routesSince?: number;
  /**
   * True: the routes under the former names send nothing to the canary any more, and the former autoscaler of the
   * primary is deleted. Absent: nothing was renamed.
   */
  readonly formerLeft?: boolean;
  /** The autoscaler that the Canary named before still scales the target. Its name is kept: it must be paused. */
  readonly formerScales?: boolean;
  /** A reading that will change by time alone, without an event (a deadline): look again then. Milliseconds. */
  readonly recheckAt?: number;
}

/** The question for one value of one metric. */
export interface MetricProbe {
  readonly kind: "metric";
  readonly metric: Metric;
  readonly source: MetricSourceKind;
  /** Whose traffic: the canary's, or the primary's while it takes over. */
  readonly of: "canary" | "primary";
}

/**
 * One question to the world outside the caches. Asked in order; the first answer that settles the matter ends the
 * asking.
 */
export type Probe =
  | { readonly kind: "hook"; readonly hook: Webhook; readonly type: HookType; readonly phase: string }
  | MetricProbe
  | { readonly kind: "metric-servers" };

/** The answer to a probe. */
export type Answer =
  | { readonly kind: "passed" }
  | { readonly kind: "refused"; readonly detail: string }
  /**
   * Milliseconds for `duration`, percent for `success-rate`, else as the query returns it. `query` is what was sent.
   */
  | { readonly kind: "value"; readonly value: number; readonly query?: string }
  /** `message` is the text of the event. */
  | { readonly kind: "no-data" | "error"; readonly message: string; readonly query?: string };

/** A probe and its answer. */
export interface Answered {
  readonly probe: Probe;
  readonly answer: Answer;
}

/** All that a decision knows about the world. */
export interface Observation {
  readonly readings: Readings;
  /** Empty: nothing was asked yet. Else the answers in the order in which the questions were asked. */
  readonly answers: readonly Answered[];
}

/**
 * What happened in a run: version 1 of the record. The operator writes it, people and programs read it. No decision
 * depends on it.
 */

import type { Verb } from "../people/steering.ts";
import type { Cause, Failure } from "../run/cause.ts";
import type { HookType, Severity } from "../spec/spec.ts";
import type { OffSplit } from "../status/canary.ts";

/** Grows when readers of older records cannot read newer ones. */
export const RUN_RECORD_VERSION = 1;

/** How a run ended; `running` while it is under way. */
export type Verdict =
  | "running"
  | "promoted"
  | "rolled-back"
  /** Another revision or strategy took its place. */
  | "superseded"
  /** The target holds the promoted revision again. */
  | "reverted"
  | "deleted";

/** What is released, known when the run begins. */
export interface RunRecordSpec {
  readonly version: typeof RUN_RECORD_VERSION;
  readonly canary: string;
  readonly canaryUid: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Hash of the target's spec, and of the one that the primary runs. */
  readonly revision: string;
  readonly previousRevision: string;
  /** SHA-256 of the pod templates of target and primary, where the target has pods of its own. */
  readonly digest?: string;
  readonly previousDigest?: string;
  /** What the primary carries once this revision is promoted, see `promotionId`. */
  readonly promotionId: string;
  /** Images of target and primary, by container. */
  readonly images: Readonly<Record<string, string>>;
  readonly previousImages: Readonly<Record<string, string>>;
  /** "configmap/name" or "secret/name"; never what they hold. */
  readonly changedConfigs: readonly string[];
  readonly strategy: string;
  readonly threshold: number;
  /** Analysis interval in milliseconds. */
  readonly intervalMs: number;
  readonly steps: readonly RecordedStep[];
}

/** One step of the plan, as the run began it. */
export interface RecordedStep {
  /** Percent of the traffic for the canary. */
  readonly weight: number;
  readonly mirror: boolean;
  /** Types of the hooks that are asked before the step. */
  readonly gates: readonly string[];
}

/** What happened so far. */
export interface RunRecordStatus {
  readonly verdict: Verdict;
  /** Made of `cause` by texts/words.ts. */
  readonly sentence: string;
  readonly cause?: Cause;
  readonly phase: string;
  readonly step: number;
  readonly weight: number;
  readonly failedChecks: number;
  /** ISO 8601; absent while it is under way. */
  readonly endedAt?: string;
  /** Oldest first; the middle is left out when there are too many, failures last. */
  readonly checks: readonly RecordedCheck[];
  /** Checks that were left out of `checks`, by name: how many, and their values. */
  readonly folded?: Readonly<Record<string, Folded>>;
  /**
   * The query of each check as it was sent last, by the name of the check; " (primary)" follows where it asked of the
   * primary.
   */
  readonly queries: Readonly<Record<string, string>>;
  readonly timeline: readonly TimelineEntry[];
  /** The split at each judged interval, promised and measured. */
  readonly traffic: readonly RecordedTraffic[];
  /** The requests were not split as promised: what was found first. */
  readonly offSplit?: OffSplit;
  readonly alerts: readonly RecordedAlert[];
  /** Actions of people, oldest first. */
  readonly people: readonly RecordedAction[];
  /** Requests over all checks of the run, where the provider counts them. */
  readonly requests?: Requests;
  /** Gzipped turns in base64, one JSON line each, see journal.ts; absent when it would be too large. */
  readonly journal?: string;
  /** Turns that are missing from the record: the operator was restarted, or the record was not accepted. */
  readonly gaps: number;
}

/** One question of one turn, and its answer. */
export interface RecordedCheck {
  /** ISO 8601. */
  readonly at: string;
  readonly step: number;
  readonly weight: number;
  /** Name of the metric or hook. */
  readonly check: string;
  readonly source: Failure["source"];
  /** Type of the hook: gates are hooks of a type that begins with "confirm-". */
  readonly hook?: HookType;
  readonly of: "canary" | "primary";
  readonly passed: boolean;
  readonly value?: number;
  readonly text?: string;
  readonly min?: number;
  readonly max?: number;
  readonly detail?: string;
  /** Requests that the value was computed of, where the provider counts them. */
  readonly requests?: number;
  /** It decided nothing: a check before it had failed already. */
  readonly forTheRecord?: boolean;
}

/** One event of the run. */
export interface TimelineEntry {
  readonly at: string;
  readonly phase: string;
  readonly step: number;
  /** Percent promised to the canary; absent while Aviary does not own the routes. */
  readonly weight?: number;
  readonly reason: string;
  readonly type: "Normal" | "Warning";
  readonly message: string;
}

/** One action of one person, and its outcome. */
export interface RecordedAction {
  readonly at: string;
  readonly verb: Verb;
  readonly by: string;
  readonly reason?: string;
  readonly outcome: "applied" | "refused" | "expired";
  readonly message: string;
}

/** Requests of both versions; a field is absent where the provider does not count. */
export interface Requests {
  readonly canary?: number;
  readonly canaryFailed?: number;
  readonly primary?: number;
  readonly primaryFailed?: number;
}

/** Checks whose single values are not kept. */
export interface Folded {
  readonly count: number;
  readonly min?: number;
  readonly mean?: number;
  readonly max?: number;
}

/** The split over one judged interval. */
export interface RecordedTraffic {
  readonly at: string;
  readonly step: number;
  /** Percent of the traffic promised to the canary. */
  readonly promised: number;
  /** Percent of the requests that the canary got; absent where the metrics of the mesh do not tell. */
  readonly measured?: number;
  /** Requests since the entry before, as far as the metrics tell. */
  readonly requests: Requests;
}

/** One alert of the run. */
export interface RecordedAlert {
  readonly at: string;
  readonly severity: Severity;
  readonly message: string;
}

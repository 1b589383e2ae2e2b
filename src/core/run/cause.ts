/**
 * Why a run ended, as data. words.ts makes the sentence of it. The union is closed: a new way to end needs a new kind
 * here.
 */
import type { MetricSourceKind } from "../spec/spec.ts";

/**
 * Where the run stood: the step (0 before the first), how many steps there are, and the percent of traffic of the
 * canary.
 */
export interface Place {
  readonly step: number;
  readonly steps: number;
  readonly weight: number;
}

/** A check or hook that did not pass. */
export interface Failure {
  /** Name of the metric or hook. */
  readonly check: string;
  /** What was asked: a metric by its source, a hook, or the pods of the canary. */
  readonly source: MetricSourceKind | "hook" | "pods";
  /** What was measured: percent for `success-rate`, milliseconds for `duration`. Absent when there was no value. */
  readonly value?: number;
  /** "NaN", "+Inf" or "-Inf" where the value is no finite number: JSON has none. */
  readonly text?: string;
  readonly sign?: "<" | ">";
  readonly limit?: number;
  /** Why there was no value: the text of the event. */
  readonly detail?: string;
}

/** The person who requested an action. */
export interface Person {
  readonly by: string;
  readonly reason?: string;
}

/** Why a run ended, and where it stood. */
export type Cause = Place &
  (
    | { readonly kind: "promoted" }
    /** skipAnalysis, or `promote --full`: promoted without the rest of the checks. */
    | ({ readonly kind: "promoted-unjudged" } & Partial<Person>)
    | { readonly kind: "threshold"; readonly failedChecks: number; readonly failure?: Failure }
    /** Pods of the canary or of the primary did not become ready in time. */
    | { readonly kind: "deadline"; readonly of: "canary" | "primary"; readonly detail: string }
    /** A webhook of type rollback asked for it. */
    | { readonly kind: "rollback-hook"; readonly hook: string }
    | ({ readonly kind: "abort" } & Person)
    /** The primary gets an earlier promoted revision back. */
    | ({ readonly kind: "undo" } & Person)
    /** A promotion failed: the primary could not become ready. */
    | { readonly kind: "primary-not-ready"; readonly detail: string }
    /** A promotion failed: the primary did not pass its checks while it took over. */
    | { readonly kind: "primary-checks"; readonly failedChecks: number; readonly failure: Failure }
    /** The primary lost its pods in the middle of a run, and the canary serves all traffic. */
    | { readonly kind: "primary-gone"; readonly detail: string }
    /** A newer revision or another strategy started the analysis over. */
    | { readonly kind: "superseded"; readonly by: "revision" | "strategy" }
    /** The target holds the promoted revision again. */
    | { readonly kind: "reverted" }
    /** The Canary is being deleted. */
    | { readonly kind: "deleted" }
  );

type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** A cause without its place. A phase says how the run ends, and `endRun` adds the place. */
export type End = Without<Cause, keyof Place>;

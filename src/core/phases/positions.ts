/**
 * Where a rollout stands: the phases, and what each of them remembers. To add a phase, add its shape here, a file
 * beside this one and a row in table.ts; the compiler asks for the latter two.
 */

/**
 * A wait that ends by time. `after-routes`: it counts from when the cluster's routes are as promised, which they are
 * not yet, and ends no earlier than `notBefore`. Times are milliseconds since the epoch.
 */
export type Wait =
  | { readonly kind: "none" }
  | { readonly kind: "until"; readonly at: number }
  | { readonly kind: "after-routes"; readonly notBefore: number };

/** The workload that lost its traffic stays until every proxy knows the new routes. `none`: it may go. */
export interface Draining {
  readonly drain: Wait;
}

/** A run stands on a step: 0 before the first one, else the number of steps entered. */
export interface OnStep {
  readonly step: number;
  /** Nothing is judged before its end: the metric window must fill. */
  readonly hold: Wait;
  readonly serving: Serving;
  /** How often the canary stood in so far in this run; absent: never. */
  readonly outages?: number;
  /** Name of the plan that counts the step; absent before the first step, and where Flagger's CRD pruned it. */
  readonly plan?: string;
}

/** The phase of a rollout, with what only this phase remembers. */
export type Position =
  | { readonly phase: "" }
  | { readonly phase: "Initializing"; readonly stage: InitializingStage }
  | ({ readonly phase: "Initialized" } & Draining)
  | { readonly phase: "Waiting"; readonly hold: Wait }
  | ({ readonly phase: "Progressing"; readonly stage: ProgressingStage } & OnStep)
  | ({ readonly phase: "WaitingPromotion" } & OnStep)
  | ({
      readonly phase: "Promoting";
      readonly primaryWeight: number;
      /**
       * Since when the primary has had its present weight; absent before the first shift, and where Flagger's CRD
       * pruned it.
       */
      readonly shiftedAt?: number;
      /** A check of the primary failed since then. */
      readonly failedSinceShift?: boolean;
      /** skipAnalysis: promoted unjudged, with traffic to the canary only while it covers for the primary. */
      readonly skipping: boolean;
      /** The canary has all traffic while the primary's pods are replaced, see cover.ts. */
      readonly covering?: "begun" | "full";
    } & OnStep)
  | { readonly phase: "Finalising"; readonly hold: Wait }
  | ({
      readonly phase: "Succeeded";
      readonly owesPostRollout: boolean;
      readonly outcome: SuccessfulEnd;
    } & Draining)
  | ({ readonly phase: "Failed"; readonly owesPostRollout: boolean; readonly recovery: Recovery } & Draining)
  // `handedBack`: the target serves again by itself; apex Service and routes are handed back.
  | { readonly phase: "Terminating"; readonly handedBack: boolean }
  | { readonly phase: "Terminated" };

/**
 * Who serves the users of a step. `as-planned`: the split of the step. `primary-alone`: no pod of the canary can serve,
 * so that its share goes to the primary until one can. `canary-alone`: the primary has no pods, so that the canary,
 * which has users already, serves everyone until the primary can.
 */
export type Serving = "as-planned" | "primary-alone" | "canary-alone";

/**
 * `preparing`: the gates and the pre-rollout hooks before the first step have not passed yet. `put-off`: the run starts
 * over at the end of the hold, and not before. `prepared`: the gates and the hooks have passed. Every step is
 * `prepared`.
 */
export type ProgressingStage = "preparing" | "put-off" | "prepared";

/**
 * Whether the primary gets an earlier revision back before anything else happens. Where the canary must cover for the
 * primary, the drain comes first. `none`: no. `restoring`: a promotion failed, and the primary gets its last promoted
 * revision back. `undoing`: a person undid the promotion that the primary carried then, see `promotionId`; `to` names
 * the earlier promotion whose revision the primary gets, where that is not the one before.
 */
export type Recovery =
  | { readonly kind: "none" }
  | { readonly kind: "restoring" }
  | { readonly kind: "undoing"; readonly promotion: string; readonly to?: string };

/**
 * `promoted`: the revision passed its checks. `unjudged`: it was promoted without checks (skipAnalysis). `reverted`:
 * the target holds the promoted revision again; nothing was promoted.
 */
export type SuccessfulEnd = "promoted" | "unjudged" | "reverted";

/**
 * `copying`: the primary is made of the target. `renewing`: the target changed meanwhile, and the primary follows it.
 * `switching`: the primary is ready, and apex Service and routes are brought to it.
 */
export type InitializingStage = "copying" | "renewing" | "switching";

/** The names of all phases. */
export type Phase = Position["phase"];

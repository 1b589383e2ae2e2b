/** The stored status: Flagger's fields, and what Aviary remembers beyond them under `aviary`. */

import type { Cause } from "../run/cause.ts";
import type { Reason } from "../texts/reasons.ts";
import type {
  Acted,
  Alert,
  Approved,
  Condition,
  Names,
  OffSplit,
  Override,
  Pause,
  Restarted,
  RunRef,
  ScalerName,
} from "./canary.ts";

/** The status as the API server stores it. */
export interface WireStatus {
  readonly phase?: string;
  readonly failedChecks?: number;
  readonly canaryWeight?: number;
  readonly iterations?: number;
  readonly trackedConfigs?: Readonly<Record<string, string>> | null;
  readonly lastAppliedSpec?: string;
  readonly lastPromotedSpec?: string;
  readonly lastTransitionTime?: string | null;
  readonly sessionAffinityCookie?: string;
  readonly primarySessionAffinityCookie?: string;
  readonly previousSessionAffinityCookie?: string;
  readonly conditions?: readonly Condition[];
  readonly aviary?: WireMemory;
}

/** What Aviary remembers beyond Flagger's fields. Which phase writes and reads which field: `memory` in phases/. */
export interface WireMemory {
  readonly step?: number;
  readonly plan?: string;
  readonly holdUntil?: number;
  /** `holdUntil` is the earliest end of a hold that counts from when the routes are in force. */
  readonly holdAfterRoutes?: boolean;
  readonly drainUntil?: number;
  readonly drainAfterRoutes?: boolean;
  /** The primary alone serves, see `Serving`. */
  readonly withheld?: boolean;
  /** The canary alone serves, see `Serving`. */
  readonly standsIn?: boolean;
  readonly outages?: number;
  /** The stage of Progressing, with `putOff`. */
  readonly prepared?: boolean;
  readonly primaryWeight?: number;
  readonly shiftedAt?: number;
  /** `failedSinceShift` of Promoting. */
  readonly doubted?: boolean;
  readonly skipping?: boolean;
  readonly covering?: "begun" | "full";
  /** The recovery of Failed, with `undoing` and `undoingTo`. */
  readonly restoring?: boolean;
  readonly undoing?: string;
  readonly undoingTo?: string;
  readonly owesPostRollout?: boolean;
  /** The outcome of Succeeded, with `reverted`. */
  readonly skipped?: boolean;
  readonly reverted?: boolean;
  /** The stage of Initializing, with `switching`. */
  readonly renew?: boolean;
  readonly switching?: boolean;
  /** `handedBack` of Terminating. */
  readonly released?: boolean;
  readonly putOff?: boolean;
  readonly restarted?: Restarted;
  readonly names?: WireNames;
  readonly run?: RunRef;
  readonly cause?: Cause;
  readonly paused?: Pause;
  readonly override?: Override;
  readonly approved?: Approved;
  readonly acted?: Acted;
  readonly phaseSince?: number;
  /** The wait that was announced last: its message, and since 0.2 its reason. */
  readonly said?: string;
  readonly saidReason?: Reason;
  /** The webhook that keeps a gate closed. */
  readonly gate?: string;
  readonly warned?: string;
  readonly offSplit?: OffSplit;
  readonly owedAlerts?: readonly Alert[];
}

/** The names as they are stored. Earlier builds of 0.1.0 stored the former autoscaler as `waker`. */
export type WireNames = Names & { readonly waker?: ScalerName };

/** The names, also from a status that an earlier build wrote. */
export function namesFrom({ waker, ...names }: WireNames): Names {
  return waker === undefined ? names : { formerScaler: waker, ...names };
}

/** The parts of the spec that recovering a pruned memory needs. */
export interface RecoveryHints {
  readonly intervalMs: number;
  /** Iterations to go through; 0 for a progressive run. */
  readonly iterations: number;
  /** Ascending weights of a progressive run; a mirror step counts before them. */
  readonly weights: readonly number[];
  readonly mirror: boolean;
  /** Promotes without judging; false when absent. */
  readonly skips?: boolean;
}

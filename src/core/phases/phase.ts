/**
 * What a phase is: its name, where it leads, what it decides, and what it promises. One file each; table.ts lists them.
 */

import type { Plan } from "../plan/plan.ts";
import type { Revision, Routes, StatusCore, StatusIn } from "../status/canary.ts";
import type { RecoveryHints, WireMemory } from "../status/wire.ts";
import type { Decision, Turn } from "../turn/turn.ts";
import type { Phase, Position } from "./positions.ts";

/** The rules of one phase; a row in table.ts. */
export interface PhaseRules<P extends Phase> {
  readonly name: P;
  /** Every other phase that may come next. `decide` throws when a status takes an arrow that is not here. */
  readonly arrows: readonly Phase[];
  /** A release is under way. */
  readonly running: boolean;
  /** What comes next; called when the target can be read, and the Canary is neither suspended nor leaving. */
  decide(turn: Turn, status: StatusIn<P>): Decision;
  /** The traffic that the status promises; undefined while the engine does not own the routes. */
  routes(plan: Plan, status: StatusIn<P>): Routes | undefined;
  /** What should be true of the cluster beside the routes. */
  desired(status: StatusIn<P>, uid: string): DesiredInPhase;
  /** The condition `Promoted`. @param kind of the target */
  condition(kind: string, status: StatusIn<P>): { readonly status: ConditionStatus; readonly message: string };
  /** What is remembered beyond Flagger's fields. */
  readonly memory: {
    /** Absent fields fall back to the value whose error is harmless: repeat a step, never skip one. */
    read(memory: WireMemory | undefined, known: Known): PositionIn<P>;
    write(status: StatusIn<P>): WireMemory;
  };
}

/** The status of a condition of Kubernetes. */
export type ConditionStatus = "True" | "False" | "Unknown";
/** The position of one phase. */
export type PositionIn<P extends Phase> = Extract<Position, { readonly phase: P }>;

/** What the primary must be. */
export type DesiredPrimary =
  /** The primary exists. A missing one is made from the target; an existing one stays as it is. */
  | { readonly kind: "present" }
  /** Carries the target's template, provided that the target still holds `revision`. */
  | { readonly kind: "promoted"; readonly id: string; readonly revision: Revision }
  /**
   * Carries the template that it had before the promotion `from`. With `to`: the template of that earlier promotion.
   */
  | { readonly kind: "restored"; readonly from: string; readonly to?: string };

/** The replicas of the target. `as-is`: Aviary does not scale the target now. */
export type DesiredTarget = "up" | "down" | "as-is";

/** `hands-off`: touch nothing at all. `traffic` is given only where the routes are handed back or not touched. */
export type DesiredInPhase =
  | "hands-off"
  | {
      readonly target: DesiredTarget;
      readonly primary: DesiredPrimary;
      readonly traffic?: "untouched" | "handed-back";
    };

/** What Flagger's own fields of the status prove, without `status.aviary`. */
export interface Known {
  readonly core: StatusCore;
  readonly hints: RecoveryHints;
}

/** The primary exists, and stays as it is. */
export const PRESENT: DesiredPrimary = { kind: "present" };

/**
 * All phases, in the order of a rollout. A Canary can be in no other phase, and takes no arrow that is not in one of
 * these files.
 */
import { failed } from "./failed.ts";
import { finalising } from "./finalising.ts";
import { initialized } from "./initialized.ts";
import { initializing } from "./initializing.ts";
import { newborn } from "./newborn.ts";
import type { PhaseRules } from "./phase.ts";
import type { Phase } from "./positions.ts";
import { progressing } from "./progressing.ts";
import { promoting } from "./promoting.ts";
import { succeeded } from "./succeeded.ts";
import { terminated } from "./terminated.ts";
import { terminating } from "./terminating.ts";
import { waiting } from "./waiting.ts";
import { waitingPromotion } from "./waiting-promotion.ts";

const TABLE: { readonly [P in Phase]: PhaseRules<P> } = {
  "": newborn,
  Initializing: initializing,
  Initialized: initialized,
  Waiting: waiting,
  Progressing: progressing,
  WaitingPromotion: waitingPromotion,
  Promoting: promoting,
  Finalising: finalising,
  Succeeded: succeeded,
  Failed: failed,
  Terminating: terminating,
  Terminated: terminated,
};

/** Every phase, in the order of a rollout. The CRD's enum is this list. */
export const PHASES = Object.keys(TABLE) as readonly Phase[];

/** The rules of a phase, to be asked with a status in this phase. */
export function rulesOf(phase: Phase): PhaseRules<Phase> {
  return TABLE[phase] as unknown as PhaseRules<Phase>;
}

/** Whether a stored text names a phase. */
export function isPhase(text: string): text is Phase {
  return Object.hasOwn(TABLE, text);
}

/** A release is under way. */
export function isRunning(phase: Phase): boolean {
  return TABLE[phase].running;
}

/** Every arrow that a status may take. A status may also stay in its phase. */
export const TRANSITIONS = Object.fromEntries(
  Object.values(TABLE).map(({ name, arrows }) => [name, arrows]),
) as unknown as Readonly<Record<Phase, readonly Phase[]>>;

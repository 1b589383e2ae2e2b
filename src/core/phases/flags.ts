/** On the wire, and in journals of older releases, these unions are stored as flags. */
import type { ProgressingStage, Recovery, Serving } from "./positions.ts";

/** The flags, by their names on the wire. */
export interface Flags {
  readonly restoring?: boolean | undefined;
  readonly undoing?: string | undefined;
  readonly undoingTo?: string | undefined;
  readonly prepared?: boolean | undefined;
  readonly putOff?: boolean | undefined;
  readonly withheld?: boolean | undefined;
  readonly standsIn?: boolean | undefined;
}

/** `Failed.recovery`. */
export function recoveryFrom({ restoring, undoing, undoingTo: to }: Flags): Recovery {
  if (restoring !== true) return { kind: "none" };
  if (undoing === undefined) return { kind: "restoring" };
  return { kind: "undoing", promotion: undoing, ...(to === undefined ? {} : { to }) };
}

/** @param step the run is prepared once it stands on a step */
export function stageFrom({ prepared, putOff }: Flags, step: number): ProgressingStage {
  if (putOff === true) return "put-off";
  return (prepared ?? step > 0) ? "prepared" : "preparing";
}

/** `OnStep.serving`. */
export function servingFrom({ withheld, standsIn }: Flags): Serving {
  if (standsIn === true) return "canary-alone";
  return withheld === true ? "primary-alone" : "as-planned";
}

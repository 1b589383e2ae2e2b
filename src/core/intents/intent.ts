/**
 * The rule of a verb. Each verb has a file beside this one, and a row in table.ts. A verb changes the phase only along
 * the arrows of the phases.
 */

import type { Action } from "../people/steering.ts";
import type { Phase } from "../phases/positions.ts";
import type { Decision, Transition, Turn } from "../turn/turn.ts";

/** The rule of one verb. */
export interface Intent {
  /** The phases in which the verb is possible. In any other phase it is refused. */
  readonly phases: readonly Phase[];
  apply(turn: Turn, action: Action): Outcome;
}

/** Whether the verb was applied, and what it decided. */
export type Outcome =
  | { readonly kind: "refused"; readonly message: string }
  /** The decision may be to ask first; then the verb is applied once the answers are there. */
  | { readonly kind: "applied"; readonly message: string; readonly decision: Decision };

/** The verb does nothing. @param message why, for the person */
export function refused(message: string): Outcome {
  return { kind: "refused", message };
}

/** The verb decides this turn. @param message what the verb did, for the person */
export function applied(message: string, decision: Decision): Outcome {
  return { kind: "applied", message, decision };
}

/** A verb that moves the run on ends its pause. */
export function withoutPause(transition: Transition): Transition {
  const { paused: _over, ...status } = transition.status;
  return { ...transition, status };
}

/** Why no traffic may be shifted now; undefined when it may. */
export function obstacleTo({ observation, status }: Turn): string | undefined {
  const { target, primary, routesInForce } = observation.readings;
  if (target.readiness.kind !== "ready" || target.scaledDown) return "the canary is not ready";
  if (primary.readiness.kind !== "ready") return "the primary is not ready";
  if ("serving" in status && status.serving === "primary-alone") return "the canary has just lost its pods";
  const hasTraffic = "step" in status && status.step > 0;
  return hasTraffic && !routesInForce ? "the routes are not as promised yet" : undefined;
}

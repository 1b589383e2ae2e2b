/**
 * What a verb does: one file each beside this one, and a row in table.ts. Verbs take arrows that the phases already
 * have.
 */
import type { Phase } from "../phases/positions.ts";
import type { Action } from "../steering.ts";
import type { Decision, Turn } from "../turn.ts";

export interface Intent {
  /** Where the verb means something; elsewhere it is refused with the phase. */
  readonly phases: readonly Phase[];
  apply(turn: Turn, action: Action): Outcome;
}

export type Outcome =
  | { readonly kind: "refused"; readonly message: string }
  /** The decision may be to ask first; then the verb is applied once the answers are there. */
  | { readonly kind: "applied"; readonly message: string; readonly decision: Decision };

export function refused(message: string): Outcome {
  return { kind: "refused", message };
}

export function applied(message: string, decision: Decision): Outcome {
  return { kind: "applied", message, decision };
}

/** Why no traffic may be moved now; undefined when it may. */
export function obstacleTo({ observation, status }: Turn): string | undefined {
  const { target, primary, routesInForce } = observation.readings;
  if (target.readiness.kind !== "ready" || target.scaledDown) return "the canary is not ready";
  if (primary.readiness.kind !== "ready") return "the primary is not ready";
  if ("serving" in status && status.serving === "primary-alone") return "the canary has just lost its pods";
  const hasTraffic = "step" in status && status.step > 0;
  return hasTraffic && !routesInForce ? "the routes are not as promised yet" : undefined;
}

/** All traffic goes to the primary. The canary is scaled down when every proxy knows the routes. */

import { TOTAL_WEIGHT } from "../plan/plan.ts";
import { ALL_TO_PRIMARY } from "../plan/steps.ts";
import { lacksPods, primaryGone } from "../run/stand-in.ts";
import type { StatusIn } from "../status/canary.ts";
import { EVENTS } from "../texts/events.ts";
import {
  type Decision,
  drainDelayMs,
  enterPhase,
  keepWaiting,
  type Transition,
  type Turn,
  unchanged,
  update,
  waitForReadiness,
} from "../turn/turn.ts";
import { countedFromRoutes, NO_WAIT } from "../turn/waits.ts";
import { recoverHold, writeHold } from "./memory.ts";
import { type PhaseRules, PRESENT } from "./phase.ts";
import { endByOutages, failPromotion, succeed } from "./promotion-ends.ts";

export const finalising: PhaseRules<"Finalising"> = {
  name: "Finalising",
  // Back to Promoting: the primary lost its pods while the canary still has its own.
  arrows: ["Promoting", "Succeeded", "Failed", "Terminating"],
  running: true,
  decide: finalise,
  routes: () => ALL_TO_PRIMARY,
  desired: () => ({ target: "up", primary: PRESENT }),
  condition: () => ({
    status: "Unknown",
    message: "Canary analysis completed, routing all traffic to primary.",
  }),
  memory: {
    read: (memory, known) => ({ phase: "Finalising", hold: recoverHold(memory, known) }),
    write: ({ hold }) => writeHold(hold),
  },
};

function finalise(turn: Turn, status: StatusIn<"Finalising">): Decision {
  const { primary, target, routesInForce } = turn.observation.readings;
  if (primary.readiness.kind === "stuck") return failPromotion(turn, primary.readiness.detail);
  if (lacksPods(primary) && target.available > 0) return promoteAgain(turn);
  if (primary.readiness.kind === "progressing")
    return waitForReadiness(turn, EVENTS.primaryNotReady(primary.readiness.detail));
  // Routes that are written late, after a crash for example: the time counts from when they are in force.
  const hold = countedFromRoutes(status.hold, drainDelayMs(turn.spec), routesInForce, turn.now);
  if (hold !== status.hold) return update({ ...status, hold });
  return keepWaiting(turn, hold, drainDelayMs(turn.spec)) ?? (routesInForce ? succeed(turn, false) : unchanged(turn));
}

/** The canary, which passed its checks, gets all users back. The primary takes over anew when it is ready. */
function promoteAgain(turn: Turn): Transition {
  const failedChecks = turn.status.failedChecks + 1;
  const { steps, name: plan } = turn.plan;
  const position = { step: steps.length, plan, serving: "as-planned", primaryWeight: 0, skipping: false } as const;
  const covering = enterPhase(
    turn,
    { phase: "Promoting", ...position, hold: NO_WAIT, covering: "full" },
    { failedChecks, canaryWeight: TOTAL_WEIGHT },
    primaryGone(turn),
  );
  return endByOutages(turn, failedChecks) ?? covering;
}

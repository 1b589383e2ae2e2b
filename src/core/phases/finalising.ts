/** All traffic goes to the primary. The canary is scaled down when every proxy knows the routes. */
import type { StatusIn } from "../canary.ts";
import { EVENTS } from "../events.ts";
import { ALL_TO_PRIMARY } from "../steps.ts";
import { type Decision, drainDelayMs, keepWaiting, type Turn, unchanged, update, waitForReadiness } from "../turn.ts";
import { countedFromRoutes } from "../waits.ts";
import { recoverHold, writeHold } from "./memory.ts";
import { type PhaseRules, PRESENT } from "./phase.ts";
import { failPromotion, succeed } from "./promotion-ends.ts";

export const finalising: PhaseRules<"Finalising"> = {
  name: "Finalising",
  arrows: ["Succeeded", "Failed", "Terminating"],
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
  const { primary, routesInForce } = turn.observation.readings;
  if (primary.readiness.kind === "stuck") return failPromotion(turn, primary.readiness.detail);
  if (primary.readiness.kind === "progressing")
    return waitForReadiness(turn, EVENTS.primaryNotReady(primary.readiness.detail));
  // Routes that are written late, after a crash for example: the time counts from when they are in force.
  const hold = countedFromRoutes(status.hold, drainDelayMs(turn.spec), routesInForce, turn.now);
  if (hold !== status.hold) return update({ ...status, hold });
  return keepWaiting(turn, hold, drainDelayMs(turn.spec)) ?? (routesInForce ? succeed(turn, false) : unchanged(turn));
}

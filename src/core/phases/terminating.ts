/**
 * Deletion with revertOnDeletion: first the target serves by itself again, then routes and Services are handed back.
 */
import { EVENTS } from "../texts/events.ts";
import {
  type Decision,
  endRun,
  enterPhase,
  prependEvents,
  type Turn,
  unchanged,
  waitFor,
  waitForReadiness,
} from "../turn/turn.ts";
import { type PhaseRules, PRESENT } from "./phase.ts";

export const terminating: PhaseRules<"Terminating"> = {
  name: "Terminating",
  // The deletion of an object cannot be undone: nothing leads back.
  arrows: ["Terminated"],
  running: false,
  decide: (turn) => unchanged(turn),
  routes: () => undefined,
  desired: ({ handedBack }) => ({
    target: "up",
    primary: PRESENT,
    traffic: handedBack ? "handed-back" : "untouched",
  }),
  // Flagger writes the same message as for Initializing (Q7).
  condition: (kind) => ({ status: "Unknown", message: `New ${kind} detected, starting initialization.` }),
  memory: {
    read: (memory) => ({ phase: "Terminating", handedBack: memory?.released ?? false }),
    write: ({ handedBack }) => ({ released: handedBack }),
  },
};

/**
 * Called in any phase while the Canary is being deleted.
 * @param isInRun a release is under way, and the deletion ends it
 */
export function terminate(turn: Turn, isInRun: boolean): Decision {
  const { status } = turn;
  if (status.phase !== "Terminating") {
    const entered = enterPhase(turn, { phase: "Terminating", handedBack: false }, { canaryWeight: 0, iterations: 0 });
    const leaving = prependEvents(status.phase, [EVENTS.terminating(turn)], entered);
    return isInRun ? endRun(turn, { kind: "deleted" }, leaving) : leaving;
  }
  const { target, problem } = turn.observation.readings;
  // A target that is gone has nothing to be given back to: let the Canary go.
  const serving = problem !== undefined || (target.readiness.kind === "ready" && !target.scaledDown);
  if (!serving && target.readiness.kind === "stuck") {
    return waitFor(turn, EVENTS.handBackStuck(turn, target.readiness.detail));
  }
  if (!serving && target.readiness.kind !== "ready") {
    return waitForReadiness(turn, EVENTS.canaryNotReady(target.readiness.detail));
  }
  return serving && !status.handedBack ? enterPhase(turn, { phase: "Terminating", handedBack: true }) : unchanged(turn);
}

/**
 * A run starts over: for a newer revision, or for another strategy. All traffic goes back to the primary, and no gate
 * is asked again (Q33). A run starts over at most once in an interval: revisions may change faster than they can be
 * judged, and another writer may change the revision that the status records. A restart that is put off is announced.
 * Until it comes, the canary has no traffic.
 */
import type { CanaryStatus, Restarted, Revision } from "../status/canary.ts";
import { EVENTS } from "../texts/events.ts";
import { promotionId } from "../turn/identity.ts";
import {
  type DecisionInput,
  enterPhase,
  placeOf,
  resetCounters,
  type Transition,
  type Turn,
  unchanged,
  update,
} from "../turn/turn.ts";
import { isOver, NO_WAIT, waitUntil } from "../turn/waits.ts";

const AT_STEP_0 = { phase: "Progressing", step: 0, serving: "as-planned" } as const;

/** Starts the run over, or puts the restart off. */
export function restart(turn: Turn, by: "revision" | "strategy" = "revision"): Transition {
  const why = by === "revision" ? EVENTS.restarting(turn) : EVENTS.strategyChanged(turn);
  const { revision } = turn.observation.readings.target;
  const { restarted } = turn.status;
  const due = restarted === undefined ? turn.now : restarted.at + turn.spec.analysis.intervalMs;
  if (restarted !== undefined && turn.now < due) return putOff(turn, restarted, due, revision);
  const record: Restarted = { at: turn.now, of: identityOf(turn, revision), slowed: restarted?.slowed ?? false };
  const begun = enterPhase(
    turn,
    { ...AT_STEP_0, stage: "preparing", hold: NO_WAIT },
    { ...resetCounters(revision), restarted: record },
    why,
  );
  return { ...begun, cause: { kind: "superseded", by, ...placeOf(turn) } };
}

/** The revision of the run stays recorded: when the time comes, the target is compared with it again. */
function putOff(turn: DecisionInput, restarted: Restarted, due: number, revision: Revision): Transition {
  const again = restarted.of === identityOf(turn, revision);
  const notices = restarted.slowed ? [] : [EVENTS.restartPutOff(turn, due - turn.now, again)];
  const changes = { failedChecks: 0, canaryWeight: 0, iterations: 0, restarted: { ...restarted, slowed: true } };
  return enterPhase(turn, { ...AT_STEP_0, stage: "put-off", hold: waitUntil(due) }, changes, ...notices);
}

/** @returns undefined when no restart is put off */
export function awaitRestart(turn: DecisionInput, status: CanaryStatus): Transition | undefined {
  if (status.phase !== "Progressing" || status.stage !== "put-off") return undefined;
  if (!isOver(status.hold, turn.now)) return unchanged(turn);
  return update({ ...status, stage: "preparing", hold: NO_WAIT });
}

/** Identifies a revision under one strategy. After an edit of the strategy the same revision may start over. */
function identityOf({ uid, plan }: DecisionInput, revision: Revision): string {
  return promotionId(`${uid} ${plan.name}`, revision);
}

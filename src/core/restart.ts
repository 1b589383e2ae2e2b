/**
 * A run starts over: for a newer revision, or for another strategy. All traffic goes back to the primary, and nobody is asked again
 * (Q33). What it starts over for may change faster than anything can be judged, or be recorded wrongly by somebody; so a run starts
 * over at most once in an interval, and the second time it says so. Until then the canary has no traffic.
 */
import type { CanaryStatus, Restarted, Revision } from "./canary.ts";
import { EVENTS } from "./events.ts";
import { promotionId } from "./identity.ts";
import { type AdvanceInput, become, enter, stay, type Transition, zeroed } from "./turn.ts";

const AT_STEP_0 = { phase: "Progressing", step: 0, withheld: false, prepared: false } as const;

/** @param why what is said when the run starts over now */
export function restart(turn: AdvanceInput, why = EVENTS.restarting(turn)): Transition {
  const { revision } = turn.observation.readings.target;
  const { restarted } = turn.status;
  const due = restarted === undefined ? turn.now : restarted.at + turn.spec.analysis.intervalMs;
  if (restarted !== undefined && turn.now < due) return putOff(turn, restarted, due, revision);
  const record: Restarted = { at: turn.now, of: nameOf(turn, revision), slowed: restarted?.slowed ?? false };
  return enter(turn, { ...AT_STEP_0, holdUntil: 0 }, { ...zeroed(revision), restarted: record }, why);
}

/** The revision that the run is of stays recorded: when the time comes, the target is compared with it again. */
function putOff(turn: AdvanceInput, restarted: Restarted, due: number, revision: Revision): Transition {
  const again = restarted.of === nameOf(turn, revision);
  const said = restarted.slowed ? [] : [EVENTS.restartPutOff(turn, due - turn.now, again)];
  const changes = { failedChecks: 0, canaryWeight: 0, iterations: 0, restarted: { ...restarted, slowed: true } };
  return enter(turn, { ...AT_STEP_0, holdUntil: due, putOff: true }, changes, ...said);
}

/** @returns undefined when no restart is put off */
export function awaitRestart(turn: AdvanceInput, status: CanaryStatus): Transition | undefined {
  if (status.phase !== "Progressing" || status.putOff !== true) return undefined;
  if (turn.now < status.holdUntil) return stay(turn);
  const { putOff: _over, ...rest } = status;
  return become(turn, { ...rest, holdUntil: 0 });
}

/** A revision under a strategy: an edit of the strategy starts the same revision over rightly. */
function nameOf({ uid, plan }: AdvanceInput, revision: Revision): string {
  return promotionId(`${uid} ${plan.name}`, revision);
}

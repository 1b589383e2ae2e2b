/**
 * Somebody deleted the primary, and it is made again of what there is: the target, whatever that holds (Q61, ADR 0007). What the
 * primary runs is what is promoted: else going back to the revision before would be no change, and be ignored.
 */
import { isRunning } from "./canary.ts";
import { EVENTS } from "./events.ts";
import { promotionId } from "./identity.ts";
import { type AdvanceInput, amend, type Transition } from "./turn.ts";

/** @returns the status that says so, once; undefined when the primary is what it is recorded to be */
export function admitRemade(turn: AdvanceInput): Transition | undefined {
  const { phase, promotedSpec, applied } = turn.status;
  const runs = remadeOf(turn);
  if (runs === undefined || runs === promotedSpec) return undefined;
  const said = phase === "Failed" ? EVENTS.primaryRemade(turn) : EVENTS.primaryRemadeUntested(turn);
  // A run goes on: it says whether what everybody is served with now is any good. Without one, this revision is history.
  const { revision } = turn.observation.readings.target;
  const history = isRunning(phase) || runs === applied?.spec ? {} : { applied: revision };
  return amend(turn, { promotedSpec: runs, ...history }, said);
}

/** What it is, or in this turn will be, made of, though nobody promoted that. */
function remadeOf({ uid, status, observation }: AdvanceInput): string | undefined {
  const { primary, target } = observation.readings;
  if (!primary.exists) return target.revision.spec;
  const { applied } = status;
  return applied !== undefined && primary.promotionId === promotionId(uid, applied) ? applied.spec : undefined;
}

/**
 * A deleted primary is recreated from the target, tested or not (Q61, ADR 0007). `promotedSpec` then records what the
 * primary really runs; otherwise to release the previous revision again would not be seen as a change.
 */
import { EVENTS } from "../texts/events.ts";
import { promotionId } from "../turn/identity.ts";
import { type DecisionInput, type Transition, updateCommon } from "../turn/turn.ts";

/** @returns the status that records what the primary runs, once; undefined when the status records that already */
export function recordRecreatedPrimary(turn: DecisionInput, isInRun: boolean): Transition | undefined {
  const { phase, promotedSpec, applied } = turn.status;
  const runs = recreatedFrom(turn);
  if (runs === undefined || runs === promotedSpec) return undefined;
  const notice = phase === "Failed" ? EVENTS.primaryRecreated(turn) : EVENTS.primaryRecreatedUntested(turn);
  // During a run keep `applied`, so the analysis continues and judges this revision. At rest, record it as already
  // applied.
  const { revision } = turn.observation.readings.target;
  const history = isInRun || runs === applied?.spec ? {} : { applied: revision };
  return updateCommon(turn, { promotedSpec: runs, ...history }, notice);
}

/** The spec that the primary is made of, or will be in this turn, though it was not promoted. */
function recreatedFrom({ uid, status, observation }: DecisionInput): string | undefined {
  const { primary, target } = observation.readings;
  if (!primary.exists) return target.revision.spec;
  const { applied, promotedSpec } = status;
  // At rest the answer would be what the status records already.
  if (applied === undefined || applied.spec === promotedSpec) return undefined;
  return primary.promotionId === promotionId(uid, applied) ? applied.spec : undefined;
}

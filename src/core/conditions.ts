/** The one condition of a Canary, `Promoted`, as a function of the phase. */
import type { CanaryStatus, Condition, StatusIn } from "./canary.ts";
import type { Cause } from "./cause.ts";
import { type Phase, rulesOf } from "./phases/table.ts";
import { sentenceOf } from "./words.ts";

const CONDITION_TYPE = "Promoted";

/** The present condition is kept while status and reason stay the same, and no run ended. */
export function conditionsFor(
  status: CanaryStatus,
  kind: string,
  now: number,
  cause: Cause | undefined,
): readonly Condition[] {
  if (status.phase === "") return status.conditions;
  const told = conditionIn(status, kind);
  // Flagger's message, followed by the cause: which check, which value, which limit.
  const isTold = status.phase === "Failed" && cause !== undefined;
  const wanted = isTold ? { ...told, message: `${told.message} ${sentenceOf(cause)}` } : told;
  const present = status.conditions.find(({ type }) => type === CONDITION_TYPE);
  if (present !== undefined && present.status === wanted.status && present.reason === status.phase && !isTold) {
    return status.conditions;
  }
  const time = new Date(Math.floor(now / 1000) * 1000).toISOString().replace(".000Z", "Z");
  return [
    {
      type: CONDITION_TYPE,
      ...wanted,
      reason: status.phase,
      lastUpdateTime: time,
      lastTransitionTime: present?.status === wanted.status ? present.lastTransitionTime : time,
    },
  ];
}

function conditionIn<P extends Phase>(status: StatusIn<P>, kind: string): { status: string; message: string } {
  return rulesOf<P>(status.phase).condition(kind, status);
}

/** The one condition of a Canary, `Promoted`, as a function of the phase. */

import { isRunning, rulesOf } from "../phases/table.ts";
import type { Cause } from "../run/cause.ts";
import { INVALID } from "../spec/parse.ts";
import { withCure } from "../texts/cures.ts";
import type { Reason } from "../texts/reasons.ts";
import { sentenceOf, splitText } from "../texts/words.ts";
import type { CanaryStatus, Condition } from "./canary.ts";

const CONDITION_TYPE = "Promoted";

/** The present condition is kept while status and reason stay the same, and no run ended. */
export function conditionsFor(
  status: CanaryStatus,
  kind: string,
  now: number,
  cause: Cause | undefined,
): readonly Condition[] {
  // A new Canary has no condition. The note about a spec that was refused before is removed.
  if (status.phase === "") return status.conditions.filter(({ reason }) => reason !== REFUSED);
  const plain = rulesOf(status.phase).condition(kind, status);
  // Flagger's message, followed by the cause: which check, which value, which limit.
  const addsCause = status.phase === "Failed" && cause !== undefined;
  const present = status.conditions.find(({ type }) => type === CONDITION_TYPE);
  const isSame =
    present !== undefined && present.status === plain.status && present.reason === status.phase && !addsCause;
  const text = addsCause
    ? `${plain.message} ${sentenceOf(cause)}`
    : isSame
      ? withoutNotes(present.message)
      : plain.message;
  const wanted = { ...plain, message: `${text}${heldNote(status)}${splitNote(status)}` };
  if (isSame && wanted.message === present.message) return status.conditions;
  const time = timeOf(now);
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

/** Waits that only a person can end. */
const ENDED_BY_PEOPLE: ReadonlySet<Reason> = new Set(["Suspended", "GateRefused", "TargetProblem", "Frozen"]);
const HELD = " Held: ";

/**
 * What keeps the Canary where it is, after Flagger's message: a suspension, a gate by its name, what is wrong with the
 * target.
 */
function heldNote({ announced, warned }: CanaryStatus): string {
  const isHeld = announced !== undefined && ENDED_BY_PEOPLE.has(announced.reason);
  if (isHeld && announced.reason === "Suspended")
    return `${HELD}suspended, nothing happens until spec.suspend is false.`;
  const text = isHeld ? announced.message : warned;
  return text === undefined ? "" : `${HELD}${withCure(text)}`;
}

/** The reason of a condition that was written before the first phase. */
const REFUSED = "Invalid";

/** The present conditions, with a note that says what is wrong with the spec. */
export function refusedConditions(
  conditions: readonly Condition[],
  problem: string,
  now: number,
): readonly Condition[] {
  // Other problems are about a stored status that no operator wrote. That status is left as it is.
  if (!problem.startsWith(INVALID)) return conditions;
  const present = conditions.find(({ type }) => type === CONDITION_TYPE);
  // The note may stand alone: before the first phase there is no other message.
  const message = `${withoutNotes(` ${present?.message ?? ""}`)}${HELD}${problem}`.trim();
  if (present?.message === message) return conditions;
  const time = timeOf(now);
  const { status = "Unknown", reason = REFUSED, lastTransitionTime = time } = present ?? {};
  return [{ type: CONDITION_TYPE, status, message, reason, lastUpdateTime: time, lastTransitionTime }];
}

/** Whether the conditions say that an earlier spec was refused. */
export const wasRefused = ({ conditions }: CanaryStatus): boolean =>
  conditions.some(({ message }) => message?.includes(`${HELD.trimStart()}${INVALID}`) === true);

const timeOf = (now: number): string => new Date(Math.floor(now / 1000) * 1000).toISOString().replace(".000Z", "Z");

const SPLIT = " Split: ";

function splitNote({ phase, offSplit }: CanaryStatus): string {
  return offSplit === undefined || !isRunning(phase) ? "" : `${SPLIT}${splitText(offSplit)}.`;
}

function withoutNotes(message = ""): string {
  const [at = -1] = [HELD, SPLIT]
    .map((mark) => message.indexOf(mark))
    .filter((found) => found >= 0)
    .toSorted((a, b) => a - b);
  return at === -1 ? message : message.slice(0, at);
}

/**
 * Actions of people are applied before the phase decides, one action in each turn. Aviary applies an action once, and
 * only in the situation that its author saw. Aviary refuses the action when the run, the revision or the step has
 * changed since, or when the action has expired.
 */

import { type Outcome, refused } from "../intents/intent.ts";
import { INTENTS } from "../intents/table.ts";
import type { Acted } from "../status/canary.ts";
import { EVENTS } from "../texts/events.ts";
import { type Decision, isAsk, prependEvents, type Turn } from "../turn/turn.ts";
import type { Action, ActionAnswer } from "./steering.ts";

/** @param decide what the phase decides when no action decides instead */
export function act(turn: Turn, decide: (turn: Turn) => Decision): Decision {
  const [action] = turn.actions ?? [];
  if (action === undefined) return decide(turn);
  const { acted } = turn.status;
  // The action was applied before. The operator died before it wrote the answer into the action's object.
  if (acted?.id === action.id) return answeredBy(decide(turn), action, "applied", acted.message);
  // The cache may be late: it shows this action without its answer, though later actions have been applied.
  if (acted?.earlier?.includes(action.id)) return answeredBy(decide(turn), action, "applied", "it was applied before");
  if (action.expiresAt <= turn.now) return answeredBy(decide(turn), action, "expired", "it was not applied in time");
  const outcome = outcomeOf(turn, action);
  if (outcome.kind === "refused") return answeredBy(decide(turn), action, "refused", outcome.message);
  const { decision, message } = outcome;
  if (isAsk(decision)) return decision;
  const notice = EVENTS.acted(turn, action.verb, action.by, message);
  const done = prependEvents(turn.status.phase, [notice], decision);
  const status = { ...done.status, acted: { id: action.id, message, ...earlierThan(acted) } };
  return answeredBy({ ...done, status }, action, "applied", message);
}

/** Actions expire, so the operator can meet only recent ones again. */
const MOST_REMEMBERED = 16;

function earlierThan(acted: Acted | undefined): Pick<Acted, "earlier"> {
  if (acted === undefined) return {};
  return { earlier: [acted.id, ...(acted.earlier ?? [])].slice(0, MOST_REMEMBERED) };
}

function outcomeOf(turn: Turn, action: Action): Outcome {
  const { status } = turn;
  const { run, revision, step } = action.expect;
  if (run !== undefined && run !== status.run?.id) return refused(`the run is ${status.run?.id ?? "another"} by now`);
  if (revision !== undefined && revision !== status.applied?.spec) {
    return refused(`the revision is ${status.applied?.spec ?? "another"} by now`);
  }
  const present = "step" in status ? status.step : 0;
  if (step !== undefined && step !== present) return refused(`the run is at step ${present} by now`);
  const { phases, apply } = INTENTS[action.verb];
  if (!phases.includes(status.phase)) {
    return refused(`${action.verb} is not possible in ${status.phase}, only in ${phases.join(", ")}`);
  }
  return apply(turn, action);
}

function answeredBy(decision: Decision, { id }: Action, outcome: ActionAnswer["outcome"], message: string): Decision {
  return isAsk(decision) ? decision : { ...decision, answered: [{ id, outcome, message }] };
}

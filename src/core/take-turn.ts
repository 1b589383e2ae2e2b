/**
 * The one driver of a turn: decide, ask what the decision needs, decide again. Pure: it is a generator that yields each
 * question and is sent the answer, so that the operator may await answers and a story may make them up.
 */

import { decide } from "./decide.ts";
import { settles } from "./turn/checks.ts";
import type { Answer, Answered, MetricProbe, Probe, Readings } from "./turn/observation.ts";
import { type DecisionInput, isAsk, type Transition } from "./turn/turn.ts";

/** The input that is known before any question is asked. */
export type Situation = Omit<DecisionInput, "observation"> & { readonly readings: Readings };

/** The answer that the driver is sent for a probe. */
export interface Reply {
  readonly answer: Answer;
  /** When the answer came, milliseconds since the epoch: the turn is decided at the time of the last answer. */
  readonly now: number;
}

/** A turn that was taken: the input of the decision, and the decision. */
export interface TakenTurn {
  readonly input: DecisionInput;
  readonly transition: Transition;
  /** Checks that the decision did not need, because an answer before them settled it. A record may ask them. */
  readonly unasked?: readonly MetricProbe[];
}

/** Questions are asked in order, up to the first answer that settles the matter. */
export function* takeTurn({ readings, ...rest }: Situation): Generator<Probe, TakenTurn, Reply> {
  const unanswered: DecisionInput = { ...rest, observation: { readings, answers: [] } };
  const first = decide(unanswered);
  if (!isAsk(first)) return { input: unanswered, transition: first };
  const answers: Answered[] = [];
  let { now } = rest;
  for (const probe of first.probes) {
    const reply = yield probe;
    ({ now } = reply);
    const answered = { probe, answer: reply.answer };
    answers.push(answered);
    if (settles(answered, rest.ref)) break;
  }
  const input: DecisionInput = { ...rest, now, observation: { readings, answers } };
  const transition = decide(input);
  if (isAsk(transition)) throw new Error(`the answers about ${rest.ref.name} led to more questions`);
  const unasked = first.probes.slice(answers.length).filter((probe): probe is MetricProbe => probe.kind === "metric");
  return { input, transition, ...(unasked.length === 0 ? {} : { unasked }) };
}

/** Takes a turn whose answers are known at once. */
export function takeTurnWith(situation: Situation, ask: (probe: Probe) => Answer): TakenTurn {
  const turn = takeTurn(situation);
  let at = turn.next();
  while (at.done !== true) at = turn.next({ answer: ask(at.value), now: situation.now });
  return at.value;
}

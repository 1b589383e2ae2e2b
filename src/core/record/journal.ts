/**
 * The journal of a run: every turn that changed something, so that each can be decided again. Each turn is one JSON
 * line. The line holds only what differs from the line before. Pure: the recorder writes the lines, the command line
 * and the console read them.
 */

import { decide } from "../decide.ts";
import type { Freeze } from "../people/steering.ts";
import { type Flags, recoveryFrom, servingFrom, stageFrom } from "../phases/flags.ts";
import type { CanaryStatus } from "../status/canary.ts";
import { namesFrom } from "../status/wire.ts";
import type { Situation } from "../take-turn.ts";
import type { Answer, Answered } from "../turn/observation.ts";
import { type DecisionInput, isAsk, type Transition } from "../turn/turn.ts";

/** One turn; fields that did not change are left out. */
export interface JournalLine extends Partial<Omit<Situation, "freeze">> {
  /** null: the freeze is over. */
  readonly freeze?: Freeze | null;
  /** In the order of the questions. */
  readonly answers: readonly Answer[];
  /** The status that was decided. The next line starts with it, unless that line has a `status` of its own. */
  readonly next: DecisionInput["status"];
}

/** A turn as it was, and as it would be decided now. */
export interface ReplayedTurn {
  readonly input: DecisionInput;
  /** As it was decided then. */
  readonly next: DecisionInput["status"];
  /** As this version decides; undefined when this version asks other questions. */
  readonly transition: Transition | undefined;
}

/** @throws Error when the first line names no situation */
export function replay(lines: readonly JournalLine[]): readonly ReplayedTurn[] {
  let known: Partial<Situation> = {};
  return lines.map(({ answers, next, freeze, ...changed }) => {
    const { freeze: before, ...same } = known;
    const present = freeze === undefined ? before : (freeze ?? undefined);
    const situation = { ...same, ...changed, ...(present === undefined ? {} : { freeze: present }) } as Situation;
    if (situation.spec === undefined || situation.readings === undefined || situation.status === undefined) {
      throw new Error("the journal begins in the middle of a run");
    }
    known = { ...situation, status: next };
    const { readings, ...rest } = situation;
    const others = { ...rest, status: upgraded(rest.status) };
    return {
      next: upgraded(next),
      ...decidedAgain({ ...others, observation: { readings, answers: [] } }, answers.map(read)),
    };
  });
}

/** A journal outlives the release that wrote it: flags of older releases are read as the unions of today. */
function upgraded(written: CanaryStatus & Flags): CanaryStatus {
  const { restoring, undoing, undoingTo, prepared, putOff, withheld, standsIn, ...rest } = written;
  const named = rest.names === undefined ? rest : { ...rest, names: namesFrom(rest.names) };
  const status =
    withheld === undefined ? named : ({ ...named, serving: servingFrom({ withheld, standsIn }) } as CanaryStatus);
  if (status.phase === "Failed" && restoring !== undefined) {
    return { ...status, recovery: recoveryFrom({ restoring, undoing, undoingTo }) };
  }
  if (status.phase === "Progressing" && prepared !== undefined) {
    return { ...status, stage: stageFrom({ prepared, putOff }, status.step) };
  }
  return status;
}

/** JSON has no NaN: it is written as null. */
function read(answer: Answer): Answer {
  return answer.kind === "value" && answer.value === null ? { ...answer, value: Number.NaN } : answer;
}

function decidedAgain(input: DecisionInput, answers: readonly Answer[]): Omit<ReplayedTurn, "next"> {
  const first = decide(input);
  if (!isAsk(first)) return { input, transition: first };
  const answered = first.probes.slice(0, answers.length).flatMap((probe, i): readonly Answered[] => {
    const answer = answers[i];
    return answer === undefined ? [] : [{ probe, answer }];
  });
  const asked = { ...input, observation: { ...input.observation, answers: answered } };
  try {
    const second = decide(asked);
    return { input: asked, transition: isAsk(second) ? undefined : second };
  } catch {
    // Another version asked other questions.
    return { input: asked, transition: undefined };
  }
}

/** A release turn by turn: what was known at that moment, and what was decided. */
import { useSignal } from "@preact/signals";
import type { CheckView, RunView } from "../../src/console/types.ts";
import { clock, number } from "../format.ts";

interface TurnView {
  readonly at: string;
  readonly checks: readonly CheckView[];
  readonly said: readonly string[];
  readonly people: readonly string[];
  /** As promised after the turn. */
  readonly weight: number | undefined;
  readonly step: number | undefined;
  readonly phase: string | undefined;
}

/** The record holds what each turn asked, said and obeyed: together that is the turn. */
export function turnsOf({ checks, timeline, people }: RunView): readonly TurnView[] {
  const times = [...new Set([...checks, ...timeline, ...people].map(({ at }) => at))].sort();
  return times.map((at) => {
    const said = timeline.filter((entry) => entry.at === at);
    const last = said.at(-1);
    const own = checks.filter((check) => check.at === at);
    return {
      at,
      checks: own,
      said: said.map(({ message }) => message),
      people: people.filter((one) => one.at === at).map(({ by, verb, outcome }) => `${by}: ${verb}, ${outcome}`),
      weight: last?.weight ?? own[0]?.weight,
      step: last?.step ?? own[0]?.step,
      phase: last?.phase,
    };
  });
}

export function Replay({ run }: { run: RunView }) {
  const turns = turnsOf(run);
  const at = useSignal(turns.length - 1);
  if (turns.length < 2) return null;
  const index = Math.max(0, Math.min(at.value, turns.length - 1));
  const turn = turns[index] as TurnView;
  const go = (to: number) => {
    at.value = Math.max(0, Math.min(turns.length - 1, to));
  };
  const failed = turns.slice(0, index + 1).filter(({ checks }) => checks.some((check) => !check.passed)).length;
  return (
    <section aria-labelledby="replay">
      <h2 id="replay">Replay</h2>
      <div class="replay">
        <div class="verbs">
          <button type="button" onClick={() => go(index - 1)} disabled={index === 0}>
            Back
          </button>
          <input
            type="range"
            min="0"
            max={turns.length - 1}
            value={index}
            aria-label="Turn"
            aria-valuetext={`turn ${index + 1} of ${turns.length}, ${clock(turn.at)}`}
            onInput={(event) => go(Number(event.currentTarget.value))}
          />
          <button type="button" onClick={() => go(index + 1)} disabled={index === turns.length - 1}>
            Next
          </button>
        </div>
        <p>
          <b>
            Turn {index + 1} of {turns.length}
          </b>{" "}
          at {clock(turn.at)}
          {turn.phase !== undefined && ` · ${turn.phase}`}
          {turn.step !== undefined && turn.step > 0 && ` · step ${turn.step}`}
          {turn.weight !== undefined && ` · ${turn.weight} % to the canary`}
          {failed > 0 && ` · ${failed} of ${run.threshold} turns with a failed check so far`}
        </p>
        <div class="two">
          <div>
            <h3>What was known</h3>
            {turn.checks.length === 0 && turn.people.length === 0 ? (
              <p class="dim">No check was asked in this turn.</p>
            ) : (
              <ul>
                {turn.checks.map((check) => (
                  <li key={`${check.check} ${check.of}`} class={check.passed ? "pass" : "fail"}>
                    <span aria-hidden="true">{check.passed ? "✓" : "✕"}</span> {check.check} of the {check.of}:{" "}
                    {check.value === undefined ? (check.detail ?? "no value") : number(check.value)}{" "}
                    {check.passed ? "passed" : "failed"}
                  </li>
                ))}
                {turn.people.map((text) => (
                  <li key={text}>{text}</li>
                ))}
              </ul>
            )}
          </div>
          <div>
            <h3>What was decided</h3>
            {turn.said.length === 0 ? (
              <p class="dim">To stay as it is.</p>
            ) : (
              <ul>
                {turn.said.map((text) => (
                  <li key={text}>{text}</li>
                ))}
              </ul>
            )}
          </div>
        </div>
      </div>
    </section>
  );
}

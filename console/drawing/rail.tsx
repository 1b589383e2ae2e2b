/** Every step of the plan: done, present with its countdown, to come. */
import type { StepView } from "../../src/console/types.ts";
import { now } from "../parts.tsx";

interface RailProps {
  readonly steps: readonly StepView[];
  /** Steps entered; 0 before the first. */
  readonly step: number;
  /** running: the step is under way. failed: the run ended on it. promoted: all are done. idle: nothing is released. */
  readonly state: "running" | "failed" | "promoted" | "idle";
  /** When the present step is judged, milliseconds since the epoch. */
  readonly judgedAt?: number | undefined;
  readonly intervalMs?: number;
}

type Place = "done" | "here" | "failed" | "todo";

const SIGNS: Readonly<Record<Place, string>> = { done: "✓", here: "▶", failed: "✕", todo: "" };
const WORDS: Readonly<Record<Place, string>> = {
  done: "done",
  here: "now",
  failed: "rolled back here",
  todo: "to come",
};

export function Rail({ steps, step, state, judgedAt, intervalMs = 0 }: RailProps) {
  const placeOf = (number: number): Place => {
    if (state === "idle") return "todo";
    if (state === "promoted" || number < step) return "done";
    if (number > step) return "todo";
    return state === "failed" ? "failed" : "here";
  };
  const promotion = step > steps.length ? placeOf(step) : state === "promoted" ? "done" : "todo";
  return (
    <ol class="rail" aria-label="Steps of the release">
      {steps.map(({ weight, gates, mirror }, index) => {
        const place = placeOf(index + 1);
        return (
          <li class={place} aria-current={place === "here" ? "step" : undefined} key={index}>
            <b>
              {SIGNS[place] !== "" && <span aria-hidden="true">{SIGNS[place]} </span>}
              {mirror ? "mirror" : `${weight} %`}
            </b>
            <span class={place === "failed" || place === "here" ? "word" : "sr"}>{WORDS[place]}</span>
            {place === "here" && <Countdown judgedAt={judgedAt} intervalMs={intervalMs} />}
            {gates.length > 0 && (
              <span class="gate" title={`gates of this step: ${gates.join(", ")}`}>
                <span aria-hidden="true">◈</span> gate
              </span>
            )}
          </li>
        );
      })}
      <li class={promotion} aria-current={promotion === "here" ? "step" : undefined}>
        <b>
          {SIGNS[promotion] !== "" && <span aria-hidden="true">{SIGNS[promotion]} </span>}
          promote
        </b>
        <span class={promotion === "failed" || promotion === "here" ? "word" : "sr"}>{WORDS[promotion]}</span>
      </li>
    </ol>
  );
}

/** The wall clock of the browser may be wrong by hours: a countdown beyond one interval says nothing. */
function Countdown({ judgedAt, intervalMs }: { judgedAt: number | undefined; intervalMs: number }) {
  if (judgedAt === undefined) return null;
  const left = judgedAt - now.value;
  if (left <= 0 || left > intervalMs * 2) return null;
  const percent = intervalMs === 0 ? 0 : Math.max(0, Math.min(100, 100 - (left / intervalMs) * 100));
  return (
    <span class="countdown">
      check in {Math.ceil(left / 1000)} s
      <svg viewBox="0 0 100 3" preserveAspectRatio="none" aria-hidden="true">
        <rect class="rest" width="100" height="3" />
        <rect class="gone" width={percent} height="3" />
      </svg>
    </span>
  );
}

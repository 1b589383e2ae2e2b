/** The small parts that several pages draw. State is never colour alone: a sign and a word say it, too. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { CanaryRow, CheckView, StepView } from "../src/console/types.ts";
import { go, href, type Refused } from "./api.ts";
import { number } from "./format.ts";

/** Ticks once a second for times like "in 43 s". */
export const now = signal(Date.now());
setInterval(() => {
  now.value = Date.now();
}, 1000);

export function Link({ to, children, class: name }: { to: string; children: ComponentChildren; class?: string }) {
  return (
    <a
      href={href(to)}
      class={name}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
        event.preventDefault();
        go(to);
      }}
    >
      {children}
    </a>
  );
}

const SIGNS: Readonly<Record<string, readonly [sign: string, tone: string]>> = {
  Succeeded: ["✓", "good"],
  Initialized: ["✓", "good"],
  Failed: ["✕", "bad"],
  Progressing: ["▶", "busy"],
  Promoting: ["▲", "busy"],
  Finalising: ["▲", "busy"],
  Waiting: ["Ⅱ", "wait"],
  WaitingPromotion: ["Ⅱ", "wait"],
  Initializing: ["…", "busy"],
  Terminating: ["…", "quiet"],
  promoted: ["✓", "good"],
  "rolled-back": ["✕", "bad"],
  running: ["▶", "busy"],
  superseded: ["↷", "quiet"],
  reverted: ["↶", "quiet"],
  deleted: ["–", "quiet"],
};

export function State({ phase, paused }: { phase: string; paused?: boolean }) {
  const [sign, tone] = paused ? ["Ⅱ", "wait"] : (SIGNS[phase] ?? ["?", "quiet"]);
  return (
    <span class={`state ${tone}`}>
      <span aria-hidden="true">{sign}</span> {paused ? `${phase}, paused` : phase || "new"}
    </span>
  );
}

export function Split({ weight, label }: { weight: number; label: string }) {
  return (
    <div class="split" role="img" aria-label={`${label}: ${weight} % canary, ${100 - weight} % primary`}>
      <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
        <rect class="primary" width="100" height="8" />
        <rect class="canary" width={weight} height="8" />
      </svg>
      <span class="figures">
        <span>
          <b>{weight} %</b> canary
        </span>
        <span class="dim">{100 - weight} % primary</span>
      </span>
    </div>
  );
}

/** Every step of the plan: done, present, to come. */
export function Rail({ steps, step, running }: { steps: readonly StepView[]; step: number; running: boolean }) {
  return (
    <ol class="rail" aria-label="Steps of the release">
      {steps.map(({ weight, gates, mirror }, index) => {
        const place = !running ? "todo" : index + 1 < step ? "done" : index + 1 === step ? "here" : "todo";
        return (
          <li class={place} aria-current={place === "here" ? "step" : undefined} key={index}>
            <b>{mirror ? "mirror" : `${weight} %`}</b>
            {gates.length > 0 && (
              <span class="gate" title={`gates before this step: ${gates.join(", ")}`}>
                <span aria-hidden="true">◈</span> gate
              </span>
            )}
          </li>
        );
      })}
      <li class={running && step > steps.length ? "here" : "todo"}>
        <b>promote</b>
      </li>
    </ol>
  );
}

export function Trouble({ problem, again }: { problem: Refused; again?: () => void }) {
  const title =
    problem.status === 401
      ? "Sign in"
      : problem.status === 403
        ? "Not allowed"
        : problem.status === 404
          ? "Not found"
          : "This did not work";
  return (
    <div class="notice bad" role="alert">
      <h1>{title}</h1>
      <p>{problem.message}</p>
      {problem.status === 401 && (
        <p>
          Start <code>aviary console</code> on this machine and open the link that it prints. The link works once.
        </p>
      )}
      {again !== undefined && problem.status !== 401 && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="notice">
      <h1>{title}</h1>
      {children}
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <p class="loading" role="status">
      Reading {what} …
    </p>
  );
}

export const canaryPath = ({ namespace, name }: Pick<CanaryRow, "namespace" | "name">): string =>
  `/canaries/${namespace}/${name}`;

const limitText = ({ min, max }: Pick<CheckView, "min" | "max">): string =>
  [min === undefined ? "" : `≥ ${number(min)}`, max === undefined ? "" : `≤ ${number(max)}`]
    .filter(Boolean)
    .join(" and ");

/** Checks in rows, looks in columns: what passed, what failed, and by how much. */
export function Matrix({ checks }: { checks: readonly CheckView[] }) {
  const names = [...new Set(checks.map(({ check }) => check))];
  const looks = [...new Set(checks.map(({ at }) => at))].sort().slice(-40);
  if (names.length === 0) return <p class="dim">No check has been recorded yet.</p>;
  return (
    // The table is wider than a phone: it scrolls by itself, also by keyboard.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section class="scroll" tabIndex={0} aria-label="Checks of this run">
      <table class="matrix">
        <caption class="sr">Each column is one look at the metrics, with the weight at that time.</caption>
        <thead>
          <tr>
            <th scope="col">Check</th>
            <th scope="col">Limit</th>
            {looks.map((at) => (
              <th scope="col" key={at} title={at}>
                {checks.find((check) => check.at === at)?.weight} %
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {names.map((name) => {
            const own = checks.filter(({ check }) => check === name);
            return (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td class="dim">{own[0] === undefined ? "" : limitText(own[0])}</td>
                {looks.map((at) => {
                  const cell = own.find((check) => check.at === at);
                  if (cell === undefined) return <td key={at} class="none" />;
                  const size = cell.requests === undefined ? "" : `, ${number(cell.requests)} requests`;
                  const title = `${cell.at}, step ${cell.step}, of the ${cell.of}${size}${cell.detail ? `: ${cell.detail}` : ""}`;
                  return (
                    <td key={at} class={cell.passed ? "pass" : "fail"} title={title}>
                      <span aria-hidden="true">{cell.passed ? "✓" : "✕"}</span>
                      <span class="sr">{cell.passed ? "passed" : "failed"}</span>{" "}
                      {cell.value === undefined ? "" : number(cell.value)}
                    </td>
                  );
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

const WIDTH = 320;
const HEIGHT = 80;

/** One check over time, with its limit as a line. The table above holds the same numbers. */
export function Chart({ name, checks }: { name: string; checks: readonly CheckView[] }) {
  const points = checks.filter((check) => check.check === name && check.value !== undefined);
  if (points.length < 2) return null;
  const limits = [points[0]?.min, points[0]?.max].filter((limit): limit is number => limit !== undefined);
  const values = [...points.map(({ value = 0 }) => value), ...limits];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const span = high - low || 1;
  const times = points.map(({ at }) => Date.parse(at));
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const x = (at: string) => ((Date.parse(at) - from) / (to - from || 1)) * (WIDTH - 8) + 4;
  const y = (value: number) => HEIGHT - 8 - ((value - low) / span) * (HEIGHT - 16);
  const path = points
    .map(({ at, value = 0 }, index) => `${index === 0 ? "M" : "L"}${x(at).toFixed(1)},${y(value).toFixed(1)}`)
    .join("");
  const failed = points.filter(({ passed }) => !passed).length;
  return (
    <figure class="chart">
      <figcaption>
        {name}{" "}
        <span class="dim">
          {points.length} values from {number(Math.min(...points.map(({ value = 0 }) => value)))} to{" "}
          {number(Math.max(...points.map(({ value = 0 }) => value)))}, {failed} failed
        </span>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`${name}: ${points.length} values, ${failed} failed`}
      >
        {limits.map((limit) => (
          <line key={limit} class="limit" x1="0" x2={WIDTH} y1={y(limit)} y2={y(limit)} />
        ))}
        <path d={path} />
        {points.map((point) => (
          <circle
            key={point.at}
            class={point.passed ? "pass" : "fail"}
            cx={x(point.at)}
            cy={y(point.value ?? 0)}
            r="3"
          />
        ))}
      </svg>
    </figure>
  );
}

/**
 * A Canary as a tree: steps with the present one, checks against their limits, pods with reasons, gates, last events
 * and runs.
 */
import type { Freeze } from "../../core/people/steering.ts";
import { formatDuration } from "../../go/duration.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import type { Paint } from "../colour.ts";
import { humanAge } from "../columns.ts";
import { type Facts, gatesOf, RUNNING } from "./facts.ts";
import { heldText } from "./frozen.ts";
import { limitText } from "./limits.ts";
import { type Copy, podText, timeOf } from "./seen.ts";

export interface Scene {
  readonly facts: Facts;
  readonly copies: { readonly canary: Copy | undefined; readonly primary: Copy | undefined };
  /** Oldest first. */
  readonly events: readonly KubeObject[];
  /** Newest first. */
  readonly runs: readonly KubeObject[];
  /** Holds the run that is under way. */
  readonly heldBy?: Freeze | undefined;
  readonly now: number;
}

const EVENTS_SHOWN = 6;
const RUNS_SHOWN = 5;
const BAR_WIDTH = 30;

export function treeOf(scene: Scene, paint: Paint): string {
  const { facts } = scene;
  const head = `${paint.bold(`${facts.name}.${facts.namespace}`)}  ${paint.states(facts.phase || "-")}  ${facts.what}`;
  const branches = [
    ...traffic(facts, paint),
    branch("steps", rail(scene, paint)),
    branch("checks", checks(scene, paint)),
    branch("gates", gates(facts)),
    branch("freeze", held(scene, paint)),
    branch("primary", copy(scene.copies.primary, paint)),
    branch("canary", copy(scene.copies.canary, paint)),
    branch(
      "events",
      scene.events.slice(-EVENTS_SHOWN).map((event) => eventText(event, scene.now, paint)),
    ),
    branch(
      "last runs",
      scene.runs.slice(0, RUNS_SHOWN).map((run) => runText(run, scene.now, paint)),
    ),
  ].filter((one) => one.lines.length > 0);
  const lines = branches.flatMap(({ title, lines: below }, i) => {
    const isLast = i === branches.length - 1;
    const own = `${isLast ? "└─" : "├─"} ${paint.bold(title)}`;
    return [own, ...below.map((line) => `${isLast ? "  " : "│ "}   ${line}`)];
  });
  return `${[head, ...lines].join("\n")}\n`;
}

interface Branch {
  readonly title: string;
  readonly lines: readonly string[];
}

const branch = (title: string, lines: readonly string[]): Branch => ({ title, lines });

function traffic({ phase, weight }: Facts, paint: Paint): readonly Branch[] {
  if (!RUNNING.includes(phase)) return [];
  const filled = Math.round((weight / 100) * BAR_WIDTH);
  const bar = `${"█".repeat(BAR_WIDTH - filled)}${paint.warn("░".repeat(filled))}`;
  return [branch("traffic", [`primary ${100 - weight} % ${bar} ${weight} % canary`])];
}

/** Signs and words say the state: colour is never alone. */
function rail({ facts, runs: [last] }: Scene, paint: Paint): readonly string[] {
  const { plan, phase, spec } = facts;
  if (plan === undefined || plan.steps.length === 0) return [];
  const isAnalysed = facts.step > 0 && RUNNING.includes(phase);
  const verdict = last?.status?.verdict;
  // After the analysis only the record tells how far it came.
  const step: number = isAnalysed ? facts.step : verdict === SHOWN_END[phase] ? (last?.status?.step ?? 0) : 0;
  // Gates of types for which the Canary has a webhook: the others are open.
  const named = (types: readonly string[]) => {
    const hooks = (spec?.analysis.webhooks ?? []).filter(({ type }) => types.includes(type));
    return hooks.length === 0 ? "" : `  after ${hooks.map(({ name }) => name).join(", ")}`;
  };
  const rows = plan.steps.map((one, i) => {
    const place = `${String(i + 1).padStart(2)}  ${one.routes.mirror ? "mirror" : `${one.routes.canary} %`}`;
    if (i + 1 > step) return `· ${place}${named(one.gates)}`;
    if (i + 1 === step && phase === "Failed") return paint.bad(`✗ ${place}  rolled back here`);
    if (i + 1 < step || !isAnalysed) return paint.dim(`✓ ${place}`);
    const held = spec === undefined ? "" : `, each step is held for ${formatDuration(spec.analysis.intervalMs)}`;
    return paint.bold(`▶ ${place}  now${held}`);
  });
  const sign = phase === "Promoting" || phase === "Finalising" ? "▶" : phase === "Succeeded" ? "✓" : "·";
  return [...shortened(rows, step), `${sign}     promotion${named(plan.promotionGates)}`];
}

/** The verdict of the run that a phase shows, which is over or no longer analysed. */
const SHOWN_END: Readonly<Record<string, string>> = {
  ...{ Promoting: "running", Finalising: "running" },
  ...{ Succeeded: "promoted", Failed: "rolled-back" },
};

const ROWS_SHOWN = 12;

/** Of a long plan, the steps around the present one. */
function shortened(rows: readonly string[], step: number): readonly string[] {
  if (rows.length <= ROWS_SHOWN) return rows;
  const from = Math.max(0, Math.min(step - 4, rows.length - ROWS_SHOWN));
  const shown = rows.slice(from, from + ROWS_SHOWN);
  const more = rows.length - from - shown.length;
  return [...(from > 0 ? [`  … ${from} before`] : []), ...shown, ...(more > 0 ? [`  … ${more} after`] : [])];
}

function checks({ facts, runs, events }: Scene, paint: Paint): readonly string[] {
  const { spec, failedChecks, threshold } = facts;
  if (spec === undefined) return [];
  const [run] = runs;
  const measured: readonly KubeObject[] = run?.status?.verdict === "running" ? (run.status.checks ?? []) : [];
  const rows = spec.analysis.metrics.map(({ name, interval, thresholdRange = {} }) => {
    const limits = limitText(thresholdRange, " and ");
    const last = measured.findLast((one) => one["check"] === name);
    const value = last === undefined ? "" : `  ${checkValue(last, paint)}`;
    return `${name}  ${limits || "any value"} over ${interval}${value}`;
  });
  const halts = events.filter((event) => /^Halt |^Metric query failed/.test(String(event["message"])));
  const last = halts.at(-1);
  const isNow = RUNNING.includes(facts.phase) && failedChecks > 0;
  return [
    ...rows,
    ...(isNow && last !== undefined ? [paint.bad(String(last["message"]).trim())] : []),
    ...(isNow ? [`${failedChecks} of ${threshold} failed checks; ${threshold} roll the release back`] : []),
  ];
}

function checkValue(check: KubeObject, paint: Paint): string {
  const passed = check["passed"] === true;
  const value = check["value"] ?? check["text"] ?? check["detail"] ?? "no value";
  return (passed ? paint.good : paint.bad)(`${passed ? "✓ pass" : "✗ fail"} ${value}`);
}

function gates(facts: Facts): readonly string[] {
  const { name, namespace, phase } = facts;
  if (phase !== "Waiting" && phase !== "WaitingPromotion") return [];
  return gatesOf(facts).map((gate) => `${gate} is closed: aviary approve canary/${name} -n ${namespace} ${gate}`);
}

function held({ facts: { name, namespace }, heldBy }: Scene, paint: Paint): readonly string[] {
  if (heldBy === undefined) return [];
  return [
    paint.warn(heldText(heldBy)),
    `aviary override canary/${name} -n ${namespace} --reason WHY lets this release go on`,
  ];
}

function copy(one: Copy | undefined, paint: Paint): readonly string[] {
  if (one === undefined) return [];
  const image = one.images.join(", ");
  if (one.pods.length === 0) return [`${image}  no pods`];
  return [image, ...one.pods.map((pod) => paint.states(podText(pod)))];
}

export function eventText(event: KubeObject, now: number, paint: Paint): string {
  const text = `${humanAge(now - timeOf(event)).padStart(6)}  ${String(event["message"]).trim()}`;
  return event["type"] === "Warning" ? paint.warn(text) : text;
}

export function runText({ metadata, spec, status }: KubeObject, now: number, paint: Paint): string {
  const age = humanAge(now - (Date.parse(spec?.startedAt ?? "") || now));
  return `${metadata.name}  ${age} ago  ${paint.states(String(status?.sentence ?? status?.verdict ?? ""))}`;
}

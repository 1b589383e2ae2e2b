/** A plan in words and rows, for people who have not read how Canaries work. */

import type { Announcement, Plan, Step } from "../core/plan/plan.ts";
import type {
  Analysis,
  CanarySpec,
  HookType,
  JsonObject,
  Metric,
  MetricSourceKind,
  Webhook,
} from "../core/spec/spec.ts";
import { limitsOf } from "../core/turn/checks.ts";
import { hooksOf, REQUEST_DURATION, SUCCESS_RATE } from "../core/turn/probes.ts";
import { formatDuration } from "../go/duration.ts";
import { formatFloat } from "../go/format.ts";
import { SPEC_RULES, targetOf as workloadOf } from "./adapters.ts";
import { alignColumns } from "./columns.ts";

/** @param name "podinfo.test"; @param notes printed first */
export function planText(name: string, spec: CanarySpec, plan: Plan, notes: readonly string[] = []): string {
  const blocks = [
    [`${name}: ${plan.strategy} release of ${targetOf(spec)} on ${spec.provider}`],
    [...notes, ...plan.warnings].map((note) => `note: ${note}`),
    beginning(spec),
    ...(spec.skipAnalysis ? [unjudged(spec)] : judged(spec, plan)),
  ];
  const indented = blocks.map((lines, i) =>
    lines
      .flatMap(wrapped)
      .map((line) => (i === 0 ? line : `  ${line}`))
      .join("\n"),
  );
  return `${indented.filter((block) => block !== "").join("\n\n")}\n`;
}

/** When no mesh splits the traffic, a Service that is the target is the one that users call. */
export function isMetAtOnce(spec: CanarySpec): boolean {
  return !SPEC_RULES.shiftsWeights(spec.provider) && workloadOf(spec)?.isService === true;
}

/** With the indentation, a terminal of 80 columns. */
const COLUMNS = 78;

/** A sentence in lines that fit a terminal; rows of a table stay as they are. */
function wrapped(line: string): readonly string[] {
  if (line.length <= COLUMNS || line.includes("  ")) return [line];
  const cut = line.lastIndexOf(" ", COLUMNS);
  return cut <= 0 ? [line] : [line.slice(0, cut), ...wrapped(line.slice(cut + 1))];
}

const targetOf = ({ targetRef }: CanarySpec): string => `${targetRef.kind} ${targetRef.name}`;

function beginning(spec: CanarySpec): readonly string[] {
  const cause = workloadOf(spec)?.beginning ?? "changes";
  const approval = namesOf(spec, "confirm-rollout");
  return [
    `It begins when ${targetOf(spec)} ${cause}${approval === "" ? "" : `, and ${approval} approves`}.`,
    ...(spec.suspend ? ["It is suspended: nothing happens until spec.suspend is false."] : []),
  ];
}

function unjudged(spec: CanarySpec): readonly string[] {
  return [
    "Analysis is skipped: the new revision is promoted as soon as its pods are ready, without any check.",
    ...after(spec),
  ];
}

function judged(spec: CanarySpec, plan: Plan): readonly (readonly string[])[] {
  const { intervalMs, stepWeightPromotion } = spec.analysis;
  const asked = (types: readonly HookType[]) => types.flatMap((type) => naming(hooksOf(spec, type), type)).join(", ");
  const rows = plan.steps.map((step, i) => {
    const gates = asked(i === 0 ? ["pre-rollout", ...step.gates] : step.gates);
    return [formatDuration(i * intervalMs), stepName(step.announcement), ...shares(spec, step), gates || "-"].join(
      "\t",
    );
  });
  const last = plan.steps.at(-1);
  const promotion = ["promotion", ...(last === undefined ? [] : shares(spec, last)), asked(plan.promotionGates) || "-"];
  const table = alignColumns([
    "AFTER\tSTEP\tPRIMARY\tCANARY\tASKED BEFORE",
    ...rows,
    [formatDuration(plan.steps.length * intervalMs), ...promotion].join("\t"),
  ]);
  return [
    table.split("\n"),
    legend(spec, plan),
    checks(spec),
    promoting(plan, intervalMs, stepWeightPromotion),
    [...bad(spec), ...after(spec)],
  ];
}

function stepName(announcement: Announcement): string {
  switch (announcement.kind) {
    case "weight":
      return announcement.weight === 0 ? "mirror" : `weight ${announcement.weight}`;
    case "iteration":
      return `iteration ${announcement.iteration}/${announcement.total}`;
    case "switch":
      return "switch";
    case "silent":
      return "last check";
  }
}

/** Who is served by whom. In an A/B test weights say nothing: those who match meet the canary, all others do not. */
function shares(spec: CanarySpec, { routes, announcement }: Step): readonly [primary: string, canary: string] {
  if (spec.strategy === "ab-testing" && announcement.kind === "iteration" && routes.canary > 0) {
    return ["all others", "who matches"];
  }
  return [`${routes.primary} %`, routes.mirror ? "copies" : `${routes.canary} %`];
}

/** What the words of the table mean, as far as they occur in it. */
function legend(spec: CanarySpec, { steps }: Plan): readonly string[] {
  const { match, mirrorWeight, sessionAffinity, intervalMs, interval } = spec.analysis;
  const copied = mirrorWeight > 0 ? `${mirrorWeight} % of the requests reach` : "each request reaches";
  return [
    "Times count from when the pods of the canary are ready.",
    ...(steps.some((step) => shares(spec, step)[1] === "who matches")
      ? [`Who matches: ${match.map(matchText).join(", or ")}.`]
      : []),
    ...(steps.some(({ routes }) => routes.mirror)
      ? [`Copies: ${copied} the canary, too, whose answers are thrown away.`]
      : []),
    ...(!isMetAtOnce(spec) && steps.every(({ routes }) => routes.canary === 0 && !routes.mirror)
      ? [
          `No user meets the canary: have tests call the Service ${spec.service.name}-canary, e.g. by a rollout webhook.`,
        ]
      : []),
    ...(sessionAffinity === undefined
      ? []
      : [
          `Users who met the canary stay with it: cookie ${sessionAffinity.cookieName}, ` +
            `for ${formatDuration(sessionAffinity.maxAge * 1000)}.`,
        ]),
    ...(intervalMs === 10_000 && interval !== "10s" ? [`The interval "${interval}" is raised to the least, 10s.`] : []),
  ];
}

/** "header x-canary exact insider and query v exact 2" */
function matchText(match: JsonObject): string {
  const named = (field: string, word: string) =>
    Object.entries((match[field] ?? {}) as JsonObject).map(([name, how]) => {
      const [[way, value] = ["is", how]] = typeof how === "object" && how !== null ? Object.entries(how) : [];
      return `${word} ${name} ${way} ${String(value)}`;
    });
  return [
    ...named("headers", "header"),
    ...named("queryParams", "query parameter"),
    ...named("sourceLabels", "label"),
  ].join(" and ");
}

function checks(spec: CanarySpec): readonly string[] {
  const { intervalMs, metrics } = spec.analysis;
  const hooks = hooksOf(spec, "rollout").map(({ name }) => `  webhook ${name}\tmust answer 200, 201 or 202`);
  const rows = [...hooks, ...metrics.map(metricRow)];
  if (rows.length === 0)
    return [`Each step is held for ${formatDuration(intervalMs)}. Nothing is checked: pods that are ready pass.`];
  return [`Each step is held for ${formatDuration(intervalMs)}, then checked:`, ...alignColumns(rows).split("\n")];
}

function metricRow(metric: Metric): string {
  const source: MetricSourceKind =
    metric.name === SUCCESS_RATE ? "success-rate" : metric.name === REQUEST_DURATION ? "duration" : "query";
  const { min, max } = limitsOf(metric, source);
  const unit = source === "success-rate" ? " %" : source === "duration" ? " ms" : "";
  const limits = [
    ...(min === undefined ? [] : [`at least ${formatFloat(min)}${unit}`]),
    ...(max === undefined ? [] : [`at most ${formatFloat(max)}${unit}`]),
  ].join(" and ");
  const { templateRef } = metric;
  const from = templateRef === undefined ? "" : `, template ${templateRef.name}.${templateRef.namespace}`;
  return `  ${metric.name}\t${limits || "any value"} over ${metric.interval}${from}`;
}

function promoting({ promotionWeights }: Plan, intervalMs: number, step: number): readonly string[] {
  const shift =
    promotionWeights.length === 0
      ? "it serves all users, as before"
      : step <= 0 || promotionWeights.length === 1
        ? "all traffic goes to it at once"
        : `traffic goes to it by ${promotionWeights.map((weight) => `${weight} %`).join(", ")}, every ${formatDuration(intervalMs)}`;
  return [`Promotion: the primary gets the new revision; when its pods are ready, ${shift}, and the canary goes.`];
}

function bad(spec: CanarySpec): readonly string[] {
  const { intervalMs, threshold }: Analysis = spec.analysis;
  const failures = threshold === 1 ? "1 failed check rolls" : `${threshold} failed checks roll`;
  const soonest = formatDuration(threshold * intervalMs);
  const byHand = namesOf(spec, "rollback");
  return [
    `${failures} the release back (${soonest} when every check fails), as does a canary that is not ready within ` +
      `${formatDuration(spec.progressDeadlineSeconds * 1000)}.`,
    ...(byHand === "" ? [] : [`${byHand} can roll it back at any check, by answering 200.`]),
  ];
}

function after(spec: CanarySpec): readonly string[] {
  const hooks = namesOf(spec, "post-rollout");
  return hooks === "" ? [] : [`After the end, good or bad, ${hooks} is called.`];
}

const naming = (hooks: readonly Webhook[], type: HookType): readonly string[] =>
  hooks.map(({ name }) => `${name} (${type})`);

const namesOf = (spec: CanarySpec, type: HookType): string => naming(hooksOf(spec, type), type).join(" and ");

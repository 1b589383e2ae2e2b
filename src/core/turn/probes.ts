/**
 * The questions of each decision, in the order in which they are asked. The order is contract. When to ask is decided
 * where the answers are used (phases/).
 */
import { parseWindow } from "../../go/promql-window.ts";
import type { Plan } from "../plan/plan.ts";
import type { CanarySpec, HookType, Metric, MetricSourceKind, Webhook } from "../spec/spec.ts";
import type { Analysing, CanaryStatus, StatusIn } from "../status/canary.ts";
import type { MetricProbe, Probe } from "./observation.ts";

/** The built-in metric of requests that succeed, in percent. */
export const SUCCESS_RATE = "request-success-rate";
/** The built-in metric of how long requests take, in milliseconds. */
export const REQUEST_DURATION = "request-duration";
/** The metrics whose queries Aviary has for every provider. */
export const BUILT_IN_METRICS: readonly string[] = [SUCCESS_RATE, REQUEST_DURATION];

/**
 * The phase in the payload of the hooks of an analysis, also in WaitingPromotion; rollback hooks get the real phase.
 */
const RUNNING = "Progressing";

/**
 * At the end of a step: rollback hooks, the checks of the step (before the first one: its preparations), then the
 * gates.
 */
export function analysisProbes(spec: CanarySpec, plan: Plan, status: Analysing): readonly Probe[] {
  // A run that is held does not advance, so its gates are not asked.
  const isApproved = (probe: Probe) => probe.kind === "hook" && isApprovedGate(status, probe.type, probe.hook.name);
  const gates = status.paused !== undefined ? [] : (plan.steps[status.step]?.gates ?? plan.promotionGates);
  return [
    ...hookProbes(spec, "rollback", status.phase),
    ...(status.step > 0
      ? [...hookProbes(spec, "rollout", RUNNING), ...metricProbes(spec)]
      : preparations(spec, status)),
    ...gates
      // While waiting for the promotion the traffic does not increase any more.
      .filter((gate) => !(gate === "confirm-traffic-increase" && status.phase === "WaitingPromotion"))
      .flatMap((gate) => hookProbes(spec, gate, RUNNING))
      .filter((probe) => !isApproved(probe)),
  ];
}

function preparations(spec: CanarySpec, status: CanaryStatus): readonly Probe[] {
  return status.phase === "Progressing" && status.stage !== "prepared" ? hookProbes(spec, "pre-rollout", RUNNING) : [];
}

/** A person approved this gate for the step that the run stands on. */
export function isApprovedGate(status: CanaryStatus, type: HookType, name: string): boolean {
  const step = "step" in status ? status.step : 0;
  return status.approved?.step === step && status.approved.hooks.includes(`${type} ${name}`);
}

/** The webhooks of one type, in the order of the spec. */
export function hooksOf(spec: CanarySpec, type: HookType): readonly Webhook[] {
  return spec.analysis.webhooks.filter((hook) => hook.type === type);
}

/** The probes for the webhooks of one type. @param phase the phase in their payload */
export function hookProbes(spec: CanarySpec, type: HookType, phase: string): readonly Probe[] {
  return hooksOf(spec, type).map((hook) => ({ kind: "hook", hook, type, phase }));
}

/** Built-in and inline checks of every metric first, then those by template: the order is contract. */
export function metricProbes(spec: CanarySpec): readonly MetricProbe[] {
  const all = spec.analysis.metrics;
  const ask = (metric: Metric, source: MetricSourceKind): MetricProbe => ({
    kind: "metric",
    metric,
    source,
    of: "canary",
  });
  return [
    ...all.flatMap((metric) => directSources(metric).map((source) => ask(metric, source))),
    ...all.flatMap((metric) => {
      if (metric.templateRef !== undefined) return [ask(metric, "template")];
      return directSources(metric).length === 0 ? [ask(metric, "nothing")] : [];
    }),
  ];
}

function directSources(metric: Metric): readonly MetricSourceKind[] {
  return [...builtIn(metric), ...(metric.query ? (["query"] as const) : [])];
}

function builtIn({ name }: Metric): readonly MetricSourceKind[] {
  if (name === SUCCESS_RATE) return ["success-rate"];
  return name === REQUEST_DURATION ? ["duration"] : [];
}

/**
 * The primary is judged by the built-in checks alone, because other queries name the canary. Requests older than the
 * primary's present weight were answered by the previous revision, so longer metric windows are cut to the time since
 * the shift.
 */
export function primaryProbes(spec: CanarySpec, status: StatusIn<"Promoting">, now: number): readonly Probe[] {
  const measured = measuredMs(spec, status, now);
  return spec.analysis.metrics
    .filter(({ interval }) => Number.isFinite(windowMs(interval)))
    .map((metric) => (windowMs(metric.interval) <= measured ? metric : { ...metric, interval: windowOf(measured) }))
    .flatMap((metric) => builtIn(metric).map((source): Probe => ({ kind: "metric", metric, source, of: "primary" })));
}

/**
 * How long the primary has had its present weight, in milliseconds. Where that was pruned: one interval, which is
 * certain.
 */
function measuredMs({ analysis }: CanarySpec, { shiftedAt }: StatusIn<"Promoting">, now: number): number {
  return shiftedAt === undefined ? analysis.intervalMs : now - shiftedAt;
}

/** Whether values that are missing so far may still come. */
export function isMeasuredShort(spec: CanarySpec, status: StatusIn<"Promoting">, name: string, now: number): boolean {
  if (status.shiftedAt === undefined) return false;
  const window = spec.analysis.metrics.find((metric) => metric.name === name)?.interval ?? "";
  return windowMs(window) > measuredMs(spec, status, now);
}

/** As PromQL writes it; whole seconds where they are enough. */
function windowOf(ms: number): string {
  return ms < 1000 ? `${Math.max(1, Math.floor(ms))}ms` : `${Math.floor(ms / 1000)}s`;
}

/** Infinity when it is no window of Prometheus, so that nothing is judged by it. */
function windowMs(window: string): number {
  return parseWindow(window) ?? Number.POSITIVE_INFINITY;
}

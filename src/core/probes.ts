/**
 * What must be asked before a decision, in order. Pure: the same Canary in the same situation asks the same questions.
 * Readings cost nothing (caches), so whatever they settle alone is never asked about.
 */
import type { CanarySpec, CanaryStatus, HookType, Metric, StatusIn, Webhook } from "./canary.ts";
import { isNamedOtherwise, revisionChanged } from "./change.ts";
import type { MetricSourceKind, Probe, Readings } from "./observation.ts";
import type { Plan } from "./plan.ts";
import { isDeserted } from "./routes.ts";

export interface ProbeInput {
  readonly spec: CanarySpec;
  readonly plan: Plan;
  readonly status: CanaryStatus;
  readonly readings: Readings;
  readonly now: number;
  readonly deleting: boolean;
}

export const SUCCESS_RATE = "request-success-rate";
export const REQUEST_DURATION = "request-duration";
/** What hooks of an analysis are told, also while it waits for the promotion; only rollback hooks hear of that. */
const RUNNING = "Progressing";

export function probesFor(input: ProbeInput): readonly Probe[] {
  const { spec, status, readings } = input;
  if (spec.suspend || input.deleting || readings.problem !== undefined) return [];
  switch (status.phase) {
    case "":
    case "Terminating":
    case "Terminated":
    case "Finalising":
      return [];
    case "Initializing":
      // Asked once: afterwards the wait for the primary has been announced.
      return status.said === undefined &&
        status.switching !== true &&
        !spec.skipAnalysis &&
        spec.analysis.metrics.length > 0
        ? [{ kind: "metric-servers" }]
        : [];
    case "Initialized":
    case "Succeeded":
    case "Failed":
      return idleProbes(input);
    case "Waiting":
      return input.now >= status.holdUntil && primaryAllows(input) ? hooks(spec, "confirm-rollout", status.phase) : [];
    case "Progressing":
    case "WaitingPromotion":
      return analysisProbes(input, status);
    case "Promoting":
      return status.primaryWeight > 0 && input.now >= status.holdUntil && primaryCanBeJudged(readings)
        ? primaryMetrics(spec, measuredMs(spec, status, input.now))
        : [];
  }
}

function idleProbes(input: ProbeInput): readonly Probe[] {
  const { spec, status, readings } = input;
  // Hooks may take their time: the users first.
  if (isDeserted(status, readings)) return [];
  if ("owesPostRollout" in status && status.owesPostRollout) return hooks(spec, "post-rollout", status.phase);
  if (status.phase === "Failed" && (status.restoring || status.promotedSpec === "")) return [];
  if (isNamedOtherwise(status, readings)) return [];
  return revisionChanged(status, readings.target.revision) && primaryAllows(input)
    ? hooks(spec, "confirm-rollout", status.phase)
    : [];
}

function primaryAllows({ spec, readings }: ProbeInput): boolean {
  return spec.skipAnalysis || readings.primary.readiness.kind === "ready";
}

function primaryCanBeJudged({ primary, routesInForce }: Readings): boolean {
  return primary.readiness.kind === "ready" && routesInForce;
}

function analysisProbes(input: ProbeInput, status: Extract<CanaryStatus, { step: number }>): readonly Probe[] {
  const { spec, plan, readings, now } = input;
  const ready = readings.primary.readiness.kind === "ready" && readings.target.readiness.kind === "ready";
  if (spec.skipAnalysis || !ready || readings.target.scaledDown || now < status.holdUntil || status.withheld) return [];
  if (revisionChanged(status, readings.target.revision)) return [];
  if (status.step > 0 && !readings.routesInForce) return [];
  const gates = plan.steps[status.step]?.gates ?? plan.promotionGates;
  return [
    ...hooks(spec, "rollback", status.phase),
    ...(status.step > 0 ? [...hooks(spec, "rollout", RUNNING), ...metrics(spec)] : preparations(spec, status)),
    ...gates
      // While waiting for the promotion the traffic does not increase any more.
      .filter((gate) => !(gate === "confirm-traffic-increase" && status.phase === "WaitingPromotion"))
      .flatMap((gate) => hooks(spec, gate, RUNNING)),
  ];
}

function preparations(spec: CanarySpec, status: CanaryStatus): readonly Probe[] {
  return status.phase === "Progressing" && !status.prepared ? hooks(spec, "pre-rollout", RUNNING) : [];
}

export function hooksOf(spec: CanarySpec, type: HookType): readonly Webhook[] {
  return spec.analysis.webhooks.filter((hook) => hook.type === type);
}

function hooks(spec: CanarySpec, type: HookType, phase: string): readonly Probe[] {
  return hooksOf(spec, type).map((hook) => ({ kind: "hook", hook, type, phase }));
}

/** Built-in and inline checks of every metric first, then those by template: the order is contract. */
function metrics(spec: CanarySpec): readonly Probe[] {
  const all = spec.analysis.metrics;
  const ask = (metric: Metric, source: MetricSourceKind): Probe => ({ kind: "metric", metric, source, of: "canary" });
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

function builtIn(metric: Metric): readonly MetricSourceKind[] {
  if (metric.name === SUCCESS_RATE) return ["success-rate"];
  return metric.name === REQUEST_DURATION ? ["duration"] : [];
}

/**
 * The primary is judged by the built-in checks alone (other queries name the canary), and by no request that is older than
 * its present weight: such a one was answered by the revision before. So a longer window is cut.
 */
function primaryMetrics(spec: CanarySpec, measured: number): readonly Probe[] {
  return spec.analysis.metrics
    .filter(({ interval }) => Number.isFinite(windowMs(interval)))
    .map((metric) => (windowMs(metric.interval) <= measured ? metric : { ...metric, interval: windowOf(measured) }))
    .flatMap((metric) => builtIn(metric).map((source): Probe => ({ kind: "metric", metric, source, of: "primary" })));
}

/** For how long the primary has had its present weight; where that was forgotten, what is sure. Milliseconds. */
function measuredMs({ analysis }: CanarySpec, { shiftedAt }: StatusIn<"Promoting">, now: number): number {
  return shiftedAt === undefined ? analysis.intervalMs : now - shiftedAt;
}

/** Whether there may be values yet that could not be measured so far. */
export function isMeasuredShort(spec: CanarySpec, status: StatusIn<"Promoting">, name: string, now: number): boolean {
  if (status.shiftedAt === undefined) return false;
  const window = spec.analysis.metrics.find((metric) => metric.name === name)?.interval ?? "";
  return windowMs(window) > measuredMs(spec, status, now);
}

/** As PromQL writes it; whole seconds where they are enough. */
function windowOf(ms: number): string {
  return ms < 1000 ? `${Math.max(1, Math.floor(ms))}ms` : `${Math.floor(ms / 1000)}s`;
}

/** A PromQL window in milliseconds; Infinity when it is not one, so that nothing is judged by it. */
function windowMs(window: string): number {
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  const parts = [...window.matchAll(/(\d+)(ms|s|m|h|d)/g)];
  if (parts.length === 0) return Number.POSITIVE_INFINITY;
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ""] ?? 0), 0);
}

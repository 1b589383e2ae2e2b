/** What a measured value means: passed, or the text that says why not. */

import { formatDuration } from "../go/duration.ts";
import { formatFixed2, formatFloat } from "../go/format.ts";
import { type CanaryRef, dotted, type Metric } from "./canary.ts";
import type { Failure } from "./cause.ts";
import type { Answered, MetricSourceKind, Probe } from "./observation.ts";

/**
 * Judges a value against the metric's limits; limits are inclusive.
 * @returns the text of the Warning event, or undefined when the value is good
 */
export function violation(metric: Metric, source: MetricSourceKind, value: number, ref: CanaryRef): string | undefined {
  const { min, max } = limitsOf(metric, source);
  const say = (sign: "<" | ">", limit: number): string =>
    `Halt ${dotted(ref.name, ref)} advancement ${describe(metric, source, value)} ${sign} ${limitText(source, limit)}`;
  // A value that is not a number proves nothing, so it cannot pass (M13).
  if (value === Number.NEGATIVE_INFINITY) return say("<", min ?? max ?? 0);
  if (!Number.isFinite(value)) return say(">", max ?? min ?? 0);
  if (min !== undefined && value < min) return say("<", min);
  if (max !== undefined && value > max) return say(">", max);
  return undefined;
}

/** Without a range, the deprecated threshold is a minimum for the success rate and a maximum for all else. */
export function limitsOf(metric: Metric, source: MetricSourceKind): { min?: number; max?: number } {
  const limits =
    metric.thresholdRange ?? (source === "success-rate" ? { min: metric.threshold } : { max: metric.threshold });
  if (source !== "duration") return limits;
  // Durations are compared in whole milliseconds (Q44).
  return {
    ...(limits.min === undefined ? {} : { min: Math.trunc(limits.min) }),
    ...(limits.max === undefined ? {} : { max: Math.trunc(limits.max) }),
  };
}

function describe(metric: Metric, source: MetricSourceKind, value: number): string {
  if (source === "success-rate") return `success rate ${formatFixed2(value)}%`;
  if (source === "duration")
    return `request duration ${Number.isFinite(value) ? formatDuration(value) : String(value)}`;
  return `${metric.name} ${formatFixed2(value)}`;
}

function limitText(source: MetricSourceKind, limit: number): string {
  if (source === "duration") return formatDuration(limit);
  return source === "success-rate" ? `${formatFloat(limit)}%` : formatFloat(limit);
}

/** The text of the failure, or undefined when the answer lets the rollout go on. A rollback hook asks for a rollback by passing. */
export function failureOf({ probe, answer }: Answered, ref: CanaryRef): string | undefined {
  switch (answer.kind) {
    case "passed":
      return undefined;
    case "refused":
      return answer.detail;
    case "no-data":
    case "error":
      return answer.message;
    case "value":
      return probe.kind === "metric" ? violation(probe.metric, probe.source, answer.value, ref) : undefined;
  }
}

/** The failure as data; the answer is one that failed. */
export function failureData({ probe, answer }: Answered): Failure {
  if (probe.kind !== "metric") {
    const check = probe.kind === "hook" ? probe.hook.name : "metric servers";
    return { check, source: "hook", ...(answer.kind === "refused" ? { detail: answer.detail } : {}) };
  }
  const { metric, source } = probe;
  const common = { check: metric.name, source };
  if (answer.kind === "no-data" || answer.kind === "error") return { ...common, detail: answer.message };
  if (answer.kind !== "value") return common;
  const { min, max } = limitsOf(metric, source);
  const { value } = answer;
  const isLow = value === Number.NEGATIVE_INFINITY || (min !== undefined && value < min);
  const limit = isLow ? (min ?? max) : (max ?? min);
  const measured = Number.isFinite(value) ? { value } : { text: formatFixed2(value) };
  return { ...common, ...measured, sign: isLow ? "<" : ">", ...(limit === undefined ? {} : { limit }) };
}

/** Whether this answer settles the turn, so that the probes behind it need not be asked. */
export function settles(answered: Answered, ref: CanaryRef): boolean {
  const failed = failureOf(answered, ref) !== undefined;
  return isRollbackHook(answered.probe) ? !failed : failed;
}

export function isRollbackHook(probe: Probe): boolean {
  return probe.kind === "hook" && probe.type === "rollback";
}

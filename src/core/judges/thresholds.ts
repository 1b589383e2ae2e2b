/** Flagger's judge: a value passes when it is within the limits of its metric. Limits are inclusive. */
import { formatDuration } from "../../go/duration.ts";
import { formatFixed2, formatFloat } from "../../go/format.ts";
import type { Metric, MetricSourceKind, Range } from "../spec/spec.ts";
import type { Judge, Verdict } from "./judge.ts";

/** Compares a value with `thresholdRange`, or with the deprecated `threshold`. */
export const thresholds: Judge = {
  name: "thresholds",
  about: "a value passes within thresholdRange",
  limits: limitsOf,
  judge({ metric, source, value }) {
    const { min, max } = limitsOf(metric, source);
    const fail = (sign: "<" | ">", limit: number | undefined): Verdict => ({
      kind: "fail",
      finding: `${describe(metric, source, value)} ${sign} ${limitText(source, limit ?? 0)}`,
      data: {
        ...(Number.isFinite(value) ? { value } : { text: formatFixed2(value) }),
        sign,
        ...(limit === undefined ? {} : { limit }),
      },
    });
    // A value that is not a number proves nothing, so it cannot pass (M13).
    if (value === Number.NEGATIVE_INFINITY) return fail("<", min ?? max);
    if (!Number.isFinite(value)) return fail(">", max ?? min);
    if (min !== undefined && value < min) return fail("<", min);
    if (max !== undefined && value > max) return fail(">", max);
    return { kind: "pass" };
  },
};

/** Without a range, the deprecated threshold is a minimum for the success rate and a maximum for all else. */
function limitsOf(metric: Metric, source: MetricSourceKind): Range {
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

/**
 * A doubt is about a field that is valid, and that the contract accepts, but that its author cannot have meant: a check
 * that no value can pass, a duration that cannot be read, a field that the provider ignores. `plan`, `simulate` and
 * `lint` print doubts. The operator announces each doubt once for each generation.
 */
import { parseDuration } from "../../go/duration.ts";
import { parseWindow } from "../../go/promql-window.ts";
import { BUILT_IN_METRICS, REQUEST_DURATION, SUCCESS_RATE } from "../turn/probes.ts";
import { intervalOrDefault } from "./interval.ts";
import { didYouMean } from "./nearest.ts";
import type { CanarySpec, Metric, Range } from "./spec.ts";
import type { SpecRules } from "./spec-rules.ts";

/** One doubt about one field. */
export interface Doubt {
  /** Path of the field, e.g. "spec.analysis.metrics[0].interval". */
  readonly field: string;
  /** What is wrong with it, and what it leads to. */
  readonly cause: string;
  /** What to write instead. */
  readonly cure: string;
  /**
   * True: no release can succeed, or Aviary does something else than the spec says. False: the author may have meant
   * it.
   */
  readonly always: boolean;
}

/** A doubt in one line. */
export const doubtText = ({ field, cause, cure }: Doubt): string => `${field}: ${cause}; ${cure}`;

/** @param spec as parsed: the fields that are text are as they were written */
export function doubtsOf(spec: CanarySpec, rules: SpecRules): readonly Doubt[] {
  if (spec.skipAnalysis) return ignoredFields(spec, rules);
  return [
    ...intervalDoubts(spec),
    ...weightDoubts(spec),
    ...spec.analysis.metrics.flatMap(metricDoubts),
    ...hookDoubts(spec),
    ...ignoredFields(spec, rules),
  ];
}

function metricDoubts(metric: Metric, i: number): readonly Doubt[] {
  const field = `spec.analysis.metrics[${i}]`;
  const { name, query, templateRef, interval, thresholdRange } = metric;
  const isBuiltIn = BUILT_IN_METRICS.includes(name);
  const found: Doubt[] = [];
  if (!isBuiltIn && query === undefined && templateRef === undefined) {
    found.push({
      field: `${field}.name`,
      cause:
        `"${name}" is no built-in metric${didYouMean(name, BUILT_IN_METRICS)} and has neither a templateRef nor a query: ` +
        "its check always fails",
      cure: `use one of ${BUILT_IN_METRICS.join(", ")}, or give it a templateRef`,
      always: true,
    });
  }
  // A window of PromQL may also be in days, weeks and years; other providers read Go's durations.
  if (typeof parseDuration(interval) !== "number" && parseWindow(interval) === undefined) {
    found.push(unreadable(`${field}.interval`, interval, "its queries fail"));
  }
  return [
    ...found,
    ...(thresholdRange === undefined ? [] : rangeDoubts(`${field}.thresholdRange`, name, thresholdRange)),
  ];
}

function rangeDoubts(field: string, name: string, { min, max }: Range): readonly Doubt[] {
  if (min !== undefined && max !== undefined && min > max) {
    const cause = `min ${min} is above max ${max}: no value passes`;
    return [{ field, cause, cure: "swap them, or leave one out", always: true }];
  }
  if (name === SUCCESS_RATE && min !== undefined) {
    if (min > 100) {
      const cause = `a success rate is a percentage: no value is ${min} or more`;
      return [{ field: `${field}.min`, cause, cure: "use a number from 0 to 100", always: true }];
    }
    if (min > 0 && min <= 1) {
      const cause = `a success rate is a percentage: ${min} lets nearly every release pass`;
      return [{ field: `${field}.min`, cause, cure: `write ${Math.round(min * 100_000) / 1000}`, always: false }];
    }
  }
  if (name === REQUEST_DURATION && max !== undefined && max > 0 && max < 1) {
    const cause = `a request duration is in milliseconds: hardly any release is within ${max}`;
    return [{ field: `${field}.max`, cause, cure: `write ${Math.round(max * 1000)}`, always: false }];
  }
  return [];
}

function intervalDoubts({ analysis: { interval } }: CanarySpec): readonly Doubt[] {
  if (interval === "" || typeof parseDuration(interval) === "number") return [];
  return [unreadable("spec.analysis.interval", interval, `it counts as ${intervalOrDefault(interval) / 60_000}m`)];
}

function unreadable(field: string, text: string, effect: string): Doubt {
  const meant = meantDuration(text);
  const cure = meant === undefined ? "use a duration such as 30s, 1m or 1h30m" : `write ${meant}`;
  return { field, cause: `"${text}" is no duration: ${effect}`, cure, always: true };
}

const UNITS: Readonly<Record<string, string>> = {
  s: "s",
  sec: "s",
  secs: "s",
  second: "s",
  seconds: "s",
  m: "m",
  min: "m",
  mins: "m",
  minute: "m",
  minutes: "m",
  h: "h",
  hr: "h",
  hour: "h",
  hours: "h",
};

/** "5min" -> "5m", "1m 30s" -> "1m30s"; undefined for what cannot be guessed. */
function meantDuration(text: string): string | undefined {
  const parts = [...text.toLowerCase().matchAll(/\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*/gy)];
  const meant = parts.map(([, number, unit = ""]) => `${number}${UNITS[unit] ?? "?"}`).join("");
  const whole = parts.map(([part]) => part).join("").length === text.length;
  return whole && typeof parseDuration(meant) === "number" ? meant : undefined;
}

function weightDoubts({ analysis, strategy }: CanarySpec): readonly Doubt[] {
  const { stepWeights, stepWeight, maxWeight } = analysis;
  if (strategy !== "canary") return [];
  const falls = stepWeights.findIndex((weight, i) => i > 0 && weight <= (stepWeights[i - 1] ?? 0));
  const found: Doubt[] = [];
  if (falls > 0) {
    const cause = `${stepWeights[falls]} follows ${stepWeights[falls - 1]}: the canary's share would not grow`;
    found.push({
      field: `spec.analysis.stepWeights[${falls}]`,
      cause,
      cure: "list them in ascending order",
      always: false,
    });
  }
  if (stepWeights.length === 0 && maxWeight > 0 && stepWeight > maxWeight) {
    const cause = `${stepWeight} is above maxWeight ${maxWeight}: the first step gives the canary ${stepWeight} %`;
    found.push({ field: "spec.analysis.stepWeight", cause, cure: `use at most ${maxWeight}`, always: false });
  }
  return found;
}

function hookDoubts({ analysis: { webhooks } }: CanarySpec): readonly Doubt[] {
  return webhooks.flatMap(({ url, timeout }, i) => {
    const field = `spec.analysis.webhooks[${i}]`;
    const found: Doubt[] = [];
    if (!/^https?:\/\/[^/]/.test(url)) {
      const cause = `"${url}" is no HTTP address: the webhook cannot be called`;
      found.push({ field: `${field}.url`, cause, cure: `write http://${url.replace(/^\/+/, "")}`, always: true });
    }
    if (timeout !== "" && typeof parseDuration(timeout) !== "number") {
      found.push(unreadable(`${field}.timeout`, timeout, "every call of the webhook fails"));
    }
    return found;
  });
}

function ignoredFields(spec: CanarySpec, rules: SpecRules): readonly Doubt[] {
  const { provider } = spec;
  return rules.ignoredBy(provider).flatMap(({ field: path, readers }) => {
    const [first = "", second] = path.split(".");
    const value = second === undefined ? spec[first as "ingressRef"] : spec.service.raw[second];
    const isEmpty = value === undefined || value === null || value === false || isEmptyList(value);
    if (isEmpty) return [];
    const cause = `the provider ${provider} does not look at it`;
    const cure = `leave it out, or set spec.provider to ${readers.join(" or ")}`;
    return [{ field: `spec.${path}`, cause, cure, always: false }];
  });
}

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

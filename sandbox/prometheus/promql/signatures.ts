/** Which functions there are, and what they take and give. */
import type { ValueType } from "./tree.ts";

export interface Signature {
  readonly args: readonly ValueType[];
  /** How many of the last arguments may be left out; "more": the last one may be repeated, even zero times. */
  readonly optional?: number | "more";
  readonly gives: ValueType;
}

const of = (gives: ValueType, ...args: readonly ValueType[]): Signature => ({ gives, args });
const overTime = of("vector", "matrix");
const perSample = of("vector", "vector");
const calendar: Signature = { ...perSample, optional: 1 };

export const SIGNATURES: Readonly<Record<string, Signature>> = {
  abs: perSample,
  absent: perSample,
  absent_over_time: overTime,
  acos: perSample,
  acosh: perSample,
  asin: perSample,
  asinh: perSample,
  atan: perSample,
  atanh: perSample,
  avg_over_time: overTime,
  ceil: perSample,
  changes: overTime,
  clamp: of("vector", "vector", "scalar", "scalar"),
  clamp_max: of("vector", "vector", "scalar"),
  clamp_min: of("vector", "vector", "scalar"),
  cos: perSample,
  cosh: perSample,
  count_over_time: overTime,
  day_of_month: calendar,
  day_of_week: calendar,
  day_of_year: calendar,
  days_in_month: calendar,
  deg: perSample,
  delta: overTime,
  deriv: overTime,
  exp: perSample,
  floor: perSample,
  histogram_quantile: of("vector", "scalar", "vector"),
  hour: calendar,
  idelta: overTime,
  increase: overTime,
  irate: overTime,
  label_join: { gives: "vector", args: ["vector", "string", "string", "string"], optional: "more" },
  label_replace: of("vector", "vector", "string", "string", "string", "string"),
  last_over_time: overTime,
  ln: perSample,
  log10: perSample,
  log2: perSample,
  max_over_time: overTime,
  min_over_time: overTime,
  minute: calendar,
  month: calendar,
  pi: of("scalar"),
  predict_linear: of("vector", "matrix", "scalar"),
  present_over_time: overTime,
  quantile_over_time: of("vector", "scalar", "matrix"),
  rad: perSample,
  rate: overTime,
  resets: overTime,
  round: { gives: "vector", args: ["vector", "scalar"], optional: 1 },
  scalar: of("scalar", "vector"),
  sgn: perSample,
  sin: perSample,
  sinh: perSample,
  sort: perSample,
  sort_desc: perSample,
  sqrt: perSample,
  stddev_over_time: overTime,
  stdvar_over_time: overTime,
  sum_over_time: overTime,
  tan: perSample,
  tanh: perSample,
  time: of("scalar"),
  timestamp: perSample,
  vector: of("vector", "scalar"),
  year: calendar,
};

/** Functions that some Prometheus has and this one does not. */
export const MISSING_FUNCTIONS: ReadonlySet<string> = new Set([
  "double_exponential_smoothing",
  "first_over_time",
  "histogram_avg",
  "histogram_count",
  "histogram_fraction",
  "histogram_quantiles",
  "histogram_stddev",
  "histogram_stdvar",
  "histogram_sum",
  "holt_winters",
  "info",
  "mad_over_time",
  "sort_by_label",
  "sort_by_label_desc",
  "start_timestamp",
  "ts_of_first_over_time",
  "ts_of_last_over_time",
  "ts_of_max_over_time",
  "ts_of_min_over_time",
]);

/** Aggregations, and the type of their parameter if they have one. */
export const AGGREGATIONS: Readonly<Record<string, "scalar" | "string" | undefined>> = {
  sum: undefined,
  avg: undefined,
  min: undefined,
  max: undefined,
  count: undefined,
  group: undefined,
  stddev: undefined,
  stdvar: undefined,
  topk: "scalar",
  bottomk: "scalar",
  quantile: "scalar",
  count_values: "string",
};

export const COMPARISONS: ReadonlySet<string> = new Set(["==", "!=", "<", ">", "<=", ">="]);
export const SET_OPERATORS: ReadonlySet<string> = new Set(["and", "or", "unless"]);

/**
 * After these a result is still the same quantity, so it keeps the metric's name (atan2: an oversight of Prometheus 2).
 */
export const NAME_KEEPING: ReadonlySet<string> = new Set([...COMPARISONS, "atan2"]);

/** Random PromQL over the generated series: mostly sensible, sometimes wrong on purpose. */
import type { Chance } from "./random.ts";

const SELECTORS = [
  "requests_total",
  'requests_total{code!~"5.."}',
  'requests_total{code=~"5.*",app="api"}',
  'requests_total{pod="a"}',
  'requests_total{pod!="b",code="200",}',
  "latency_seconds_bucket",
  'latency_seconds_bucket{le="+Inf"}',
  "latency_seconds_sum",
  "latency_seconds_count",
  "temperature",
  'temperature{place=~"in.*"}',
  "limits",
  "odd",
  "short_lived",
  'nothing_here{a="b"}',
  '{__name__=~"latency_.*|limits"}',
  '{pod="a",app=""}',
];
const RANGES = ["15s", "30s", "1m", "2m", "5m", "1m30s", "10m"];
const RANGE_FUNCTIONS = (
  "rate increase delta irate idelta deriv avg_over_time sum_over_time min_over_time max_over_time count_over_time " +
  "last_over_time present_over_time stddev_over_time stdvar_over_time changes resets absent_over_time"
).split(" ");
const SAMPLE_FUNCTIONS = "abs ceil floor sqrt ln log2 log10 sgn round sort sort_desc absent atan asinh deg rad".split(
  " ",
);
/** Small differences of their argument become large ones. */
const ROUGH_FUNCTIONS = "exp sin cos tan sinh cosh tanh".split(" ");
/** For values that are no time, their result depends on the processor. */
const CALENDAR_FUNCTIONS = "minute hour day_of_week day_of_month day_of_year days_in_month month year".split(" ");
const AGGREGATIONS = "sum avg min max count stddev stdvar group".split(" ");
const LABELS = ["pod", "code", "app", "le", "place"];
const ARITHMETIC = ["+", "-", "*", "/", "%", "^", "atan2"];
const COMPARISONS = ["==", "!=", "<", ">", "<=", ">="];

export function generatedQuery(chance: Chance): string {
  const roll = chance.next();
  if (roll < 0.06) return matrix(chance, 2);
  if (roll < 0.12) return scalar(chance, 2);
  if (roll < 0.17) return `${chance.pick(["topk", "bottomk"])}(${chance.below(4)}, ${steadyVector(chance)})`;
  if (roll < 0.2) return broken(chance);
  return vector(chance, 3);
}

function grouping(chance: Chance): string {
  const roll = chance.next();
  if (roll < 0.3) return "";
  const labels = LABELS.filter(() => chance.next() < 0.35).join(", ");
  return roll < 0.7 ? ` by (${labels})` : ` without (${labels})`;
}

/** Few ties, so that the choice of the best is unique. */
function steadyVector(chance: Chance): string {
  return `rate(${chance.pick(["requests_total", "latency_seconds_sum"])}[${chance.pick(["5m", "10m"])}])`;
}

function moment(chance: Chance): string {
  const roll = chance.next();
  if (roll < 0.75) return "";
  if (roll < 0.9) return ` offset ${chance.pick(["30s", "1m", "-30s", "5m"])}`;
  if (roll < 0.96) return ` @ ${1_699_999_200 + chance.below(1200)}`;
  return chance.pick([" @ start()", " @ end()", " @ end() offset 1m"]);
}

function matrix(chance: Chance, depth: number): string {
  if (depth > 0 && chance.next() < 0.2) {
    const step = chance.pick(["", "10s", "30s", "1m"]);
    return `(${vector(chance, depth - 1)})[${chance.pick(["1m", "5m"])}:${step}]${moment(chance)}`;
  }
  return `${chance.pick(SELECTORS)}[${chance.pick(RANGES)}]${moment(chance)}`;
}

function scalar(chance: Chance, depth: number): string {
  const roll = chance.next();
  if (depth === 0 || roll < 0.5)
    return chance.pick(["0", "1", "2.5", "-3", "0.99", "1e3", "100", "0x1F", "Inf", "NaN", "time()", "pi()"]);
  if (roll < 0.7) return `scalar(${vector(chance, depth - 1)})`;
  if (roll < 0.8) return `-${scalar(chance, depth - 1)}`;
  if (roll < 0.9) return `(${scalar(chance, depth - 1)} ${chance.pick(COMPARISONS)} bool ${scalar(chance, depth - 1)})`;
  return `${scalar(chance, depth - 1)} ${chance.pick(ARITHMETIC)} ${scalar(chance, depth - 1)}`;
}

function vector(chance: Chance, depth: number): string {
  if (depth === 0) return `${chance.pick(SELECTORS)}${moment(chance)}`;
  const roll = chance.next();
  if (roll < 0.1) return `${chance.pick(SELECTORS)}${moment(chance)}`;
  if (roll < 0.32) return `${chance.pick(RANGE_FUNCTIONS)}(${matrix(chance, depth - 1)})`;
  if (roll < 0.5) return aggregate(chance, depth);
  if (roll < 0.6) return `${chance.pick(SAMPLE_FUNCTIONS)}(${vector(chance, depth - 1)})`;
  if (roll < 0.7) return special(chance, depth);
  if (roll < 0.75) return `-${vector(chance, depth - 1)}`;
  if (roll < 0.8) return `(${vector(chance, depth - 1)})`;
  return binary(chance, depth);
}

function aggregate(chance: Chance, depth: number): string {
  const inner = vector(chance, depth - 1);
  const by = grouping(chance);
  const roll = chance.next();
  if (roll < 0.1) return `quantile${by} (${chance.pick(["0.5", "0.9", "-1", "2"])}, ${inner})`;
  if (roll < 0.2)
    return `count_values${by} ("value", ${chance.pick(["limits", "floor(limits)", "latency_seconds_count"])})`;
  return chance.next() < 0.5
    ? `${chance.pick(AGGREGATIONS)}(${inner})${by}`
    : `${chance.pick(AGGREGATIONS)}${by} (${inner})`;
}

function special(chance: Chance, depth: number): string {
  const inner = vector(chance, depth - 1);
  const bucket = `latency_seconds_bucket[${chance.pick(RANGES)}]`;
  return chance.pick([
    `histogram_quantile(${chance.pick(["0.99", "0.5", "0", "1", "1.5", "-0.1"])}, sum(rate(${bucket})) by (le))`,
    `histogram_quantile(0.9, rate(${bucket}))`,
    `histogram_quantile(${scalar(chance, 1)}, ${inner})`,
    `quantile_over_time(${chance.pick(["0.5", "0.95", "0"])}, ${matrix(chance, 1)})`,
    // No "@" here: Prometheus 2.42 then loses all steps of a range query but the first.
    `predict_linear(${chance.pick(SELECTORS)}[${chance.pick(RANGES)}] offset 15s, 60)`,
    `${chance.pick(ROUGH_FUNCTIONS)}(temperature / 50)`,
    `${chance.pick(CALENDAR_FUNCTIONS)}(timestamp(${chance.pick(SELECTORS)}) * ${chance.pick(["1", "0.7", "-0.3"])})`,
    `${chance.pick(CALENDAR_FUNCTIONS)}()`,
    // Prometheus 2.42 finds nothing for timestamp(x @ end() offset 1m), so that is left out.
    `timestamp(${chance.pick(SELECTORS)}${chance.pick(["", " offset 30s", " @ end()"])})`,
    `timestamp(${steadyVector(chance)})`,
    `clamp(${inner}, ${chance.pick(["0, 10", "-1, 1", "5, 1"])})`,
    `clamp_min(${inner}, ${scalar(chance, 1)})`,
    `clamp_max(${inner}, ${scalar(chance, 1)})`,
    `round(${inner}, ${chance.pick(["0.1", "5", "10"])})`,
    `label_replace(${inner}, "new", "$1-x", "pod", "(.*)")`,
    `label_replace(${inner}, "pod", "", "code", "(?P<first>[0-9])..")`,
    `label_join(${inner}, "both", "/", "pod", "code")`,
    `vector(${scalar(chance, 1)})`,
  ]);
}

function matching(chance: Chance): string {
  const labels = LABELS.filter(() => chance.next() < 0.4).join(",");
  const roll = chance.next();
  if (roll < 0.4) return "";
  const side = roll < 0.7 ? `on(${labels})` : `ignoring(${labels})`;
  const group = chance.next();
  if (group < 0.55) return side;
  return `${side} ${group < 0.8 ? "group_left" : "group_right"}(${chance.next() < 0.3 ? "app" : ""})`;
}

function binary(chance: Chance, depth: number): string {
  const left = vector(chance, depth - 1);
  const roll = chance.next();
  if (roll < 0.25) return `${left} ${chance.pick([...ARITHMETIC, ...COMPARISONS])} ${scalar(chance, depth - 1)}`;
  if (roll < 0.35) return `${scalar(chance, depth - 1)} ${chance.pick([...ARITHMETIC, ...COMPARISONS])} ${left}`;
  const right = vector(chance, depth - 1);
  if (roll < 0.5) {
    const how = matching(chance).replace(/ group_.*/, "");
    return `${left} ${chance.pick(["and", "or", "unless"])} ${how} ${right}`;
  }
  const bool = chance.next() < 0.4 ? "bool " : "";
  return chance.next() < 0.5
    ? `${left} ${chance.pick(ARITHMETIC)} ${matching(chance)} ${right}`
    : `${left} ${chance.pick(COMPARISONS)} ${bool}${matching(chance)} ${right}`;
}

function broken(chance: Chance): string {
  return chance.pick([
    "rate(requests_total)",
    "requests_total[5m",
    "sum(",
    "requests_total offset",
    "sum(requests_total[1m])",
    "requests_total[5m] + 1",
    "1 == 1",
    "{}",
    '{pod=~".*"}',
    'requests_total{pod=~"("}',
    "unknown_function(requests_total)",
    "topk(requests_total)",
    "requests_total and 1",
    "requests_total[0s]",
    "(requests_total + limits) offset 5m",
    "requests_total[1m] offset 1m offset 1m",
    'label_replace(limits, "0", "x", "pod", ".*")',
    'count_values("0", limits)',
    "limits + on(pod) group_left(pod) temperature",
    "limits == on() temperature",
    "sum by (pod) (limits) + bool 1",
    "",
    "round(limits, 1, 2)",
    '"a string"',
    "requests_total[5]",
  ]);
}

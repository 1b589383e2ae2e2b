/** Functions of a vector (and of nothing): per sample, per label, sorting, the calendar. */
import { ExecutionError } from "./errors.ts";
import { isLabelName, keyOf, unnamed, withLabel, without } from "./labels.ts";
import { type Bucket, bucketQuantile } from "./quantile.ts";
import { wholeMatch } from "./regex.ts";
import { distinct, type Vector, type VectorElement, vector } from "./values.ts";

const calendar =
  (part: (date: Date) => number) =>
  (seconds: number): number =>
    part(new Date(Math.trunc(seconds) * 1000));

const dayOfYear = (date: Date) =>
  Math.floor(
    (Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()) - Date.UTC(date.getUTCFullYear(), 0, 1)) /
      86_400_000,
  ) + 1;

/** Of a time in Unix seconds, in UTC; NaN for what is no time (Prometheus answers with some arbitrary date). */
export const CALENDAR: Readonly<Record<string, (seconds: number) => number>> = {
  minute: calendar((date) => date.getUTCMinutes()),
  hour: calendar((date) => date.getUTCHours()),
  day_of_week: calendar((date) => date.getUTCDay()),
  day_of_month: calendar((date) => date.getUTCDate()),
  day_of_year: calendar(dayOfYear),
  days_in_month: calendar((date) => new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()),
  month: calendar((date) => date.getUTCMonth() + 1),
  year: calendar((date) => date.getUTCFullYear()),
};

function round(value: number, to = 1): number {
  const inverse = 1 / to;
  return Math.floor(value * inverse + 0.5) / inverse;
}

/** As Go's: an infinity on the winning side wins even over NaN. */
function least(a: number, b: number): number {
  return a === Number.NEGATIVE_INFINITY || b === Number.NEGATIVE_INFINITY ? Number.NEGATIVE_INFINITY : Math.min(a, b);
}

function most(a: number, b: number): number {
  return a === Number.POSITIVE_INFINITY || b === Number.POSITIVE_INFINITY ? Number.POSITIVE_INFINITY : Math.max(a, b);
}

/** The metric's name is dropped: the result is another quantity. */
export const PER_SAMPLE: Readonly<Record<string, (value: number, ...scalars: readonly number[]) => number>> = {
  ...CALENDAR,
  abs: Math.abs,
  acos: Math.acos,
  acosh: Math.acosh,
  asin: Math.asin,
  asinh: Math.asinh,
  atan: Math.atan,
  atanh: Math.atanh,
  ceil: Math.ceil,
  clamp: (value, min = 0, max = 0) => most(min, least(max, value)),
  clamp_max: (value, max = 0) => least(max, value),
  clamp_min: (value, min = 0) => most(min, value),
  cos: Math.cos,
  cosh: Math.cosh,
  deg: (value) => (value * 180) / Math.PI,
  exp: Math.exp,
  floor: Math.floor,
  ln: Math.log,
  log10: Math.log10,
  log2: Math.log2,
  rad: (value) => (value * Math.PI) / 180,
  round,
  sgn: (value) => (value < 0 ? -1 : value > 0 ? 1 : value),
  sin: Math.sin,
  sinh: Math.sinh,
  sqrt: Math.sqrt,
  tan: Math.tan,
  tanh: Math.tanh,
};

export function perSample(name: string, input: Vector, scalars: readonly number[]): Vector {
  const change = PER_SAMPLE[name];
  if (change === undefined) throw new ExecutionError(`unknown function ${name}`);
  if (name === "clamp" && (scalars[1] ?? 0) < (scalars[0] ?? 0)) return vector([]);
  return distinct(
    input.elements.map(({ labels, value }) => ({ labels: unnamed(labels), value: change(value, ...scalars) })),
  );
}

/** NaN goes last in both directions. */
export function sorted(input: Vector, descending: boolean): Vector {
  const order = (a: number, b: number) =>
    Number.isNaN(a) ? (Number.isNaN(b) ? 0 : 1) : Number.isNaN(b) ? -1 : descending ? b - a : a - b;
  return vector([...input.elements].sort((a, b) => order(a.value, b.value)));
}

export function labelReplace(input: Vector, texts: readonly string[]): Vector {
  const [target = "", replacement = "", source = "", pattern = ""] = texts;
  const shape = wholeMatch(pattern);
  if (!isLabelName(target)) throw new ExecutionError(`invalid destination label name in label_replace(): ${target}`);
  return distinct(
    input.elements.map((element) => {
      const match = shape.exec(element.labels.get(source) ?? "");
      if (match === null) return element;
      return { ...element, labels: withLabel(element.labels, target, expanded(replacement, match)) };
    }),
  );
}

/** `$1`, `${1}`, `$name`, `$$`. What is not there is empty. */
function expanded(template: string, match: RegExpExecArray): string {
  return template.replace(/\$(?:\$|\{(\w+)\}|(\w+))/g, (whole, braced?: string, bare?: string) => {
    const name = braced ?? bare;
    if (name === undefined) return whole === "$$" ? "$" : whole;
    return (/^\d+$/.test(name) ? match[Number(name)] : match.groups?.[name]) ?? "";
  });
}

export function labelJoin(input: Vector, texts: readonly string[]): Vector {
  const [target = "", separator = "", ...sources] = texts;
  if (!isLabelName(target)) throw new ExecutionError(`invalid destination label name in label_join(): ${target}`);
  const bad = sources.find((source) => !isLabelName(source));
  if (bad !== undefined) throw new ExecutionError(`invalid source label name in label_join(): ${bad}`);
  return distinct(
    input.elements.map((element) => {
      const joined = sources.map((source) => element.labels.get(source) ?? "").join(separator);
      return { ...element, labels: withLabel(element.labels, target, joined) };
    }),
  );
}

export function histogramQuantile(q: number, input: Vector): Vector {
  const groups = new Map<string, { readonly labels: VectorElement["labels"]; readonly buckets: Bucket[] }>();
  for (const { labels, value } of input.elements) {
    const upperBound = boundOf(labels.get("le"));
    if (upperBound === undefined) continue;
    const rest = without(labels, ["le"]);
    const key = keyOf(rest);
    const group = groups.get(key) ?? { labels: rest, buckets: [] };
    group.buckets.push({ upperBound, count: value });
    groups.set(key, group);
  }
  return vector([...groups.values()].map(({ labels, buckets }) => ({ labels, value: bucketQuantile(q, buckets) })));
}

/** undefined: not a bucket. */
function boundOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[-+]?inf(?:inity)?$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  return /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(text) ? Number(text) : undefined;
}

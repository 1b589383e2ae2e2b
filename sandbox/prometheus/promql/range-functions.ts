/** Functions of one series over a range of time: rate, increase, the *_over_time family, … */
import { CarefulSum } from "./kahan.ts";
import { quantile } from "./quantile.ts";
import type { Point } from "./values.ts";

export interface Range {
  readonly points: readonly Point[];
  /** Bounds of the range in milliseconds; the points lie between, bounds included. */
  readonly from: number;
  readonly to: number;
  /** When the expression is evaluated. */
  readonly now: number;
  /** The other arguments. */
  readonly scalars: readonly number[];
}

/** undefined: no result for this series. */
export type RangeFunction = (range: Range) => number | undefined;

/**
 * The change over the range, extrapolated to its bounds as Prometheus does: when the first (last) sample is near the
 * bound, up to it, else by half the average distance between samples; a counter never below its zero point.
 */
function extrapolated(range: Range, isCounter: boolean, perSecond: boolean): number | undefined {
  const { points, from, to } = range;
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || points.length < 2) return undefined;
  let change = last.value - first.value;
  if (isCounter) {
    let before = 0;
    for (const { value } of points) {
      if (value < before) change += before;
      before = value;
    }
  }
  const sampled = (last.at - first.at) / 1000;
  const distance = sampled / (points.length - 1);
  let toStart = (first.at - from) / 1000;
  const toEnd = (to - last.at) / 1000;
  if (isCounter && change > 0 && first.value >= 0) toStart = Math.min(toStart, sampled * (first.value / change));
  const reach = (gap: number) => (gap < distance * 1.1 ? gap : distance / 2);
  const factor = (sampled + reach(toStart) + reach(toEnd)) / sampled;
  return change * (perSecond ? factor / ((to - from) / 1000) : factor);
}

function lastTwo({ points }: Range, isRate: boolean): number | undefined {
  const [before, last] = points.slice(-2);
  if (before === undefined || last === undefined || last.at === before.at) return undefined;
  if (!isRate) return last.value - before.value;
  const change = last.value < before.value ? last.value : last.value - before.value;
  return change / ((last.at - before.at) / 1000);
}

/** Least squares; x in seconds from `origin`. */
function regression(points: readonly Point[], origin: number): { readonly slope: number; readonly intercept: number } {
  const [first] = points;
  if (first !== undefined && points.every(({ value }) => value === first.value)) {
    const finite = Number.isFinite(first.value);
    return finite ? { slope: 0, intercept: first.value } : { slope: Number.NaN, intercept: Number.NaN };
  }
  const [x, y, xy, x2] = [new CarefulSum(), new CarefulSum(), new CarefulSum(), new CarefulSum()];
  for (const point of points) {
    const seconds = (point.at - origin) / 1000;
    x.add(seconds);
    y.add(point.value);
    xy.add(seconds * point.value);
    x2.add(seconds * seconds);
  }
  const n = points.length;
  const slope = (xy.exact - (x.exact * y.exact) / n) / (x2.exact - (x.exact * x.exact) / n);
  return { slope, intercept: y.exact / n - (slope * x.exact) / n };
}

function average(points: readonly Point[]): number {
  const mean = new CarefulSum();
  let count = 0;
  for (const { value } of points) {
    count += 1;
    const sameInfinity = value === mean.sum;
    if (!Number.isFinite(mean.sum) && !Number.isNaN(mean.sum) && (sameInfinity || Number.isFinite(value))) continue;
    mean.add(value / count - mean.sum / count);
  }
  return mean.total;
}

function variance(points: readonly Point[]): number {
  const [mean, squares] = [new CarefulSum(), new CarefulSum()];
  points.forEach(({ value }, i) => {
    const delta = value - mean.exact;
    mean.add(delta / (i + 1));
    squares.add(delta * (value - mean.exact));
  });
  return squares.exact / points.length;
}

function extreme(points: readonly Point[], better: (a: number, b: number) => boolean): number {
  return points.reduce((best, { value }) => (better(value, best) || Number.isNaN(best) ? value : best), Number.NaN);
}

function count(points: readonly Point[], differs: (now: number, before: number) => boolean): number {
  return points.filter(({ value }, i) => {
    const before = points[i - 1];
    return before !== undefined && differs(value, before.value);
  }).length;
}

function sum(points: readonly Point[]): number {
  const total = new CarefulSum();
  for (const { value } of points) total.add(value);
  return total.total;
}

export const RANGE_FUNCTIONS: Readonly<Record<string, RangeFunction>> = {
  rate: (range) => extrapolated(range, true, true),
  increase: (range) => extrapolated(range, true, false),
  delta: (range) => extrapolated(range, false, false),
  irate: (range) => lastTwo(range, true),
  idelta: (range) => lastTwo(range, false),
  deriv: ({ points }) => (points.length < 2 ? undefined : regression(points, points[0]?.at ?? 0).slope),
  predict_linear: ({ points, now, scalars: [ahead = 0] }) => {
    if (points.length < 2) return undefined;
    const { slope, intercept } = regression(points, now);
    return slope * ahead + intercept;
  },
  avg_over_time: ({ points }) => average(points),
  sum_over_time: ({ points }) => sum(points),
  min_over_time: ({ points }) => extreme(points, (a, b) => a < b),
  max_over_time: ({ points }) => extreme(points, (a, b) => a > b),
  count_over_time: ({ points }) => points.length,
  last_over_time: ({ points }) => points.at(-1)?.value,
  present_over_time: () => 1,
  stddev_over_time: ({ points }) => Math.sqrt(variance(points)),
  stdvar_over_time: ({ points }) => variance(points),
  quantile_over_time: ({ points, scalars: [q = 0] }) =>
    quantile(
      q,
      points.map(({ value }) => value),
    ),
  changes: ({ points }) => count(points, (a, b) => a !== b && !(Number.isNaN(a) && Number.isNaN(b))),
  resets: ({ points }) => count(points, (a, b) => a < b),
};

/** A histogram as Prometheus exposes it: how many values lie within each bound, and their sum. */

export interface Histogram {
  /** One for each bound, not cumulative; the last one counts what is beyond all bounds. */
  readonly counts: number[];
  sum: number;
}

/** Ascending upper bounds; a value that equals a bound lies within it. */
export type Bounds = readonly number[];

/** Those of ingress-nginx, in seconds. */
export const NGINX_BOUNDS: Bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export const emptyHistogram = (bounds: Bounds): Histogram => ({
  counts: new Array<number>(bounds.length + 1).fill(0),
  sum: 0,
});

export function addValue(histogram: Histogram, bounds: Bounds, value: number): void {
  histogram.sum += value;
  let i = 0;
  while (i < bounds.length && value > (bounds[i] ?? 0)) i += 1;
  histogram.counts[i] = (histogram.counts[i] ?? 0) + 1;
}

/** Adds what `other`, of the same bounds, has counted. */
export function addHistogram(to: Histogram, other: Histogram): void {
  to.sum += other.sum;
  for (const [i, count] of other.counts.entries()) to.counts[i] = (to.counts[i] ?? 0) + count;
}

/**
 * Appends its lines in Prometheus' text format.
 * @param labels what stands between the braces, without `le` @param shown the bounds that have a line; all when absent
 */
export function pushHistogram(
  lines: string[],
  name: string,
  labels: string,
  bounds: Bounds,
  { counts, sum }: Histogram,
  shown?: ReadonlySet<number>,
): void {
  let total = 0;
  for (const [i, bound] of bounds.entries()) {
    total += counts[i] ?? 0;
    if (shown === undefined || shown.has(bound)) lines.push(`${name}_bucket{${labels},le="${bound}"} ${total}`);
  }
  total += counts[bounds.length] ?? 0;
  lines.push(`${name}_bucket{${labels},le="+Inf"} ${total}`);
  lines.push(`${name}_sum{${labels}} ${sum}`, `${name}_count{${labels}} ${total}`);
}

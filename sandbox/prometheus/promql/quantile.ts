/** Quantiles of plain values and of histogram buckets. */

/** Weighted between the two nearest values. NaN counts as the smallest. */
export function quantile(q: number, values: readonly number[]): number {
  if (values.length === 0 || Number.isNaN(q)) return Number.NaN;
  if (q < 0) return Number.NEGATIVE_INFINITY;
  if (q > 1) return Number.POSITIVE_INFINITY;
  const sorted = [...values].sort((a, b) =>
    Number.isNaN(a) ? (Number.isNaN(b) ? 0 : -1) : Number.isNaN(b) ? 1 : a - b,
  );
  const rank = q * (sorted.length - 1);
  const lower = Math.max(0, Math.floor(rank));
  const upper = Math.min(sorted.length - 1, lower + 1);
  const weight = rank - Math.floor(rank);
  return (sorted[lower] ?? Number.NaN) * (1 - weight) + (sorted[upper] ?? Number.NaN) * weight;
}

export interface Bucket {
  readonly upperBound: number;
  readonly count: number;
}

/** Interpolates within the bucket that holds the rank, as if its observations were spread evenly. */
export function bucketQuantile(q: number, unsorted: readonly Bucket[]): number {
  if (Number.isNaN(q)) return Number.NaN;
  if (q < 0) return Number.NEGATIVE_INFINITY;
  if (q > 1) return Number.POSITIVE_INFINITY;
  const buckets = monotonic(coalesced([...unsorted].sort((a, b) => a.upperBound - b.upperBound)));
  const last = buckets.at(-1);
  const beforeLast = buckets.at(-2);
  if (last?.upperBound !== Number.POSITIVE_INFINITY || beforeLast === undefined) return Number.NaN;
  if (last.count === 0) return Number.NaN;
  const rank = q * last.count;
  const index = firstAtLeast(buckets, rank);
  const bucket = buckets[index];
  if (bucket === undefined || index === buckets.length - 1) return beforeLast.upperBound;
  if (index === 0 && bucket.upperBound <= 0) return bucket.upperBound;
  const below = buckets[index - 1] ?? { upperBound: 0, count: 0 };
  const share = (rank - below.count) / (bucket.count - below.count);
  return below.upperBound + (bucket.upperBound - below.upperBound) * share;
}

/** Buckets of one bound (written in two ways, such as "1" and "1.0") become one. */
function coalesced(buckets: readonly Bucket[]): Bucket[] {
  const made: Bucket[] = [];
  for (const bucket of buckets) {
    const last = made.at(-1);
    if (last?.upperBound === bucket.upperBound) {
      made[made.length - 1] = { ...last, count: last.count + bucket.count };
    } else made.push(bucket);
  }
  return made;
}

/** Rates of buckets can be out of step by a scrape: counts never fall from one bucket to the next. */
function monotonic(buckets: readonly Bucket[]): Bucket[] {
  let most = buckets[0]?.count ?? 0;
  return buckets.map((bucket) => {
    if (bucket.count > most) most = bucket.count;
    return bucket.count < most ? { ...bucket, count: most } : bucket;
  });
}

/** By bisection, so that NaN counts lead where they lead Prometheus. The last bucket is the answer of last resort. */
function firstAtLeast(buckets: readonly Bucket[], rank: number): number {
  let low = 0;
  let high = buckets.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((buckets[middle]?.count ?? 0) >= rank) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * How many of `pods` must be available for `thresholdPercent`: in single precision and truncated, as in Flagger. But
 * pods of which none is available are never ready: half of one pod would be none.
 */
export function requiredAvailable(pods: number, thresholdPercent: number): number {
  const share = Math.trunc(Math.fround(pods * Math.fround(thresholdPercent / 100)));
  return Math.max(Math.min(1, pods), share);
}

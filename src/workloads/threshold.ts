/** How many of `pods` must be available for `thresholdPercent`: in single precision and truncated, as in Flagger. */
export function requiredAvailable(pods: number, thresholdPercent: number): number {
  return Math.trunc(Math.fround(pods * Math.fround(thresholdPercent / 100)));
}

/** Whether a split that was observed is the one that was promised, but for chance. */

export interface Observed {
  readonly requests: number;
  readonly canary: number;
}

/** So many standard deviations: chance alone leaves these bounds once in some hundred thousand steps. */
const DEVIATIONS = 4.5;

/** @param weight percent */
export function bounds(requests: number, weight: number): { readonly least: number; readonly most: number } {
  const share = weight / 100;
  const width = DEVIATIONS * Math.sqrt(requests * share * (1 - share)) + (share > 0 && share < 1 ? 1 : 0);
  return { least: Math.max(0, requests * share - width), most: Math.min(requests, requests * share + width) };
}

export function isWithin({ requests, canary }: Observed, weight: number): boolean {
  const { least, most } = bounds(requests, weight);
  return canary >= least && canary <= most;
}

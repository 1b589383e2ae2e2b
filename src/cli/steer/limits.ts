/** The limits of a check, as people read them. */

interface Limits {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** ">= 99 <= 100"; empty when the check has none. @param between both */
export const limitText = ({ min, max }: Limits, between = " "): string =>
  [...(min === undefined ? [] : [`>= ${min}`]), ...(max === undefined ? [] : [`<= ${max}`])].join(between);

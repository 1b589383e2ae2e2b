/** Time windows as Prometheus writes them: "30s", "1d", "1w2d". In memory a window is a number of milliseconds. */

const UNITS_MS: Readonly<Record<string, number>> = {
  y: 365 * 86_400_000,
  w: 7 * 86_400_000,
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
};
/** Each unit once at most, the larger ones first. */
const SHAPE = /^(?:\d+y)?(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?(?:\d+ms)?$/;

/** @returns milliseconds; undefined for what Prometheus does not read as a duration */
export function parseWindow(text: string): number | undefined {
  if (text === "0") return 0;
  if (text === "" || !SHAPE.test(text)) return undefined;
  return [...text.matchAll(/(\d+)([a-z]+)/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (UNITS_MS[unit ?? ""] ?? 0),
    0,
  );
}

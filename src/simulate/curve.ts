/** A quantity of the simulated world as a function of time and of the canary's share of the traffic. */

/**
 * A number; or points with straight lines between them, over seconds since the release (`time`) or over the percent of
 * the traffic that the canary gets (`weight`). Before the first point and after the last the value is constant.
 */
export type Curve =
  | number
  | { readonly over: "time" | "weight"; readonly points: readonly (readonly [at: number, value: number])[] };

/** @param seconds since the release @param weight percent */
export function valueAt(curve: Curve, seconds: number, weight: number): number {
  if (typeof curve === "number") return curve;
  const x = curve.over === "time" ? seconds : weight;
  let [before] = curve.points;
  if (before === undefined) return 0;
  for (const point of curve.points) {
    if (x < point[0]) {
      const [x0, y0] = before;
      const [x1, y1] = point;
      return x <= x0 || x1 === x0 ? y0 : y0 + ((y1 - y0) * (x - x0)) / (x1 - x0);
    }
    before = point;
  }
  return before[1];
}

/** Whether the value never changes, so that its effect does not depend on the time. */
export function isConstant(curve: Curve): boolean {
  return typeof curve === "number" || curve.points.length < 2;
}

const POINT = /^(-?\d+(?:\.\d+)?)%?(?:ms)?(?:@(\d+(?:\.\d+)?)(s|m|w))?$/;

/**
 * "2", "2%" or points: "0@0s,5@90s" over time, "0@0w,5@30w" over the canary's weight.
 * @returns undefined for any other text
 */
export function parseCurve(text: string): Curve | undefined {
  const points: [number, number][] = [];
  const units = new Set<string>();
  for (const part of text.split(",")) {
    const match = POINT.exec(part.trim());
    if (match === null) return undefined;
    const [, value, at, unit] = match;
    if (unit === undefined) return text.includes(",") ? undefined : Number(value);
    units.add(unit === "w" ? "weight" : "time");
    points.push([Number(at) * (unit === "m" ? 60 : 1), Number(value)]);
  }
  const [over] = units;
  if (units.size !== 1 || (over !== "weight" && over !== "time")) return undefined;
  return { over, points: points.sort((a, b) => a[0] - b[0]) };
}

import { expect, it } from "vitest";
import { parseWindow } from "./promql-window.ts";

const DAY = 86_400_000;

it.each([
  ["30s", 30_000],
  ["1m", 60_000],
  ["1m30s", 90_000],
  ["1d", DAY],
  ["1w", 7 * DAY],
  ["1w2d", 9 * DAY],
  ["1y", 365 * DAY],
  ["250ms", 250],
  ["0", 0],
])("%s is a window of %i ms", (text, ms) => {
  expect(parseWindow(text)).toBe(ms);
});

it.each(["", "1", "5min", "1m 30s", "30s1m", "1m1m", "1.5h", "-1m", "{{ interval }}"])("%j is no window", (text) => {
  expect(parseWindow(text)).toBeUndefined();
});

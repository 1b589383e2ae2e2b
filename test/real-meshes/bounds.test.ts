import { expect, it } from "vitest";
import { isWithin } from "./bounds.ts";

it.each([
  [{ requests: 2000, canary: 200 }, 10, true],
  [{ requests: 2000, canary: 260 }, 10, true],
  [{ requests: 2000, canary: 270 }, 10, false],
  [{ requests: 2000, canary: 140 }, 10, true],
  [{ requests: 2000, canary: 130 }, 10, false],
  [{ requests: 2000, canary: 1 }, 0, false],
  [{ requests: 2000, canary: 1999 }, 100, false],
])("%o at %i percent: %s", (observed, weight, within) => {
  expect(isWithin(observed, weight)).toBe(within);
});

import { describe, expect, it } from "vitest";
import { formatDuration, parseDuration } from "./duration.ts";

describe("a Go duration", () => {
  it.each([
    ["0", 0],
    ["0s", 0],
    ["-0s", 0],
    ["300ms", 300],
    ["1m30s", 90_000],
    ["1.5h", 5_400_000],
    [".5s", 500],
    ["1.s", 1000],
    ["-2s", -2000],
    ["+2s", 2000],
    ["1us", 0.001],
    ["1µs", 0.001],
    ["1ns", 0.000001],
    ["1h1m1s1ms", 3_661_001],
    ["0.3333333333333333333h", 1_200_000],
  ])("%s is %d ms", (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  it.each([
    ["", 'time: invalid duration ""'],
    ["-", 'time: invalid duration "-"'],
    [".", 'time: invalid duration "."'],
    ["s", 'time: invalid duration "s"'],
    ["1m ", 'time: unknown unit "m " in duration "1m "'],
    ["5", 'time: missing unit in duration "5"'],
    ["1d", 'time: unknown unit "d" in duration "1d"'],
    ["3000000h", 'time: invalid duration "3000000h"'],
    ['"', 'time: invalid duration "\\""'],
    ["1é", 'time: unknown unit "\\xc3\\xa9" in duration "1\\xc3\\xa9"'],
  ])("%j is refused: %s", (text, message) => {
    expect(parseDuration(text)).toEqual({ kind: "duration-error", message });
  });

  it.each([
    [0, "0s"],
    [0.000001, "1ns"],
    [0.0011, "1.1µs"],
    [1.5, "1.5ms"],
    [500, "500ms"],
    [1515, "1.515s"],
    [60_000, "1m0s"],
    [150_000, "2m30s"],
    [3_600_000, "1h0m0s"],
    [-90_000, "-1m30s"],
  ])("%d ms is printed %s", (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });
});

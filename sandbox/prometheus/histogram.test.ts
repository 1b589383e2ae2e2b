import { expect, it } from "vitest";
import { addHistogram, addValue, emptyHistogram, pushHistogram } from "./histogram.ts";

const BOUNDS = [1, 5, 10];

function shown(values: readonly number[], only?: ReadonlySet<number>): readonly string[] {
  const histogram = emptyHistogram(BOUNDS);
  for (const value of values) addValue(histogram, BOUNDS, value);
  const lines: string[] = [];
  pushHistogram(lines, "seconds", 'app="web"', BOUNDS, histogram, only);
  return lines;
}

it("counts a value within each bound that it does not exceed", () => {
  expect(shown([0.5, 1, 7, 99])).toEqual([
    'seconds_bucket{app="web",le="1"} 2',
    'seconds_bucket{app="web",le="5"} 2',
    'seconds_bucket{app="web",le="10"} 3',
    'seconds_bucket{app="web",le="+Inf"} 4',
    'seconds_sum{app="web"} 107.5',
    'seconds_count{app="web"} 4',
  ]);
});

it("shows the bounds that are asked for, with the counts of all", () => {
  expect(shown([0.5, 4, 7], new Set([10])).slice(0, 2)).toEqual([
    'seconds_bucket{app="web",le="10"} 3',
    'seconds_bucket{app="web",le="+Inf"} 3',
  ]);
});

it("takes up another histogram of the same bounds", () => {
  const [one, two] = [emptyHistogram(BOUNDS), emptyHistogram(BOUNDS)];
  addValue(one, BOUNDS, 3);
  addValue(two, BOUNDS, 30);
  addHistogram(one, two);
  expect(one).toEqual({ counts: [0, 1, 0, 1], sum: 33 });
});

/** Series for the differential test: counters with resets, histograms, gauges with odd values, and gaps in them. */
import { type Label, seriesText } from "../exposition.ts";
import type { Chance } from "./random.ts";

export interface GeneratedSeries {
  readonly name: string;
  readonly labels: readonly Label[];
  /** Milliseconds; values. */
  readonly samples: readonly (readonly [number, number])[];
}

/** 2023-11-14T22:00:00Z: the whole hour lies in one block of the database. */
export const BASE = 1_700_000_000_000 - (1_700_000_000_000 % 7_200_000);
export const MINUTES = 20;
const STEP_MS = 5000;

export function generatedSeries(chance: Chance): readonly GeneratedSeries[] {
  const made: GeneratedSeries[] = [];
  for (const pod of ["a", "b", "c"]) {
    for (const code of ["200", "404", "503"]) {
      const labels = labelsOf({ pod, code, app: pod === "c" ? "web" : "api" });
      made.push({ name: "requests_total", labels, samples: counter(chance) });
    }
    made.push(...histogram(chance, pod));
    made.push({ name: "temperature", labels: labelsOf({ pod, place: "in side" }), samples: gauge(chance) });
    made.push({ name: "limits", labels: labelsOf({ pod, app: "api" }), samples: steady(chance) });
  }
  made.push({ name: "odd", labels: labelsOf({ pod: "x" }), samples: odd(chance) });
  made.push({ name: "short_lived", labels: labelsOf({ pod: "y" }), samples: counter(chance).slice(20, 40) });
  return made.sort((a, b) => (seriesText(a.name, a.labels) < seriesText(b.name, b.labels) ? -1 : 1));
}

function labelsOf(labels: Readonly<Record<string, string>>): readonly Label[] {
  // Sorted as a database sorts them: the order of series decides the last digits of a sum.
  return Object.entries(labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ({ name, value }));
}

function times(chance: Chance): readonly number[] {
  const offset = chance.below(STEP_MS);
  const all: number[] = [];
  let gap = 0;
  for (let at = BASE + offset; at < BASE + MINUTES * 60_000; at += STEP_MS) {
    if (chance.next() < 0.01) gap = chance.below(40);
    gap -= 1;
    if (gap < 0) all.push(at + chance.below(20));
  }
  return all;
}

function counter(chance: Chance): GeneratedSeries["samples"] {
  let value = chance.below(1000);
  return times(chance).map((at) => {
    value = chance.next() < 0.02 ? chance.below(3) : value + chance.below(20) * chance.next();
    return [at, value] as const;
  });
}

function gauge(chance: Chance): GeneratedSeries["samples"] {
  return times(chance).map((at) => [at, (chance.next() - 0.5) * 100] as const);
}

function steady(chance: Chance): GeneratedSeries["samples"] {
  let value = 10;
  return times(chance).map((at) => {
    if (chance.next() < 0.05) value = chance.below(5);
    return [at, value] as const;
  });
}

function odd(chance: Chance): GeneratedSeries["samples"] {
  const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1, -1.5, 1e300];
  return times(chance).map((at) => [at, chance.pick(values)] as const);
}

function histogram(chance: Chance, pod: string): readonly GeneratedSeries[] {
  const bounds = ["0.005", "0.05", "0.5", "1", "5", "+Inf"];
  const counts = bounds.map(() => 0);
  let sum = 0;
  const at = times(chance);
  const history = at.map((time) => {
    if (chance.next() < 0.02) counts.fill(0);
    const observations = chance.below(8);
    for (let i = 0; i < observations; i += 1) {
      const value = 6 * chance.next() ** 4;
      sum += value;
      bounds.forEach((bound, b) => {
        if (bound === "+Inf" || value <= Number(bound)) counts[b] = (counts[b] ?? 0) + 1;
      });
    }
    return { time, sum, counts: [...counts] };
  });
  const series = (
    name: string,
    labels: Readonly<Record<string, string>>,
    value: (h: (typeof history)[number]) => number,
  ) => ({
    name,
    labels: labelsOf(labels),
    samples: history.map((moment) => [moment.time, value(moment)] as const),
  });
  return [
    ...bounds.map((le, b) => series("latency_seconds_bucket", { pod, le }, (moment) => moment.counts[b] ?? 0)),
    series("latency_seconds_sum", { pod }, (moment) => moment.sum),
    series("latency_seconds_count", { pod }, (moment) => moment.counts.at(-1) ?? 0),
  ];
}

/** hey's output at the end: the summary that people and scripts read, or one CSV line per request. */
import type { Exchange } from "./exchange.ts";

/** Beyond this many samples only sums are kept, as in hey; an endless run must not fill the memory. */
const MAX_SAMPLES = 1_000_000;
const BARS = 40;
const BUCKETS = 10;
const PERCENTILES = [10, 25, 50, 75, 90, 95, 99];
const STAGES = ["total", "connect", "wait", "read"] as const;
type Stage = (typeof STAGES)[number];

interface Span {
  sum: number;
  least: number;
  most: number;
}

interface Row {
  readonly exchange: Exchange;
  readonly offset: number;
}

export interface Tally {
  answered: number;
  failed: number;
  bytes: number;
  readonly totals: number[];
  /** Only kept for CSV. */
  readonly rows: Row[] | undefined;
  readonly spans: Readonly<Record<Stage, Span>>;
  readonly statuses: Map<number, number>;
  readonly errors: Map<string, number>;
}

export function newTally(output: "summary" | "csv"): Tally {
  const span = (): Span => ({ sum: 0, least: Number.POSITIVE_INFINITY, most: 0 });
  return {
    answered: 0,
    failed: 0,
    bytes: 0,
    totals: [],
    rows: output === "csv" ? [] : undefined,
    spans: { total: span(), connect: span(), wait: span(), read: span() },
    statuses: new Map(),
    errors: new Map(),
  };
}

/** @param offset seconds after the start of the run */
export function countAnswer(tally: Tally, exchange: Exchange, offset: number): void {
  tally.answered += 1;
  tally.bytes += exchange.bytes;
  tally.statuses.set(exchange.status, (tally.statuses.get(exchange.status) ?? 0) + 1);
  for (const stage of STAGES) {
    const span = tally.spans[stage];
    span.sum += exchange[stage];
    span.least = Math.min(span.least, exchange[stage]);
    span.most = Math.max(span.most, exchange[stage]);
  }
  if (tally.totals.length >= MAX_SAMPLES) return;
  tally.totals.push(exchange.total);
  tally.rows?.push({ exchange, offset });
}

export function countFailure(tally: Tally, error: string): void {
  tally.failed += 1;
  tally.errors.set(error, (tally.errors.get(error) ?? 0) + 1);
}

const seconds = (value: number): string => value.toFixed(4);

/** @param elapsed seconds that the run took */
export function summary(tally: Tally, elapsed: number): string {
  const sorted = Float64Array.from(tally.totals).sort();
  const average = (stage: Stage) => (tally.answered === 0 ? 0 : tally.spans[stage].sum / tally.answered);
  const least = (stage: Stage) => (tally.answered === 0 ? 0 : tally.spans[stage].least);
  const detail = (title: string, stage: Stage) =>
    `  ${title}:\t${[average(stage), least(stage), tally.spans[stage].most].map((s) => `${seconds(s)} secs`).join(", ")}`;
  const none = ["0.0000 secs", "0.0000 secs", "0.0000 secs"].join(", ");
  const size = tally.bytes > 0 && tally.answered > 0 ? Math.floor(tally.bytes / tally.answered) : undefined;
  return [
    "",
    "Summary:",
    `  Total:\t${seconds(elapsed)} secs`,
    `  Slowest:\t${seconds(tally.spans.total.most)} secs`,
    `  Fastest:\t${seconds(least("total"))} secs`,
    `  Average:\t${seconds(average("total"))} secs`,
    `  Requests/sec:\t${seconds(elapsed > 0 ? (tally.answered + tally.failed) / elapsed : 0)}`,
    "  ",
    ...(size === undefined ? [] : [`  Total data:\t${tally.bytes} bytes`, `  Size/request:\t${size} bytes`]),
    "",
    "Response time histogram:",
    ...histogram(sorted),
    "",
    "",
    "Latency distribution:",
    ...latencies(sorted),
    "",
    "Details (average, fastest, slowest):",
    detail("DNS+dialup", "connect"),
    `  DNS-lookup:\t${none}`,
    `  req write:\t${none}`,
    detail("resp wait", "wait"),
    detail("resp read", "read"),
    "",
    "Status code distribution:",
    ...[...tally.statuses].sort(([a], [b]) => a - b).map(([status, count]) => `  [${status}]\t${count} responses`),
    "",
    ...errorDistribution(tally),
    "",
    "",
  ].join("\n");
}

function errorDistribution(tally: Tally): string[] {
  if (tally.errors.size === 0) return [""];
  const lines = [...tally.errors]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([error, count]) => `  [${count}]\t${error}`);
  return ["Error distribution:", ...lines];
}

function histogram(sorted: Float64Array): string[] {
  const fastest = sorted[0];
  const slowest = sorted.at(-1);
  if (fastest === undefined || slowest === undefined) return [];
  const marks = Array.from({ length: BUCKETS }, (_, i) => fastest + ((slowest - fastest) / BUCKETS) * i);
  marks.push(slowest);
  const counts = marks.map(() => 0);
  let bucket = 0;
  for (const total of sorted) {
    while (bucket < BUCKETS && total > (marks[bucket] ?? slowest)) bucket += 1;
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  const most = Math.max(...counts);
  return marks.map((mark, i) => {
    const count = counts[i] ?? 0;
    return `  ${mark.toFixed(3)} [${count}]\t|${"■".repeat(Math.floor((count * BARS + most / 2) / most))}`;
  });
}

/** Percentiles that need more samples are left out (hey prints a row of zeros). */
function latencies(sorted: Float64Array): string[] {
  return PERCENTILES.flatMap((percentile) => {
    const at = Math.ceil((percentile * sorted.length) / 100);
    const latency = sorted[at];
    return latency === undefined ? [] : [`  ${percentile}% in ${seconds(latency)} secs`];
  });
}

const CSV_HEAD = "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset";

export function csv(tally: Tally): string {
  const lines = (tally.rows ?? []).map(({ exchange, offset }) =>
    [
      ...[exchange.total, exchange.connect, 0, 0, exchange.wait, exchange.read].map(seconds),
      exchange.status,
      seconds(offset),
    ].join(","),
  );
  return `${[CSV_HEAD, ...lines].join("\n")}\n`;
}

/** The embedded Prometheus held against Debian's: the same series, hundreds of generated queries, the same answers. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seriesText } from "./exposition.ts";
import { createHttpApi } from "./http-api.ts";
import { createQueryEngine } from "./query-engine.ts";
import { findPrometheus, type RealPrometheus, startReal } from "./real.ts";
import { SeriesStore } from "./series-store.ts";
import { generatedQuery } from "./testing/generated-queries.ts";
import { BASE, type GeneratedSeries, generatedSeries, MINUTES } from "./testing/generated-series.ts";
import { seeded } from "./testing/random.ts";

const SEED = Number(process.env["PROMQL_SEED"] ?? 20_260_101);
const INSTANT_QUERIES = Number(process.env["PROMQL_QUERIES"] ?? 600);
const RANGE_QUERIES = INSTANT_QUERIES / 4;
const LOOKBACK_MS = 60_000;
const TOLERANCE = 1e-9;
const binary = await findPrometheus();

if (binary === undefined) {
  process.stderr.write("no prometheus here: the embedded one is not compared with it (apt-get install prometheus)\n");
}
const describeWithPrometheus = binary === undefined ? () => undefined : describe;

describeWithPrometheus(`embedded and real Prometheus agree (PROMQL_SEED=${SEED})`, () => {
  let dir = "";
  let real: RealPrometheus;
  let server: Server;
  let embedded = "";

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "aviary-promql-"));
    const series = generatedSeries(seeded(SEED));
    real = await realWith(series, dir, binary ?? "");
    server = createServer(apiWith(series));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    embedded = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    await real?.stop();
    server?.closeAllConnections();
    server?.close();
    await rm(dir, { recursive: true, force: true });
  });

  async function disagreements(path: string, cases: readonly Readonly<Record<string, string>>[]): Promise<string[]> {
    const found: string[] = [];
    let errors = 0;
    let empty = 0;
    for (const params of cases) {
      const [ours, theirs] = await Promise.all([ask(embedded + path, params), ask(real.url + path, params)]);
      if (theirs.status !== 200) errors += 1;
      else if (isEmpty(theirs.body)) empty += 1;
      const difference = compare(ours, theirs);
      if (difference !== undefined) found.push(`${JSON.stringify(params)}\n    ${difference}`);
    }
    process.stdout.write(`  ${path}: ${cases.length} queries, of them ${errors} errors and ${empty} without data\n`);
    // Queries without an answer prove nothing, so most must have one.
    expect(errors + empty).toBeLessThan(cases.length * 0.7);
    return found;
  }

  it(`on ${INSTANT_QUERIES} instant queries`, async () => {
    const chance = seeded(SEED + 1);
    const cases = Array.from({ length: INSTANT_QUERIES }, () => ({
      query: generatedQuery(chance),
      time: String((BASE + chance.below((MINUTES + 2) * 60_000)) / 1000),
    }));
    expect(await disagreements("/api/v1/query", cases)).toEqual([]);
  });

  it(`on ${RANGE_QUERIES} range queries`, async () => {
    const chance = seeded(SEED + 2);
    const cases = Array.from({ length: RANGE_QUERIES }, () => {
      const start = BASE / 1000 + chance.below(MINUTES * 60);
      const query = generatedQuery(chance);
      return {
        query,
        start: String(start),
        end: String(start + chance.below(600)),
        step: chance.pick(["15", "30s", "1m"]),
      };
    });
    expect(await disagreements("/api/v1/query_range", cases)).toEqual([]);
  });
});

it("compares with the program named prometheus, or with none", () => {
  expect(binary === undefined || binary.endsWith("prometheus")).toBe(true);
});

async function realWith(series: readonly GeneratedSeries[], dir: string, program: string): Promise<RealPrometheus> {
  const lines = series.flatMap(({ name, labels, samples }) =>
    samples.map(([at, value]) => `${seriesText(name, labels)} ${floatText(value)} ${at / 1000}`),
  );
  await writeFile(join(dir, "series.om"), `${lines.join("\n")}\n# EOF\n`);
  const promtool = program.replace(/prometheus$/, "promtool");
  const data = join(dir, "data");
  await promisify(execFile)(promtool, ["tsdb", "create-blocks-from", "openmetrics", join(dir, "series.om"), data]);
  const port = await freePort();
  const started = await startReal({
    binary: program,
    address: "127.0.0.1",
    port,
    targets: [],
    scrapeIntervalMs: 60_000,
    lookbackMs: LOOKBACK_MS,
    dataDir: data,
    log: (line) => void (line.includes("SIGTERM") || process.stdout.write(`${line}\n`)),
  });
  await ready(started);
  return started;
}

async function ready(prometheus: RealPrometheus): Promise<void> {
  for (;;) {
    const ended = await Promise.race([prometheus.exited, attempt(`${prometheus.url}/-/ready`)]);
    if (typeof ended === "number") throw new Error(`prometheus ended with ${ended}`);
    if (ended) return;
  }
}

async function attempt(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

function apiWith(series: readonly GeneratedSeries[]) {
  const store = new SeriesStore({ retention: { rawMs: 7_200_000, thinMs: 1, keepMs: 7_200_000 } });
  for (const { name, labels, samples } of series) {
    const set = new Map([["__name__", name], ...labels.map((label) => [label.name, label.value] as const)]);
    const { samples: ring } = store.series(set);
    for (const [at, value] of samples) ring.add(at, value);
  }
  const engine = createQueryEngine({ store, lookbackMs: LOOKBACK_MS });
  return createHttpApi({ store, engine, targets: () => [], scrapeIntervalMs: 1000 });
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  return Number.isFinite(value) ? String(value) : value > 0 ? "+Inf" : "-Inf";
}

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: the JSON of two servers, compared as it is.
  readonly body: any;
}

async function ask(url: string, params: Readonly<Record<string, string>>): Promise<Answer> {
  const response = await fetch(url, { method: "POST", body: new URLSearchParams(params) });
  return { status: response.status, body: await response.json() };
}

function isEmpty(body: Answer["body"]): boolean {
  return Array.isArray(body.data?.result) && body.data.result.length === 0;
}

/** undefined: equal, or errors of the same status. */
function compare(ours: Answer, theirs: Answer): string | undefined {
  const say = (answer: Answer) => (answer.status === 200 ? "a result" : `${answer.status} ${answer.body.error}`);
  if (ours.status !== theirs.status) return `embedded: ${say(ours)}; real: ${say(theirs)}`;
  if (ours.status !== 200) return undefined;
  const [a, b] = [ours.body.data, theirs.body.data];
  if (a.resultType !== b.resultType) return `types ${a.resultType} and ${b.resultType}`;
  if (a.resultType === "string") return a.result[1] === b.result[1] ? undefined : "strings differ";
  if (a.resultType === "scalar") return comparePairs("", [a.result], [b.result]);
  const left = bySeries(a.result);
  const right = bySeries(b.result);
  const keys = new Set([...left.keys(), ...right.keys()]);
  for (const key of keys) {
    const difference = comparePairs(key, left.get(key) ?? [], right.get(key) ?? []);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

type Pair = readonly [number, string];

function bySeries(result: Answer["body"]): Map<string, readonly Pair[]> {
  const found = new Map<string, readonly Pair[]>();
  for (const { metric, value, values } of result) {
    found.set(JSON.stringify(Object.entries(metric).sort()), values ?? [value]);
  }
  return found;
}

function comparePairs(key: string, here: readonly Pair[], theirs: readonly Pair[]): string | undefined {
  if (here.length !== theirs.length) return `${key}: ${here.length} values here, ${theirs.length} there`;
  for (const [i, [at, text]] of here.entries()) {
    const [otherAt, otherText] = theirs[i] ?? [0, ""];
    if (at !== otherAt) return `${key}: times ${at} and ${otherAt}`;
    const [a, b] = [Number(text.replace("Inf", "Infinity")), Number(otherText.replace("Inf", "Infinity"))];
    const close = Object.is(a, b) || a === b || Math.abs(a - b) <= TOLERANCE * Math.max(1, Math.abs(a), Math.abs(b));
    if (!close) return `${key}: ${text} here, ${otherText} there`;
  }
  return undefined;
}

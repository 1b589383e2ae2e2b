/** Prometheus' HTTP API over the embedded engine. Shapes and words as those of Prometheus 2. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { requestedUrl } from "../requested-url.ts";
import { durationMs } from "./promql/durations.ts";
import { ExecutionError, QueryError } from "./promql/errors.ts";
import { keyOf, type Labels } from "./promql/labels.ts";
import { parseQuery } from "./promql/parse.ts";
import type { Evaluated, Point } from "./promql/values.ts";
import type { QueryEngine } from "./query-engine.ts";
import { JOB, type TargetState } from "./scraper.ts";
import type { Series, SeriesStore } from "./series-store.ts";

export interface HttpApiOptions {
  readonly store: SeriesStore;
  readonly engine: QueryEngine;
  readonly targets: () => readonly TargetState[];
  readonly scrapeIntervalMs: number;
  readonly now?: () => number;
}

type Handler = (params: URLSearchParams, path: readonly string[]) => unknown;

/** Says in the shape of the API what went wrong. */
class ApiFailure extends Error {
  constructor(
    readonly status: number,
    readonly type: string,
    message: string,
  ) {
    super(message);
  }
}

const LARGEST_FORM = 1024 * 1024;

export function createHttpApi(options: HttpApiOptions): (request: IncomingMessage, response: ServerResponse) => void {
  const routes = routesOf(options);
  return (request, response) => {
    void answer(request, routes).then(({ status, body }) => {
      const json = typeof body !== "string";
      response.writeHead(status, { "content-type": json ? "application/json" : "text/plain; charset=utf-8" });
      response.end(json ? JSON.stringify(body) : body);
    });
  };
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function answer(request: IncomingMessage, routes: Readonly<Record<string, Handler>>): Promise<Answer> {
  const url = requestedUrl(request.url);
  if (url.pathname === "/-/ready") return { status: 200, body: "Prometheus Server is Ready.\n" };
  if (url.pathname === "/-/healthy") return { status: 200, body: "Prometheus Server is Healthy.\n" };
  try {
    const [name, ...rest] = url.pathname.replace(/^\/api\/v1\//, "").split("/");
    const route =
      name === "label" || name === "status" ? `${name}/${rest[1] ?? rest[0] ?? ""}` : [name, ...rest].join("/");
    const handler = url.pathname.startsWith("/api/v1/") && Object.hasOwn(routes, route) ? routes[route] : undefined;
    if (handler === undefined) return { status: 404, body: "404 page not found\n" };
    if (request.method !== "GET" && request.method !== "POST") return { status: 405, body: "Method Not Allowed\n" };
    const params = request.method === "POST" ? await withForm(request, url.searchParams) : url.searchParams;
    return { status: 200, body: { status: "success", data: handler(params, rest) } };
  } catch (error) {
    return failureOf(error);
  }
}

function failureOf(error: unknown): Answer {
  const failed = (status: number, errorType: string, message: string) => ({
    status,
    body: { status: "error", errorType, error: message },
  });
  if (error instanceof ApiFailure) return failed(error.status, error.type, error.message);
  if (error instanceof QueryError) return failed(400, "bad_data", `invalid parameter "query": ${error.message}`);
  if (error instanceof ExecutionError) return failed(422, "execution", error.message);
  return failed(500, "internal", error instanceof Error ? error.message : String(error));
}

async function withForm(request: IncomingMessage, params: URLSearchParams): Promise<URLSearchParams> {
  let text = "";
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > LARGEST_FORM) throw new ApiFailure(413, "bad_data", "the form is longer than 1 MiB");
  }
  return new URLSearchParams([...new URLSearchParams(text), ...params]);
}

function routesOf({
  store,
  engine,
  targets,
  scrapeIntervalMs,
  now = Date.now,
}: HttpApiOptions): Readonly<Record<string, Handler>> {
  const selected = (params: URLSearchParams, required: boolean): Iterable<Series> => {
    const queries = params.getAll("match[]");
    if (queries.length === 0 && required) throw new ApiFailure(400, "bad_data", "no match[] parameter provided");
    const found = queries.length === 0 ? [...store.all()] : queries.flatMap((query) => store.select(matchersOf(query)));
    const [from, to] = [timeOf(params, "start", 0), timeOf(params, "end", now())];
    return new Set(found.filter(({ samples }) => samples.between(from, to).length > 0));
  };
  return {
    query: (params) => {
      const at = timeOf(params, "time", now());
      return instantData(engine.instant(queryOf(params), at), at);
    },
    query_range: (params) => {
      const [start, end] = [timeOf(params, "start"), timeOf(params, "end")];
      const step = stepOf(params);
      if (end < start) throw bad("end", "end timestamp must not be before start time");
      const series = engine.range(queryOf(params), start, end, step);
      return { resultType: "matrix", result: sortedByLabels(series).map(seriesData) };
    },
    labels: (params) => [...new Set([...selected(params, false)].flatMap(({ labels }) => [...labels.keys()]))].sort(),
    "label/values": (params, [name = ""]) =>
      [
        ...new Set([...selected(params, false)].flatMap(({ labels }) => labels.get(decodeURIComponent(name)) ?? [])),
      ].sort(),
    series: (params) => sortedByLabels([...selected(params, true)]).map(({ labels }) => Object.fromEntries(labels)),
    targets: () => ({
      activeTargets: targets().map((state) => targetData(state, scrapeIntervalMs)),
      droppedTargets: [],
    }),
    "status/buildinfo": () => ({
      version: "2.42.0",
      revision: "embedded",
      branch: "aviary-sandbox",
      buildUser: "",
      buildDate: "",
      goVersion: "none: this is the sandbox's embedded subset of Prometheus",
    }),
  };
}

function bad(parameter: string, message: string): ApiFailure {
  return new ApiFailure(400, "bad_data", `invalid parameter "${parameter}": ${message}`);
}

function queryOf(params: URLSearchParams): string {
  return params.get("query") ?? "";
}

function matchersOf(query: string) {
  try {
    const expr = parseQuery(query);
    if (expr.type === "selector") return expr.matchers;
  } catch (error) {
    throw error instanceof QueryError ? bad("match[]", error.message) : error;
  }
  throw bad("match[]", "expected a series selector");
}

/** Unix seconds or RFC 3339, in milliseconds. */
function timeOf(params: URLSearchParams, name: string, otherwise?: number): number {
  const text = params.get(name) ?? "";
  if (text === "" && otherwise !== undefined) return otherwise;
  const seconds = text === "" ? Number.NaN : Number(text);
  const ms = Number.isFinite(seconds)
    ? Math.round(seconds * 1000)
    : /^\d{4}-/.test(text)
      ? Date.parse(text)
      : Number.NaN;
  if (Number.isNaN(ms)) throw bad(name, `cannot parse "${text}" to a valid timestamp`);
  return ms;
}

function stepOf(params: URLSearchParams): number {
  const text = params.get("step") ?? "";
  const seconds = text === "" ? Number.NaN : Number(text);
  let ms = seconds * 1000;
  if (Number.isNaN(seconds)) {
    try {
      ms = durationMs(text);
    } catch {
      throw bad("step", `cannot parse "${text}" to a valid duration`);
    }
  }
  if (ms > 0) return Math.max(1, Math.trunc(ms));
  throw bad("step", "zero or negative query resolution step widths are not accepted. Try a positive integer");
}

function instantData(result: Evaluated, at: number): unknown {
  switch (result.type) {
    case "scalar":
      return { resultType: "scalar", result: pair({ at, value: result.value }) };
    case "string":
      return { resultType: "string", result: [at / 1000, result.value] };
    case "vector":
      return {
        resultType: "vector",
        result: result.elements.map(({ labels, value }) => ({
          metric: Object.fromEntries(labels),
          value: pair({ at, value }),
        })),
      };
    case "matrix":
      return { resultType: "matrix", result: sortedByLabels(result.series).map(seriesData) };
  }
}

function seriesData({ labels, points }: { readonly labels: Labels; readonly points: readonly Point[] }): unknown {
  return { metric: Object.fromEntries(labels), values: points.map(pair) };
}

function pair({ at, value }: Point): readonly [number, string] {
  return [
    at / 1000,
    Number.isFinite(value) ? String(value) : Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf",
  ];
}

function sortedByLabels<T extends { readonly labels: Labels }>(series: readonly T[]): T[] {
  return series
    .map((item) => ({ item, key: keyOf(item.labels) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ item }) => item);
}

function targetData(state: TargetState, scrapeIntervalMs: number): unknown {
  const url = new URL(state.url);
  const interval = `${scrapeIntervalMs / 1000}s`;
  return {
    discoveredLabels: {
      __address__: url.host,
      __metrics_path__: url.pathname,
      __scheme__: url.protocol.replace(":", ""),
      job: JOB,
    },
    labels: { instance: url.host, job: JOB },
    scrapePool: JOB,
    scrapeUrl: state.url,
    globalUrl: state.url,
    lastError: state.lastError,
    lastScrape: new Date(state.lastScrape).toISOString(),
    lastScrapeDuration: state.lastDurationMs / 1000,
    health: state.health,
    scrapeInterval: interval,
    scrapeTimeout: interval,
  };
}

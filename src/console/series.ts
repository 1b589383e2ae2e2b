/**
 * What the checks of one Canary measure over time, for canary and primary. The server renders the Canary's own queries:
 * the browser names a Canary and never sends a query, so a person sees the metrics of no other tenant.
 */
import type { Dispatcher } from "undici";
import { modelOf, parseOptions, type ReadObject, targetOf } from "../cli/adapters.ts";
import { parseSpec } from "../core/spec/parse.ts";
import type { CanarySpec, Metric } from "../core/spec/spec.ts";
import { limitsOf } from "../core/turn/checks.ts";
import { errorText } from "../error-text.ts";
import { builtInQuery, observerFor, observerKey, type QueryKind } from "../metrics/observers.ts";
import { type Point, queryRange, type Span } from "../metrics/prometheus/range.ts";
import { type QueryModel, renderQuery } from "../metrics/template.ts";
import type { Clock } from "../ports/clock.ts";
import type { KubeObject } from "../ports/kubernetes.ts";
import type { ChartView, SeriesView } from "./types.ts";

export interface MetricsServer {
  /** The Prometheus that the operator asks. */
  readonly address: string;
  readonly meshProvider: string;
  readonly dispatcher?: Dispatcher;
}

export type Series = (canary: KubeObject, minutes: number, signal: AbortSignal) => Promise<SeriesView>;

const KEPT_MS = 10_000;
const MOST_POINTS = 240;
const MOST_KEPT = 50;
const MOST_CHARTS = 20;
const FINEST_MS = 5000;

const NO_SERVER = "the console knows no Prometheus, start it with --metrics-server URL";

/** Answers are kept for ten seconds: many people who look at one Canary cost what one person costs. */
export function createSeries(server: MetricsServer | undefined, clock: Clock, readObject: ReadObject): Series {
  const kept = new Map<string, { readonly until: number; readonly view: Promise<SeriesView> }>();
  return async (canary, minutes, signal) => {
    const { namespace = "default", name, resourceVersion = "" } = canary.metadata;
    const key = `${namespace}/${name}/${resourceVersion}/${minutes}`;
    const found = kept.get(key);
    if (found !== undefined && found.until > clock.now()) return await found.view;
    if (kept.size >= MOST_KEPT) kept.clear();
    const view = read(canary, namespace, { server, clock, minutes, readObject }, signal);
    kept.set(key, { until: clock.now() + KEPT_MS, view });
    view.catch(() => kept.delete(key));
    return await view;
  };
}

interface Reading {
  readonly server: MetricsServer | undefined;
  readonly clock: Clock;
  readonly minutes: number;
  readonly readObject: ReadObject;
}

async function read(
  canary: KubeObject,
  namespace: string,
  { server, clock, minutes, readObject }: Reading,
  signal: AbortSignal,
): Promise<SeriesView> {
  const to = Math.floor(clock.now() / FINEST_MS) * FINEST_MS;
  const from = to - minutes * 60_000;
  const stepMs = Math.max(FINEST_MS, Math.ceil((to - from) / MOST_POINTS / 1000) * 1000);
  const nothing = (trouble: string): SeriesView => ({ from, to, stepMs, charts: [], trouble });
  const parsed = parseSpec(canary.spec, namespace, parseOptions());
  if (parsed.kind === "invalid") return nothing(parsed.problem);
  if (server === undefined) return nothing(NO_SERVER);
  const { spec } = parsed;
  if (spec.metricsServer !== undefined && spec.metricsServer !== server.address)
    return nothing(`this Canary is measured by another server (spec.metricsServer), which the console does not ask`);
  const options = { type: "prometheus", address: server.address, clock, ...dispatcherOf(server) };
  const span: Span = { from: from / 1000, to: to / 1000, step: stepMs / 1000 };
  const range = (query: string) => queryRange(options, query, span, signal);
  try {
    const names = await namesOf({ ref: { name: canary.metadata.name, namespace }, spec }, readObject, signal);
    if (typeof names === "string") return nothing(names);
    const [split, ...charts] = await Promise.all([
      splitOf(spec, names, server, to, range),
      ...queriesOf(spec, names, server).slice(0, MOST_CHARTS).map(chartOf(range)),
    ]);
    return { from, to, stepMs, charts, ...split };
  } catch (error) {
    signal.throwIfAborted();
    return nothing(`Prometheus cannot be asked: ${errorText(error)}`);
  }
}

const dispatcherOf = ({ dispatcher }: MetricsServer) => (dispatcher === undefined ? {} : { dispatcher });

type Range = (query: string) => Promise<readonly Point[]>;

interface Asked extends Omit<ChartView, "canary" | "primary"> {
  /** What a value is multiplied by: durations are shown in milliseconds. */
  readonly scale: number;
  readonly canary: string;
  /** Absent where the query does not tell the primary from the canary. */
  readonly primary: string | undefined;
}

function chartOf(range: Range) {
  return async ({ scale, canary, primary, ...rest }: Asked): Promise<ChartView> => {
    const scaled = (points: readonly Point[]) => points.map(([at, value]): Point => [at, value * scale]);
    const [ours, theirs] = await Promise.all([range(canary), primary === undefined ? [] : range(primary)]);
    return { ...rest, canary: scaled(ours), primary: scaled(theirs) };
  };
}

const BUILT_IN: Readonly<Record<string, "success-rate" | "duration">> = {
  "request-success-rate": "success-rate",
  "request-duration": "duration",
};

/** What the queries of each version are rendered from. */
interface Names {
  readonly canary: QueryModel;
  readonly primary: QueryModel;
}

const ofBoth = (
  { canary, primary }: Names,
  render: (model: QueryModel) => string,
): [canary: string, primary: string] => [render(canary), render(primary)];

/** @returns why the object that tells the names cannot be read */
async function namesOf(
  canary: Parameters<typeof modelOf>[0],
  readObject: ReadObject,
  signal: AbortSignal,
): Promise<Names | string> {
  const of = (version: keyof Names) => modelOf(canary, version, { interval: WINDOW }, readObject, signal);
  const [ours, theirs] = await Promise.all([of("canary"), of("primary")]);
  if (typeof ours === "string") return ours;
  return typeof theirs === "string" ? theirs : { canary: ours, primary: theirs };
}

/**
 * The queries of the checks that the console's own Prometheus answers: built-in ones, and those written in the Canary.
 */
function queriesOf(spec: CanarySpec, names: Names, server: MetricsServer): readonly Asked[] {
  const both = ({ interval, templateVariables = {} }: Metric, render: (model: QueryModel) => string) => {
    const [canary, primary] = ofBoth(names, (model) => render({ ...model, interval, variables: templateVariables }));
    return { canary, primary: primary === canary ? undefined : primary };
  };
  return spec.analysis.metrics.flatMap((metric): Asked[] => {
    const kind = BUILT_IN[metric.name];
    if (metric.templateRef === undefined && metric.query !== undefined && kind === undefined) {
      const { query } = metric;
      const limits = limitsOf(metric, "query");
      return [
        { check: metric.name, unit: "", scale: 1, ...limits, ...both(metric, (model) => renderQuery(query, model)) },
      ];
    }
    if (kind === undefined || metric.templateRef !== undefined) return [];
    const observer = observerOf(spec, server);
    const [unit, scale] = kind === "duration" ? (["ms", observer.durationScale] as const) : (["%", 1] as const);
    const queries = both(metric, (model) => builtInQuery(observer, kind, model));
    return [{ check: metric.name, unit, scale, ...limitsOf(metric, kind), ...queries }];
  });
}

const observerOf = (spec: CanarySpec, { meshProvider }: MetricsServer) =>
  observerFor(
    observerKey({
      meshProvider,
      ownProvider: spec.ownProvider,
      targetIsService: targetOf(spec)?.isService === true,
    }),
  );

const WINDOW = "1m";
const WINDOW_MS = 60_000;
const REQUESTS: QueryKind = "requests";

/** The split as it was measured: the part of all requests that the canary got, or why that is not known. */
async function splitOf(
  spec: CanarySpec,
  names: Names,
  server: MetricsServer,
  until: number,
  range: Range,
): Promise<Pick<SeriesView, "share" | "unmeasured">> {
  const observer = observerOf(spec, server);
  const [canary, primary] = ofBoth(names, (model) => builtInQuery(observer, REQUESTS, model));
  if (canary === primary)
    return { unmeasured: `the metrics of ${spec.provider} do not tell the primary's requests from the canary's` };
  const [ours, theirs] = await Promise.all([range(canary), range(primary)]);
  const others = new Map(theirs);
  const mine = new Map(ours);
  const times = [...new Set([...others.keys(), ...mine.keys()])].sort((a, b) => a - b);
  const points = times.flatMap((at): Point[] => {
    const [one, other] = [mine.get(at) ?? 0, others.get(at) ?? 0];
    return one + other >= 1 ? [[at, (one / (one + other)) * 100]] : [];
  });
  const [at, percent] = points.at(-1) ?? [0, 0];
  // An older point tells how an earlier step was split, or an earlier release.
  if (at < until - WINDOW_MS)
    return { unmeasured: "Prometheus counted no requests of the two versions in the last minute" };
  const requests = Math.round((mine.get(at) ?? 0) + (others.get(at) ?? 0));
  return { share: { points, percent, requests, window: WINDOW, at } };
}

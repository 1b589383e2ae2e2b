/**
 * What the checks of one Canary measure over time, for canary and primary. The server renders the Canary's own queries:
 * the browser names a Canary and never sends a query, so a person sees the metrics of no other tenant.
 */
import type { Dispatcher } from "undici";
import { parseOptions, targetOf } from "../cli/adapters.ts";
import { parseSpec } from "../core/spec/parse.ts";
import { type CanarySpec, type Metric, primaryName } from "../core/spec/spec.ts";
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

const NO_SERVER = "no Prometheus is known to the console: start it with --metrics-server URL";

/** Answers are kept for ten seconds: many people who look at one Canary cost what one person costs. */
export function createSeries(server: MetricsServer | undefined, clock: Clock): Series {
  const kept = new Map<string, { readonly until: number; readonly view: Promise<SeriesView> }>();
  return async (canary, minutes, signal) => {
    const { namespace = "default", name, resourceVersion = "" } = canary.metadata;
    const key = `${namespace}/${name}/${resourceVersion}/${minutes}`;
    const found = kept.get(key);
    if (found !== undefined && found.until > clock.now()) return await found.view;
    if (kept.size >= MOST_KEPT) kept.clear();
    const view = read(canary, namespace, { server, clock, minutes }, signal);
    kept.set(key, { until: clock.now() + KEPT_MS, view });
    view.catch(() => kept.delete(key));
    return await view;
  };
}

interface Reading {
  readonly server: MetricsServer | undefined;
  readonly clock: Clock;
  readonly minutes: number;
}

async function read(
  canary: KubeObject,
  namespace: string,
  { server, clock, minutes }: Reading,
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
    const { name } = canary.metadata;
    const [requests, ...charts] = await Promise.all([
      requestsOf(spec, name, namespace, server, range),
      ...queriesOf(spec, name, namespace, server).slice(0, MOST_CHARTS).map(chartOf(range)),
    ]);
    return { from, to, stepMs, charts, ...requests };
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

function modelOf(spec: CanarySpec, name: string, namespace: string, metric: Pick<Metric, "interval">, target: string) {
  return {
    ...{ name, namespace, target, service: spec.service.name, interval: metric.interval },
    ingress: spec.ingressRef?.name ?? spec.targetRef.name,
    route: spec.routeRef?.name ?? spec.targetRef.name,
  };
}

/**
 * The queries of the checks that the console's own Prometheus answers: built-in ones, and those written in the Canary.
 */
function queriesOf(spec: CanarySpec, name: string, namespace: string, server: MetricsServer): readonly Asked[] {
  const both = (metric: Metric, render: (model: QueryModel) => string) => {
    const at = (target: string) =>
      render({
        ...modelOf(spec, name, namespace, metric, target),
        variables: metric.templateVariables ?? {},
      });
    const [canary, primary] = [at(spec.targetRef.name), at(primaryName(spec))];
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
const REQUESTS: QueryKind = "requests";

/** The split as it was measured: the part of all requests that the canary got. */
async function requestsOf(
  spec: CanarySpec,
  name: string,
  namespace: string,
  server: MetricsServer,
  range: Range,
): Promise<Pick<SeriesView, "share">> {
  const observer = observerOf(spec, server);
  const query = (target: string) =>
    builtInQuery(observer, REQUESTS, {
      ...modelOf(spec, name, namespace, { interval: WINDOW }, target),
      variables: {},
    });
  const [canary, primary] = [query(spec.targetRef.name), query(primaryName(spec))];
  if (canary === primary) return {};
  const [ours, theirs] = await Promise.all([range(canary), range(primary)]);
  const others = new Map(theirs);
  const mine = new Map(ours);
  const times = [...new Set([...others.keys(), ...mine.keys()])].sort((a, b) => a - b);
  const share = times.flatMap((at): Point[] => {
    const [one, other] = [mine.get(at) ?? 0, others.get(at) ?? 0];
    return one + other >= 1 ? [[at, (one / (one + other)) * 100]] : [];
  });
  const last = times.at(-1);
  const now = share.at(-1);
  if (last === undefined || now === undefined) return {};
  const requests = Math.round((mine.get(now[0]) ?? 0) + (others.get(now[0]) ?? 0));
  return { share: { points: share, percent: now[1], requests, window: WINDOW, at: now[0] } };
}

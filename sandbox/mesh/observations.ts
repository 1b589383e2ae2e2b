/**
 * What Envoy would tell Prometheus, with Istio's names and labels. There are two reporters: the caller's proxy
 * ("source"), who counts requests, and the called pod's ("destination"), who counts tries. Knative's gateway counts the
 * requests to each Revision with names of its own.
 */

import { blocksOf } from "../prometheus/exposition.ts";
import { addHistogram, addValue, emptyHistogram, type Histogram, pushHistogram } from "../prometheus/histogram.ts";
import type { IngressTag } from "./ingress-metrics.ts";
import { createIngressMetrics } from "./ingress-metrics.ts";
import type { Workload } from "./workload.ts";

/** One finished request. */
export interface Observation {
  /** undefined: a client outside the mesh. */
  readonly source: Workload | undefined;
  /** undefined: no pod was reached. */
  readonly destination: Workload | undefined;
  readonly service: ServiceName;
  /** HTTP status as the caller saw it; 0 when the caller went away before there was one. */
  readonly code: number;
  /** Envoy's response flags, "-" when nothing is special: UH, UF, URX, UC, UT, NR, NC, DC, FI, DI, UO. */
  readonly flags: string;
  /** false: one of several tries of a request, which the caller's proxy counts once. */
  readonly seenBySource: boolean;
  /** Whether the called pod has a proxy of its own, and was reached. */
  readonly seenByDestination: boolean;
  readonly durationMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** The Ingress that led here. */
  readonly ingress?: IngressTag;
}

/** The Service that a request was sent to. */
export interface ServiceName {
  /** "podinfo.test.svc.cluster.local" */
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
  /** It is that of a Revision of Knative's. */
  readonly revision: boolean;
}

/** Requests so far between two workloads with one response code. */
export interface RequestTotal {
  /** Workload; "unknown" for callers outside the mesh. */
  readonly source: string;
  readonly sourceNamespace: string;
  readonly workload: string;
  readonly namespace: string;
  /** "podinfo.test.svc.cluster.local" */
  readonly service: string;
  readonly code: number;
  readonly flags: string;
  readonly requests: number;
}

export interface Telemetry {
  observe(observation: Observation): void;
  /** In Prometheus' text format, in blocks of whole lines. */
  exposition(): readonly string[];
  totals(): readonly RequestTotal[];
  /** Observations since the start. */
  requests(): number;
}

export interface TelemetryOptions {
  /** Milliseconds, never going back. */
  readonly now: () => number;
  /** Whether the cluster still has the workload, or the Service. */
  readonly exists: (subject: Workload | ServiceName) => boolean;
}

/** How long the series of a workload that is gone stay: long enough for a query to see how its last requests went. */
const FORGET_GONE_AFTER_MS = 10 * 60_000;
/** How often the telemetry looks for series to forget. */
const LOOK_EVERY_MS = 10_000;

/** Istio's, for milliseconds and bytes alike. */
const BUCKETS = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000,
];

/**
 * The byte histograms show these bounds only: all of Istio's would be most of what Prometheus keeps here, and nearly
 * nothing asks for them.
 */
const BYTE_BUCKETS: ReadonlySet<number> = new Set([100, 1000, 10_000, 60_000]);

/** What one reporter counts. */
interface Counts {
  requests: number;
  readonly duration: Histogram;
  readonly requestBytes: Histogram;
  readonly responseBytes: Histogram;
}

type Reporter = "source" | "destination";

/** One pair of workloads with one outcome. */
interface Series {
  readonly first: Observation;
  requests: number;
  /** Its labels as text, by reporter, made once. */
  readonly labels: Readonly<Record<Reporter, string>>;
  /** When a workload or Service of it was found to be gone. */
  goneSince: number | undefined;
  /**
   * Empty for a reporter that has seen nothing: requests that never reached the pod, tries that the caller did not
   * notice.
   */
  readonly bySource: Counts;
  readonly byDestination: Counts;
}

const noCounts = (): Counts => ({
  requests: 0,
  duration: emptyHistogram(BUCKETS),
  requestBytes: emptyHistogram(BUCKETS),
  responseBytes: emptyHistogram(BUCKETS),
});

export function createTelemetry({ now, exists }: TelemetryOptions): Telemetry {
  const series = new Map<string, Series>();
  let lookedAt = now();
  let requests = 0;
  const ingresses = createIngressMetrics((namespace, name) =>
    exists({ host: `${name}.${namespace}.svc.cluster.local`, namespace, name, revision: false }),
  );
  const forgetGone = () => {
    const at = now();
    if (at - lookedAt < LOOK_EVERY_MS) return;
    lookedAt = at;
    for (const [key, one] of series) {
      const { source, destination, service } = one.first;
      const subjects = [source, destination, service];
      if (subjects.every((subject) => subject === undefined || exists(subject))) one.goneSince = undefined;
      else one.goneSince ??= at;
      if (one.goneSince !== undefined && at - one.goneSince >= FORGET_GONE_AFTER_MS) series.delete(key);
    }
  };
  return {
    requests: () => requests,
    observe: (observation) => {
      requests += 1;
      const { ingress, code, durationMs } = observation;
      if (ingress !== undefined) ingresses.count(ingress, code, durationMs / 1000);
      const key = keyOf(observation);
      let found = series.get(key);
      if (found === undefined) {
        found = newSeries(observation);
        series.set(key, found);
      }
      found.requests += 1;
      if (observation.seenBySource) count(found.bySource, observation);
      if (observation.seenByDestination) count(found.byDestination, observation);
    },
    exposition: () => {
      forgetGone();
      return exposition([...series.values()], ingresses.lines());
    },
    totals: () => [...series.values()].map(totalOf),
  };
}

function newSeries(first: Observation): Series {
  const labels = { source: labelText(first, "source"), destination: labelText(first, "destination") };
  return { first, labels, requests: 0, goneSince: undefined, bySource: noCounts(), byDestination: noCounts() };
}

function keyOf({ source, destination, service, code, flags }: Observation): string {
  const from = source === undefined ? "" : source.id;
  const to = destination === undefined ? "" : destination.id;
  return `${from}|${to}|${service.host}|${code}|${flags}`;
}

function count(counts: Counts, { durationMs, requestBytes, responseBytes }: Observation): void {
  counts.requests += 1;
  addValue(counts.duration, BUCKETS, durationMs);
  addValue(counts.requestBytes, BUCKETS, requestBytes);
  addValue(counts.responseBytes, BUCKETS, responseBytes);
}

function totalOf({ first, requests }: Series): RequestTotal {
  return {
    source: first.source?.name ?? "unknown",
    sourceNamespace: first.source?.namespace ?? "unknown",
    workload: first.destination?.name ?? "unknown",
    namespace: first.destination?.namespace ?? "unknown",
    service: first.service.host,
    code: first.code,
    flags: first.flags,
    requests,
  };
}

const HISTOGRAMS = [
  ["istio_request_duration_milliseconds", "duration", "Time between a request and the end of its answer.", undefined],
  ["istio_request_bytes", "requestBytes", "Sizes of request bodies.", BYTE_BUCKETS],
  ["istio_response_bytes", "responseBytes", "Sizes of response bodies.", BYTE_BUCKETS],
] as const;

function exposition(series: readonly Series[], ingresses: readonly string[]): readonly string[] {
  const labelled = series.flatMap(({ labels, bySource, byDestination }) => [
    ...(bySource.requests > 0 ? [{ one: bySource, labels: labels.source }] : []),
    ...(byDestination.requests > 0 ? [{ one: byDestination, labels: labels.destination }] : []),
  ]);
  const lines = ["# HELP istio_requests_total Requests, by who asked whom and how it went."];
  lines.push("# TYPE istio_requests_total counter");
  for (const { one, labels } of labelled) lines.push(`istio_requests_total{${labels}} ${one.requests}`);
  for (const [name, field, help, shown] of HISTOGRAMS) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} histogram`);
    for (const { one, labels } of labelled) pushHistogram(lines, name, labels, BUCKETS, one[field], shown);
  }
  pushRevisions(lines, series);
  lines.push(...ingresses);
  return blocksOf(lines);
}

/** "namespace/revision" is what its gateway calls a Revision. */
function pushRevisions(lines: string[], series: readonly Series[]): void {
  const requests = new Map<string, number>();
  const durations = new Map<string, Histogram>();
  for (const { first, bySource } of series) {
    if (!first.service.revision || bySource.requests === 0) continue;
    const cluster = `envoy_cluster_name="${escaped(`${first.service.namespace}/${first.service.name}`)}"`;
    const coded = `${cluster},envoy_response_code="${first.code}"`;
    requests.set(coded, (requests.get(coded) ?? 0) + bySource.requests);
    const total = durations.get(cluster) ?? emptyHistogram(BUCKETS);
    addHistogram(total, bySource.duration);
    durations.set(cluster, total);
  }
  if (requests.size === 0) return;
  lines.push("# HELP envoy_cluster_upstream_rq Requests to a Revision, by response code.");
  lines.push("# TYPE envoy_cluster_upstream_rq counter");
  for (const [labels, count] of requests) lines.push(`envoy_cluster_upstream_rq{${labels}} ${count}`);
  const name = "envoy_cluster_upstream_rq_time";
  lines.push(
    `# HELP ${name} Time between a request to a Revision and the end of its answer.`,
    `# TYPE ${name} histogram`,
  );
  for (const [labels, total] of durations) pushHistogram(lines, name, labels, BUCKETS, total);
}

function labelText({ source, destination, service, code, flags }: Observation, reporter: Reporter): string {
  const labels: readonly (readonly [string, string])[] = [
    ["reporter", reporter],
    ...workloadLabels("source", source),
    ...workloadLabels("destination", destination),
    ["destination_service", service.host],
    ["destination_service_name", service.name],
    ["destination_service_namespace", service.namespace],
    ["request_protocol", "http"],
    ["response_code", String(code)],
    ["response_flags", flags],
    // Nothing is encrypted on loopback; Istio's callers do not know either.
    ["connection_security_policy", reporter === "source" ? "unknown" : "none"],
  ];
  return labels.map(([name, value]) => `${name}="${escaped(value)}"`).join(",");
}

function workloadLabels(side: "source" | "destination", workload: Workload | undefined) {
  const of = (value: string | undefined) => value ?? "unknown";
  return [
    [`${side}_workload`, of(workload?.name)],
    [`${side}_workload_namespace`, of(workload?.namespace)],
    [`${side}_app`, of(workload?.app)],
    [`${side}_version`, of(workload?.version)],
    [`${side}_canonical_service`, of(workload?.canonicalService)],
    [`${side}_canonical_revision`, of(workload?.canonicalRevision)],
  ] as const;
}

function escaped(value: string): string {
  return value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");
}

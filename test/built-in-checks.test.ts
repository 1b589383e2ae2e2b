/** Two modules that share no code must fit together: the operator's queries, and the sandbox's Prometheus. */
import { Agent } from "undici";
import { describe, expect, it } from "vitest";
import { startEmbedded } from "../sandbox/prometheus/embedded.ts";
import { parseQuery } from "../sandbox/prometheus/promql/parse.ts";
import { serveMetrics } from "../sandbox/prometheus/testing/metrics-server.ts";
import { askObserver, builtInQuery, observerFor } from "../src/metrics/observers.ts";
import { createPrometheus } from "../src/metrics/prometheus/prometheus.ts";
import type { QueryModel } from "../src/metrics/template.ts";
import { systemClock } from "../src/time/system-clock.ts";

const MODEL: QueryModel = {
  name: "podinfo",
  namespace: "test",
  target: "podinfo",
  service: "podinfo",
  ingress: "podinfo",
  route: "podinfo",
  interval: "1m",
  variables: {},
};
const KEYS = "istio linkerd appmesh contour gloo kubernetes nginx skipper traefik osm kuma apisix knative".split(" ");

it.each(KEYS)("the sandbox's Prometheus reads %s's queries", (key) => {
  const observer = observerFor(key);
  expect(parseQuery(builtInQuery(observer, "success-rate", MODEL)).type).toBe("binary");
  expect(["call", "binary"]).toContain(parseQuery(builtInQuery(observer, "duration", MODEL)).type);
});

/** Labels of the canary's series in each mesh, as its proxies and Prometheus' relabelling write them. */
const POD = { kubernetes_namespace: "test", kubernetes_pod_name: "podinfo-6c9-abcde" };
const REQUESTS: Readonly<Record<string, Series>> = {
  istio: {
    ...{ count: "istio_requests_total", bucket: "istio_request_duration_milliseconds_bucket", status: "response_code" },
    labels: { reporter: "destination", destination_workload_namespace: "test", destination_workload: "podinfo" },
  },
  linkerd: {
    ...{ count: "response_total", bucket: "response_latency_ms_bucket", status: "classification", failed: "failure" },
    labels: { namespace: "test", deployment: "podinfo", direction: "inbound" },
  },
  appmesh: { ...envoy(POD) },
  contour: { ...envoy({ envoy_cluster_name: "test_podinfo-canary_9898" }) },
  gloo: { ...envoy({ envoy_cluster_name: "test-podinfo-canaryupstream-9898_test" }) },
  kuma: { ...envoy({ service: "podinfo-canary_test_svc_9898" }) },
  knative: { ...envoy({ envoy_cluster_name: "test/podinfo" }) },
  "gatewayapi:v1": {
    ...{
      count: "http_request_duration_seconds_count",
      bucket: "http_request_duration_seconds_bucket",
      status: "status",
    },
    ...{ labels: POD, seconds: true },
  },
  nginx: {
    ...{ count: "nginx_ingress_controller_requests", average: "nginx_ingress_controller_response_duration_seconds" },
    ...{ status: "status", labels: { namespace: "test", ingress: "podinfo", canary: "test-podinfo-canary-9898" } },
    seconds: true,
  },
  skipper: {
    ...{ count: "skipper_response_duration_seconds_bucket", average: "skipper_serve_route_duration_seconds" },
    ...{ status: "code", seconds: true, countIsBucket: true },
    labels: { route: "kube_test__podinfo_canary__app_example_com____podinfo_canary" },
  },
  traefik: {
    ...{ count: "traefik_service_request_duration_seconds_bucket", status: "code", seconds: true, countIsBucket: true },
    ...{ bucket: "traefik_service_request_duration_seconds_bucket" },
    labels: { service: "test-podinfo-canary-9898@kubernetescrd" },
  },
  osm: {
    ...{ count: "osm_request_total", bucket: "osm_request_duration_ms_bucket", status: "response_code" },
    labels: { destination_namespace: "test", destination_kind: "Deployment", destination_name: "podinfo" },
  },
  apisix: {
    ...{ count: "apisix_http_status", bucket: "apisix_http_latency_bucket", status: "code" },
    labels: { route: "test_podinfo-podinfo-canary_method", type: "request" },
  },
};

interface Series {
  readonly count: string;
  /** Buckets of durations; for some meshes the query uses the average instead. */
  readonly bucket?: string;
  readonly average?: string;
  readonly status: string;
  /** Value of the status label of a failed request; 500 when absent. */
  readonly failed?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly seconds?: true;
  readonly countIsBucket?: true;
}

function envoy(labels: Readonly<Record<string, string>>): Series {
  const [count, bucket] = ["envoy_cluster_upstream_rq", "envoy_cluster_upstream_rq_time_bucket"];
  return { count, bucket, status: "envoy_response_code", labels };
}

/** The metrics of a proxy after this many requests, each of which took 150 ms. */
function exposition(series: Series, good: number, bad: number): string {
  const line = (name: string, more: Readonly<Record<string, string>>, value: number) => {
    const labels = Object.entries({ ...series.labels, ...more }).map(([key, text]) => `${key}="${text}"`);
    return `${name}{${labels.join(",")}} ${value}\n`;
  };
  const unit = series.seconds === true ? 0.001 : 1;
  const statuses = [["200", good] as const, [series.failed ?? "500", bad] as const];
  const counts = statuses.map(([status, n]) => {
    const infinite = series.countIsBucket === true ? { le: "+Inf" } : {};
    return line(series.count, { [series.status]: status, ...infinite }, n);
  });
  const bucket = series.bucket ?? "";
  // Where the counts are buckets of the same name, the status is on all of them.
  const buckets = series.count === bucket ? { [series.status]: "200" } : {};
  const durations =
    series.average === undefined
      ? [
          line(bucket, { le: String(100 * unit), ...buckets }, 0),
          line(bucket, { le: String(200 * unit), ...buckets }, good + bad),
          ...(series.count === bucket ? [] : [line(bucket, { le: "+Inf" }, good + bad)]),
        ]
      : [line(`${series.average}_sum`, {}, 150 * unit * (good + bad)), line(`${series.average}_count`, {}, good + bad)];
  return [...counts, ...durations].join("");
}

describe.each(Object.entries(REQUESTS))("the built-in checks of %s", (key, series) => {
  it.each([
    ["a good release", 100, 0, 100],
    ["a bad release", 60, 40, 60],
  ])("%s: rate, number and duration of its requests", async (_what, good, bad, expected) => {
    const target = await serveMetrics(exposition(series, 0, 0));
    let time = 1_700_000_000_000;
    const where = { address: "127.0.0.1", port: 0, now: () => time };
    const targets = () => [target.url];
    const server = await startEmbedded({ ...where, targets, scrapeIntervalMs: 60_000, lookbackMs: 60_000 });
    const dispatcher = new Agent();
    try {
      const source = createPrometheus({ type: "prometheus", clock: systemClock, address: server.url, dispatcher });
      const { signal } = new AbortController();
      time += 1000;
      await server.scraper.scrape();
      time += 30_000;
      target.answer = exposition(series, good, bad);
      await server.scraper.scrape();
      const observer = observerFor(key);
      const rate = await askObserver(observer, "success-rate", MODEL, source, signal);
      expect(rate.kind === "value" ? rate.value : rate.detail).toBeCloseTo(expected, 6);
      const requests = await source.measure(builtInQuery(observer, "requests", MODEL), signal);
      expect(requests.kind === "value" ? Math.round(requests.value) : requests.detail).toBeGreaterThanOrEqual(100);
      const duration = await askObserver(observer, "duration", MODEL, source, signal);
      const milliseconds = duration.kind === "value" ? duration.value : Number.NaN;
      expect(milliseconds).toBeGreaterThanOrEqual(149);
      expect(milliseconds).toBeLessThanOrEqual(200);
    } finally {
      await dispatcher.destroy();
      await server.stop();
      await target.stop();
    }
  });
});

it("success rate and duration of a pod, from its metrics to the number", async () => {
  const exposed = (good: number, bad: number) => {
    const pod = 'kubernetes_namespace="test",kubernetes_pod_name="podinfo-6c9-abcde"';
    const count = (status: string, n: number) =>
      `http_request_duration_seconds_count{status="${status}",${pod}} ${n}\n`;
    const bucket = (le: string, n: number) => `http_request_duration_seconds_bucket{le="${le}",${pod}} ${n}\n`;
    return (
      count("200", good) + count("500", bad) + bucket("0.1", 0) + bucket("0.2", good + bad) + bucket("+Inf", good + bad)
    );
  };
  const target = await serveMetrics(exposed(0, 0));
  const targets = () => [target.url];
  let time = 1_700_000_000_000;
  const where = { address: "127.0.0.1", port: 0, now: () => time };
  const server = await startEmbedded({ ...where, targets, scrapeIntervalMs: 60_000, lookbackMs: 60_000 });
  const dispatcher = new Agent();
  try {
    const source = createPrometheus({ type: "prometheus", clock: systemClock, address: server.url, dispatcher });
    const { signal } = new AbortController();
    await source.online(signal);
    const ask = (kind: "success-rate" | "duration") =>
      askObserver(observerFor("kubernetes"), kind, MODEL, source, signal);
    expect(await ask("success-rate")).toEqual({ kind: "no-data", detail: "no values found" });
    time += 1000;
    await server.scraper.scrape();
    time += 1000;
    target.answer = exposed(90, 10);
    await server.scraper.scrape();
    const rate = await ask("success-rate");
    expect(rate.kind === "value" ? rate.value : rate.detail).toBeCloseTo(90, 9);
    expect(await ask("duration")).toEqual({ kind: "value", value: 199 });
  } finally {
    await dispatcher.destroy();
    await server.stop();
    await target.stop();
  }
});

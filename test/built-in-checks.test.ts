/** Two rooms that share no code must understand each other: the operator's queries, and the sandbox's Prometheus. */
import { Agent } from "undici";
import { expect, it } from "vitest";
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

import { afterEach, describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/ports/kubernetes.ts";
import type { Cluster } from "../cluster.ts";
import { labelsOfSeries, parseExposition } from "./exposition.ts";
import { startTelemetry } from "./telemetry.ts";
import { serveMetrics } from "./testing/metrics-server.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function pod(name: string, port: number, more: Partial<KubeObject["metadata"]> = {}, phase = "Running"): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "test",
      labels: { app: "podinfo", "app.kubernetes.io/name": "podinfo" },
      annotations: { "prometheus.io/scrape": "true", "prometheus.io/port": String(port) },
      ...more,
    },
    spec: { containers: [{ name: "app", ports: [{ containerPort: port }] }] },
    status: { phase, podIP: "127.0.0.1" },
  };
}

async function gathered(pods: readonly KubeObject[], mesh = "") {
  // The one method of a cluster that telemetry reads.
  const cluster = { list: () => pods } as unknown as Cluster;
  const telemetry = await startTelemetry({ cluster, address: "127.0.0.1", mesh: () => [mesh], podTimeoutMs: 3_000 });
  closing.push(() => telemetry.stop());
  const text = await (await fetch(telemetry.url)).text();
  const series = [...parseExposition(text)].map(({ series, value }) => {
    const { name, labels } = labelsOfSeries(series);
    return { name, value, labels: Object.fromEntries(labels.map((label) => [label.name, label.value])) };
  });
  return { text, series };
}

async function metrics(answer: string | number) {
  const server = await serveMetrics(answer);
  closing.push(() => server.stop());
  return server;
}

describe("the telemetry of a sandbox", () => {
  it("is the mesh's and every annotated pod's, labelled as Prometheus' kubernetes job does", async () => {
    const { port } = await metrics('# TYPE http_total counter\nhttp_total{status="200",app="inner"} 3\n');
    const { text, series } = await gathered(
      [pod("podinfo-1", port), pod("podinfo-2", port)],
      "istio_requests_total 5\n",
    );
    const labels = (name: string) => ({
      job: "kubernetes-pods",
      instance: `127.0.0.1:${port}`,
      kubernetes_namespace: "test",
      kubernetes_pod_name: name,
      app: "podinfo",
      app_kubernetes_io_name: "podinfo",
    });
    expect(series).toEqual([
      { name: "istio_requests_total", value: 5, labels: {} },
      { name: "http_total", value: 3, labels: { status: "200", exported_app: "inner", ...labels("podinfo-1") } },
      { name: "up", value: 1, labels: labels("podinfo-1") },
      { name: "http_total", value: 3, labels: { status: "200", exported_app: "inner", ...labels("podinfo-2") } },
      { name: "up", value: 1, labels: labels("podinfo-2") },
    ]);
    expect(text.match(/# TYPE http_total/g)).toHaveLength(1);
  });

  it("does not suffer from a pod that fails, hangs or talks nonsense", async () => {
    const [good, failing, hanging, odd] = [
      await metrics("a 1\n"),
      await metrics(500),
      await metrics(""),
      await metrics("{"),
    ];
    hanging.answer = "silence";
    const all = [good, failing, hanging, odd].map(({ port }, i) => pod(`pod-${i}`, port));
    const { series } = await gathered(all);
    expect(series.map(({ name, value, labels }) => [name, value, labels["kubernetes_pod_name"]])).toEqual([
      ["a", 1, "pod-0"],
      ["up", 1, "pod-0"],
      ["up", 0, "pod-1"],
      ["up", 0, "pod-2"],
      ["up", 0, "pod-3"],
    ]);
  });

  it("says so when the mesh has no metrics to give", async () => {
    const cluster = { list: () => [] } as unknown as Cluster;
    const mesh = () => {
      throw new Error("the mesh is gone");
    };
    const telemetry = await startTelemetry({ cluster, address: "127.0.0.1", mesh });
    closing.push(() => telemetry.stop());
    const response = await fetch(telemetry.url);
    expect([response.status, await response.text()]).toEqual([500, "no metrics: Error: the mesh is gone\n"]);
  });

  it("asks only running pods that want it, at the path and port they name", async () => {
    const { port } = await metrics("a 1\n");
    const { series } = await gathered([
      pod("silent", port, { annotations: {} }),
      pod("refusing", port, { annotations: { "prometheus.io/scrape": "false" } }),
      pod("pending", port, {}, "Pending"),
      pod("first-port", port, { annotations: { "prometheus.io/scrape": "true", "prometheus.io/path": "stats" } }),
    ]);
    expect(new Set(series.map(({ labels }) => labels["kubernetes_pod_name"]))).toEqual(new Set(["first-port"]));
  });

  it("asks pods only now and then while nothing is asked of them, and at once when something is", async () => {
    const server = await metrics("answered_total 1\n");
    let active = 0;
    const cluster = { list: () => [pod("podinfo-1", server.port)] } as unknown as Cluster;
    const activity = () => active;
    const telemetry = await startTelemetry({
      cluster,
      address: "127.0.0.1",
      mesh: () => [],
      activity,
      podTimeoutMs: 60_000,
    });
    closing.push(() => telemetry.stop());
    const scrape = async () => (await fetch(telemetry.url)).text();
    for (let scrapes = 0; scrapes < 151; scrapes += 1) expect(await scrape()).toContain("answered_total{");
    expect(server.asked()).toBe(10 + 10);
    active = 1;
    await scrape();
    await scrape();
    expect(server.asked()).toBe(10 + 10 + 2);
  });

  it("sends a page at rest once, to a client that knows the page", async () => {
    const server = await metrics("answered_total 1\n");
    const cluster = { list: () => [pod("podinfo-1", server.port)] } as unknown as Cluster;
    const telemetry = await startTelemetry({
      cluster,
      address: "127.0.0.1",
      mesh: () => [],
      activity: () => 0,
      podTimeoutMs: 60_000,
    });
    closing.push(() => telemetry.stop());
    const statuses = new Map<number, number>();
    let known = "";
    for (let scrapes = 0; scrapes < 151; scrapes += 1) {
      const response = await fetch(telemetry.url, { headers: { "if-none-match": known } });
      known = response.headers.get("etag") ?? "";
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      await response.text();
    }
    expect(Object.fromEntries(statuses)).toEqual({ 200: 10 + 10, 304: 131 });
  });
});

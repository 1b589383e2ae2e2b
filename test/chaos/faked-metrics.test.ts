/**
 * The Prometheus of `deploy/` reads every pod that asks for it, so a pod of one tenant can publish series about the
 * workload of another. A real Prometheus reads such pods by the shipped rules.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { findPrometheus, guarded } from "../../sandbox/prometheus/real.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.reverse().splice(0)) await step();
});

/** Lines of a pod's metrics, each with a value that says whose it is. */
const line = (reporter: string, { source = "", destination = "" }, value: number) =>
  `istio_requests_total{reporter="${reporter}",source_workload_namespace="${source}",` +
  `destination_workload_namespace="${destination}",destination_workload="shop"} ${value}\n`;

interface Pod {
  readonly namespace: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly text: string;
}

const PODS: readonly Pod[] = [
  {
    namespace: "victim",
    text:
      line("destination", { source: "elsewhere", destination: "victim" }, 1) +
      line("source", { source: "victim", destination: "elsewhere" }, 2) +
      "app_requests_total 3\n",
  },
  {
    namespace: "evil",
    // A label of the pod becomes a label of the series, and the series' own is renamed.
    labels: { kubernetes_namespace: "victim", destination_workload_namespace: "victim", reporter: "destination" },
    text: `${line("x", { destination: "evil" }, 101)}app_requests_total{kubernetes_namespace="victim"} 4\n`,
  },
  {
    namespace: "evil",
    text:
      line("destination", { source: "victim", destination: "victim" }, 102) +
      line("source", { source: "victim", destination: "victim" }, 103) +
      line("waypoint", { source: "victim", destination: "victim" }, 104) +
      line("", { destination: "victim" }, 105) +
      line("destination", { source: "victim", destination: "evil" }, 5) +
      'istio_requests_total{reporter="destination",destination_workload_namespace="victim",kubernetes_namespace="victim"} 106\n',
  },
  { namespace: "istio-system", text: line("source", { source: "istio-system", destination: "victim" }, 6) },
  { namespace: "istio-system", text: line("waypoint", { source: "other", destination: "victim" }, 7) },
];

async function serve(text: string): Promise<string> {
  const server: Server = createServer((_request, response) => response.end(text));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  undo.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The shipped configuration, with these pods in place of the cluster's. */
async function configuration(): Promise<string> {
  const documents = parseAllDocuments(readFileSync("deploy/prometheus/prometheus.yaml", "utf8"));
  const config = parse(
    documents.find((one) => one.get("kind") === "ConfigMap")?.getIn(["data", "prometheus.yml"]) as string,
  );
  const [{ kubernetes_sd_configs: _cluster, ...job }] = config.scrape_configs;
  const meta = (name: string) => `__meta_kubernetes_${name}`;
  const targets = PODS.map(async ({ namespace, labels = {}, text }) => ({
    targets: [await serve(text)],
    labels: {
      [meta("namespace")]: namespace,
      [meta("pod_annotation_prometheus_io_scrape")]: "true",
      ...Object.fromEntries(Object.entries(labels).map(([key, value]) => [meta(`pod_label_${key}`), value])),
    },
  }));
  const scrape = { ...job, static_configs: await Promise.all(targets) };
  return JSON.stringify({ global: { scrape_interval: "1s", scrape_timeout: "1s" }, scrape_configs: [scrape] });
}

async function startPrometheus(binary: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "faked-"));
  const port = new URL(`http://${await serve("")}`).port;
  await undo.pop()?.();
  writeFileSync(join(folder, "prometheus.yml"), await configuration());
  const flags = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`];
  const command = [binary, ...flags, `--web.listen-address=127.0.0.1:${port}`, "--log.level=warn"];
  const child = spawn("sh", guarded(folder, command), { stdio: ["ignore", "ignore", "inherit", "pipe"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  undo.push(async () => {
    (child.stdio[3] as NodeJS.WritableStream & { destroy(): void }).destroy();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });
  return `http://127.0.0.1:${port}`;
}

async function valuesOf(address: string, query: string): Promise<readonly number[]> {
  const url = `${address}/api/v1/query?query=${encodeURIComponent(query)}`;
  // Prometheus is not started yet, or answers 503 while it reads its disk.
  const response = await fetch(url).catch(() => undefined);
  if (response?.ok !== true) return [];
  const answer = (await response.json()) as { data?: { result: { value: [number, string] }[] } };
  return (answer.data?.result ?? []).map(({ value }) => Number(value[1])).sort((a, b) => a - b);
}

it("no pod is believed about the traffic of another namespace", { timeout: 120_000 }, async () => {
  const binary = await findPrometheus();
  if (binary === undefined) {
    process.stderr.write("no prometheus here: faked metrics are not tried (apt-get install prometheus)\n");
    return;
  }
  const address = await startPrometheus(binary);
  // The time limit of the test is the only one: a busy machine starts a program late.
  while ((await valuesOf(address, "up")).filter((one) => one === 1).length < PODS.length) await pause(100);
  expect(await valuesOf(address, "istio_requests_total")).toEqual([1, 2, 5, 6, 7]);
  expect(await valuesOf(address, 'istio_requests_total{destination_workload_namespace="victim"}')).toEqual([1, 6, 7]);
  // Other series are kept, under the namespace of their pod.
  expect(await valuesOf(address, 'app_requests_total{kubernetes_namespace="victim"}')).toEqual([3]);
  expect(await valuesOf(address, 'app_requests_total{kubernetes_namespace="evil"}')).toEqual([4]);
});

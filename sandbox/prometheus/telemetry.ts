/**
 * One scrape target for the whole sandbox: the mesh's metrics, and those of every pod annotated
 * `prometheus.io/scrape: "true"`, labelled as Prometheus' usual kubernetes-pods job would. One target, because the real
 * Prometheus notices new targets only after some five seconds, which is longer than a demo step.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Agent, request } from "undici";
import { type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import type { Cluster } from "../cluster.ts";
import { type Label, labelsOfSeries, parseExposition, seriesText } from "./exposition.ts";

export interface TelemetryOptions {
  readonly cluster: Cluster;
  readonly address: string;
  /** Any free one when absent. */
  readonly port?: number;
  /** The mesh's metrics in Prometheus' text format. */
  readonly mesh: () => string;
  /** How long a pod may take to answer; less than the scrape interval of who asks us. */
  readonly podTimeoutMs?: number;
}

export interface Telemetry {
  /** Of the metrics themselves, ready to be a target. */
  readonly url: string;
  stop(): Promise<void>;
}

const POD_TIMEOUT_MS = 700;
const POD_JOB = "kubernetes-pods";
const LARGEST_BODY = 16 * 1024 * 1024;

/** @throws Error when the address cannot be listened on */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const timeout = options.podTimeoutMs ?? POD_TIMEOUT_MS;
  const agent = new Agent({ connect: { timeout } });
  const server = createServer((incoming, response) => {
    if (incoming.url !== "/metrics") {
      response.writeHead(404, { "content-type": "text/plain" }).end("the metrics are at /metrics\n");
      return;
    }
    gather(options, agent, timeout).then(
      (text) => response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }).end(text),
      (error: unknown) => response.writeHead(500, { "content-type": "text/plain" }).end(`no metrics: ${error}\n`),
    );
  });
  await listening(server, options.port ?? 0, options.address);
  return {
    url: `http://${options.address}:${(server.address() as AddressInfo).port}/metrics`,
    stop: async () => {
      await agent.destroy();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function listening(server: Server, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, resolve);
  });
}

interface PodTarget {
  readonly url: string;
  readonly labels: readonly Label[];
}

async function gather(options: TelemetryOptions, agent: Agent, timeout: number): Promise<string> {
  const pods = options.cluster.list(RESOURCES.pod).flatMap((pod) => podTarget(pod) ?? []);
  const parts = await Promise.all(pods.map((pod) => podMetrics(pod, agent, timeout)));
  return [withEnd(options.mesh()), ...onceDescribed(parts)].join("");
}

/** undefined: nothing to scrape there. */
function podTarget(pod: KubeObject): PodTarget | undefined {
  const annotations = pod.metadata.annotations ?? {};
  const podIP: unknown = pod.status?.podIP;
  if (annotations["prometheus.io/scrape"] !== "true" || typeof podIP !== "string" || podIP === "") return undefined;
  if (pod.status?.phase !== "Running") return undefined;
  const port = annotations["prometheus.io/port"] ?? firstPort(pod);
  const scheme = annotations["prometheus.io/scheme"] === "https" ? "https" : "http";
  const path = annotations["prometheus.io/path"] ?? "/metrics";
  const instance = port === undefined ? podIP : `${podIP}:${port}`;
  const labels = [
    { name: "job", value: POD_JOB },
    { name: "instance", value: instance },
    { name: "kubernetes_namespace", value: pod.metadata.namespace ?? "" },
    { name: "kubernetes_pod_name", value: pod.metadata.name },
  ];
  const own = new Set(labels.map(({ name }) => name));
  const mapped = Object.entries(pod.metadata.labels ?? {}).map(([name, value]) => ({ name: labelName(name), value }));
  return {
    url: `${scheme}://${instance}${path.startsWith("/") ? path : `/${path}`}`,
    labels: [...labels, ...mapped.filter(({ name }) => !own.has(name))],
  };
}

function firstPort(pod: KubeObject): string | undefined {
  const containers: readonly { readonly ports?: readonly { readonly containerPort?: number }[] }[] =
    pod.spec?.containers ?? [];
  const port = containers.flatMap(({ ports = [] }) => ports)[0]?.containerPort;
  return port === undefined ? undefined : String(port);
}

/** "app.kubernetes.io/name" becomes "app_kubernetes_io_name". */
function labelName(name: string): string {
  return name.replace(/[^a-zA-Z0-9_]/g, "_").replace(/^(\d)/, "_$1");
}

/** With an `up` of its own, 0 when the pod does not answer: one bad pod must not hide the others. */
async function podMetrics(pod: PodTarget, agent: Agent, timeout: number): Promise<string> {
  const up = (value: 0 | 1) => `${seriesText("up", pod.labels)} ${value}\n`;
  try {
    const text = await fetchText(pod.url, agent, AbortSignal.timeout(timeout));
    return relabelled(text, pod.labels) + up(1);
  } catch (error) {
    const why = error instanceof Error ? error.message || error.name : String(error);
    return `# ${pod.url}: ${why.replaceAll("\n", " ")}\n${up(0)}`;
  }
}

async function fetchText(url: string, agent: Agent, signal: AbortSignal): Promise<string> {
  const { statusCode, body } = await request(url, {
    dispatcher: agent,
    signal,
    headers: { accept: "text/plain;version=0.0.4" },
  });
  if (statusCode !== 200) {
    await body.dump();
    throw new Error(`server returned HTTP status ${statusCode}`);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > LARGEST_BODY) throw new Error("the metrics are longer than 16 MiB");
  }
  return Buffer.concat(chunks).toString();
}

/** The pod's labels win; a series' own label of such a name is kept as `exported_…`, as without honor_labels. */
function relabelled(text: string, added: readonly Label[]): string {
  const names = new Set(added.map(({ name }) => name));
  const described = text.split("\n").filter((line) => /^# (?:HELP|TYPE) /.test(line));
  const samples = [...parseExposition(text)].map(({ series, value, at }) => {
    const { name, labels } = labelsOfSeries(series);
    const own = labels.map((label) => (names.has(label.name) ? { ...label, name: `exported_${label.name}` } : label));
    return `${seriesText(name, [...own, ...added])} ${floatText(value)}${at === undefined ? "" : ` ${at}`}`;
  });
  return withEnd([...described, ...samples].join("\n"));
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  return Number.isFinite(value) ? String(value) : value > 0 ? "+Inf" : "-Inf";
}

function withEnd(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}

/** HELP and TYPE of a metric are said by the first pod that has it. */
function onceDescribed(parts: readonly string[]): readonly string[] {
  const said = new Set<string>();
  return parts.map((part) =>
    part
      .split("\n")
      .filter((line) => {
        const subject = /^# (?:HELP|TYPE) \S+/.exec(line)?.[0];
        if (subject === undefined) return true;
        const first = !said.has(subject);
        said.add(subject);
        return first;
      })
      .join("\n"),
  );
}

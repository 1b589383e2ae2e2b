/**
 * One scrape target for the whole sandbox: the mesh's metrics, and those of every pod annotated
 * `prometheus.io/scrape: "true"`, labelled as Prometheus' usual kubernetes-pods job would. One target, because the real
 * Prometheus notices new targets only after some five seconds, which is longer than a demo step.
 */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Agent } from "undici";
import { type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import type { Cluster } from "../cluster.ts";
import { blocksOf, detached, type Label, labelsOfSeries, parseExposition, seriesText } from "./exposition.ts";
import { fetchText } from "./fetch-text.ts";

export interface TelemetryOptions {
  readonly cluster: Cluster;
  readonly address: string;
  /** Any free one when absent. */
  readonly port?: number;
  /** The mesh's metrics in Prometheus' text format, in blocks of whole lines. */
  readonly mesh: () => readonly string[];
  /** URLs of further programs' metrics; a program that does not answer is left out. */
  readonly further?: () => readonly string[];
  /**
   * A number that changes when pods are asked something. While it stands still the pods are scraped only now and then,
   * and their last answers are repeated: a sandbox at rest should cost next to nothing. Absent: pods are always
   * scraped.
   */
  readonly activity?: () => number;
  /** How long a pod may take to answer; less than the interval of the Prometheus that scrapes. */
  readonly podTimeoutMs?: number;
}

export interface Telemetry {
  /** Of the metrics themselves, ready to be a target. */
  readonly url: string;
  stop(): Promise<void>;
}

const POD_TIMEOUT_MS = 700;
const POD_JOB = "kubernetes-pods";
const LARGEST_MIB = 16;
/** So many scrapes without activity make a rest; within a rest every so many-th scrape asks the pods. */
const REST_AFTER = 10;
const REST_EVERY = 15;

/** @throws Error when the address cannot be listened on */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const timeout = options.podTimeoutMs ?? POD_TIMEOUT_MS;
  const agent = new Agent({ connect: { timeout } });
  const gather = createGatherer(options, agent, timeout);
  const server = createServer((incoming, response) => {
    if (incoming.url !== "/metrics") {
      response.writeHead(404, { "content-type": "text/plain" }).end("the metrics are at /metrics\n");
      return;
    }
    gather().then(
      (page) => answer(page, incoming.headers["if-none-match"], response),
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

/** All metrics of one moment. */
interface Page {
  /** Another one for each page. */
  readonly tag: string;
  readonly blocks: readonly string[];
}

/** Block by block: a text as long as a whole page stays in memory until the next full collection of garbage. */
function answer({ tag, blocks }: Page, known: string | undefined, response: ServerResponse): void {
  if (known === tag) {
    response.writeHead(304, { etag: tag }).end();
    return;
  }
  response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8", etag: tag });
  for (const block of blocks) response.write(block);
  response.end();
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

/** What is known of a pod from its last scrapes. */
interface PodState {
  /** A series as the pod writes it -> the same with the pod's labels. */
  readonly names: Map<string, string>;
  metrics: Metrics;
}

/** A program's metrics. HELP and TYPE stand apart, because only the first pod that has a metric says them. */
interface Metrics {
  readonly described: readonly string[];
  /** Blocks of whole lines. */
  readonly samples: readonly string[];
}

const NOTHING: Metrics = { described: [], samples: [] };

function createGatherer(options: TelemetryOptions, agent: Agent, timeout: number): () => Promise<Page> {
  const activity = options.activity ?? (() => Number.NaN);
  let states = new Map<string, PodState>();
  let active = activity();
  let still = 0;
  let pages = 0;
  let last: Page = { tag: '"0"', blocks: [] };
  return async () => {
    const before = active;
    active = activity();
    still = active === before ? still + 1 : 0;
    const resting = still > REST_AFTER && still % REST_EVERY !== 0;
    const pods = options.cluster.list(RESOURCES.pod).flatMap((pod) => {
      const target = podTarget(pod);
      return target === undefined ? [] : [{ key: `${target.url} ${seriesText("", target.labels)}`, pod: target }];
    });
    // Nothing has been asked, and the pods are the same: so is the answer.
    if (resting && pods.length === states.size && pods.every(({ key }) => states.has(key))) return last;
    const kept = new Map<string, PodState>();
    const parts = await Promise.all(
      pods.map(async ({ key, pod }) => {
        const known = states.get(key);
        const state = known ?? { names: new Map<string, string>(), metrics: NOTHING };
        kept.set(key, state);
        if (!resting || known === undefined) state.metrics = await podMetrics(pod, state.names, agent, timeout);
        return state.metrics;
      }),
    );
    states = kept;
    const urls = options.further?.() ?? [];
    const others = await Promise.all(
      urls.map((url) =>
        fetchText(url, agent, AbortSignal.timeout(timeout), LARGEST_MIB).then(metricsOf, () => NOTHING),
      ),
    );
    pages += 1;
    last = { tag: `"${pages}"`, blocks: [...options.mesh(), ...onceDescribed([...parts, ...others])] };
    return last;
  };
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
async function podMetrics(pod: PodTarget, names: Map<string, string>, agent: Agent, timeout: number): Promise<Metrics> {
  const up = (value: 0 | 1) => `${seriesText("up", pod.labels)} ${value}`;
  try {
    const text = await fetchText(pod.url, agent, AbortSignal.timeout(timeout), LARGEST_MIB);
    return { described: descriptions(text), samples: blocksOf([...relabelled(text, pod.labels, names), up(1)]) };
  } catch (error) {
    const why = error instanceof Error ? error.message || error.name : String(error);
    return { described: [], samples: [`# ${pod.url}: ${why.replaceAll("\n", " ")}\n${up(0)}\n`] };
  }
}

const describes = (line: string) => line.startsWith("# HELP ") || line.startsWith("# TYPE ");
const descriptions = (text: string) => text.split("\n").filter(describes);

function metricsOf(text: string): Metrics {
  const lines = text.split("\n").filter((line) => line !== "");
  return { described: lines.filter(describes), samples: blocksOf(lines.filter((line) => !describes(line))) };
}

/** The pod's labels win; a series' own label of such a name is kept as `exported_…`, as without honor_labels. */
function relabelled(text: string, added: readonly Label[], names: Map<string, string>): readonly string[] {
  const own = new Set(added.map(({ name }) => name));
  const samples: string[] = [];
  for (const { series, value, at } of parseExposition(text, (series) => names.has(series))) {
    let name = names.get(series);
    if (name === undefined) {
      const key = detached(series);
      name = withLabels(key, own, added);
      names.set(key, name);
    }
    samples.push(`${name} ${floatText(value)}${at === undefined ? "" : ` ${at}`}`);
  }
  // Series that come and go must not fill the memory.
  if (names.size > 2 * samples.length + 100) names.clear();
  return samples;
}

function withLabels(series: string, taken: ReadonlySet<string>, added: readonly Label[]): string {
  const { name, labels } = labelsOfSeries(series);
  const own = labels.map((label) => (taken.has(label.name) ? { ...label, name: `exported_${label.name}` } : label));
  return seriesText(name, [...own, ...added]);
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  return Number.isFinite(value) ? String(value) : value > 0 ? "+Inf" : "-Inf";
}

/** HELP and TYPE of a metric come from the first pod that has it. @returns blocks of whole lines */
function onceDescribed(parts: readonly Metrics[]): readonly string[] {
  const said = new Set<string>();
  return parts.flatMap(({ described, samples }) => {
    const kept = described.filter((line) => {
      const subject = line.slice(0, line.indexOf(" ", "# HELP ".length));
      const first = !said.has(subject);
      said.add(subject);
      return first;
    });
    return [...blocksOf(kept), ...samples];
  });
}

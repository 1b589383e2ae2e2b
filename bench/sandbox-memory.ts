/**
 * The cost of a sandbox in the long run: memory after two hours of the demo's traffic and releases, and CPU at rest,
 * before the first release and after the last one.
 *
 * Two hours are too long to wait. The processes are measured for some minutes of releases without a pause. What grows
 * for two hours are the samples of the embedded Prometheus: the benchmark takes the sandbox's real metrics, feeds two
 * hours of scrapes of them to a store of the same kind, and adds the bytes. AVIARY_BENCH_MINUTES=120 measures the whole
 * time instead.
 */

import { labelSet, parseExposition } from "../sandbox/prometheus/exposition.ts";
import { SeriesStore } from "../sandbox/prometheus/series-store.ts";
import { type ClusterClient, connectCluster, watchPorts } from "../src/cli/cluster.ts";
import { startUserTraffic } from "../src/cli/demo/traffic.ts";
import { readOptions } from "../src/cli/options.ts";
import { createClusterCache } from "../src/kube/cluster-cache.ts";
import { createDispatcher } from "../src/net/dispatcher.ts";
import { type KubeObject, RESOURCES } from "../src/ports/kubernetes.ts";
import { systemClock } from "../src/time/system-clock.ts";
import type { Figure } from "./figure.ts";
import { CLUSTER, familyCpuMs, familyMemoryMb, installDemo, until, withSandbox } from "./sandbox-process.ts";

const MINUTES = Number(process.env["AVIARY_BENCH_MINUTES"] ?? 5);
const RPS = 50;
const AIM_MB = 300;
const AIM_CPU = 3;
/** The sandbox rests some ten seconds after the last request. */
const SETTLE_S = 15;
const REST_S = 60;
const TWO_HOURS_S = 7200;
const MEGABYTE = 1024 * 1024;

export async function benchSandboxMemory(): Promise<readonly Figure[]> {
  return withSandbox(["--prometheus", "embedded"], async ({ state, child }) => {
    const pid = child.pid ?? 0;
    const ended = new AbortController();
    const client = await connectCluster(readOptions(["--kubeconfig", state.kubeconfig], CLUSTER), process.env);
    await installDemo(client, hasty, ended.signal);
    const canaries = createClusterCache(watchPorts(client), ended.signal).track(RESOURCES.canary);
    const phase = () => String(canaries.get("test", "podinfo")?.status?.phase ?? "");
    await until(canaries, () => phase() === "Initialized");
    return await withPrometheus(state.nameserver, async (ask) => {
      const before = await cpuAtRest(pid, ask);
      const traffic = startUserTraffic({ url: state.ingressUrl, host: "podinfo.example.com", requestsPerSecond: RPS });
      const measured: Measured[] = [];
      const stopAt = performance.now() + MINUTES * 60_000;
      let releases = 0;
      while (performance.now() < stopAt) {
        releases += 1;
        await release(client, releases, ended.signal);
        await until(canaries, () => phase() === "Progressing");
        await until(canaries, () => phase() === "Succeeded" || phase() === "Failed");
        measured.push({ atMs: performance.now(), mb: familyMemoryMb(pid) });
      }
      const metrics = await metricsTwice(ask);
      await traffic.stop();
      ended.abort();
      return figures(measured, releases, storeMb(metrics), { before, after: await cpuAtRest(pid, ask) });
    });
  });
}

interface Measured {
  readonly atMs: number;
  readonly mb: number;
}

/** Steps of two seconds: an analysis in a quarter of the demo's time, so that releases come four times as often. */
function hasty(object: KubeObject): KubeObject {
  if (object.kind !== "Canary") return object;
  const { analysis } = object.spec;
  return {
    ...object,
    spec: { ...object.spec, analysis: { ...analysis, interval: "2s", stepWeight: 25, threshold: 2 } },
  };
}

/** Every second release fails a third of its requests. */
async function release({ kube }: ClusterClient, number: number, signal: AbortSignal): Promise<void> {
  const container = "/spec/template/spec/containers/0";
  const ref = { type: RESOURCES.deployment, namespace: "test", name: "podinfo" };
  const command = [
    "./podinfo",
    "--port=9898",
    "--port-metrics=9797",
    "--level=info",
    ...(number % 2 ? [] : ["--random-error"]),
  ];
  const patch = [
    { op: "replace", path: `${container}/image`, value: `ghcr.io/stefanprodan/podinfo:6.${number}.0` },
    { op: "add", path: `${container}/command`, value: command },
  ] as const;
  await kube.jsonPatch(ref, patch, {}, signal);
}

/** Asks the sandbox's Prometheus. @param path of its HTTP API, e.g. "targets" @returns the data of the answer */
type Ask = <T>(path: string) => Promise<T>;

async function withPrometheus<T>(nameserver: string, work: (ask: Ask) => Promise<T>): Promise<T> {
  const dispatcher = createDispatcher({ env: { AVIARY_NAMESERVER: nameserver } });
  const origin = "http://prometheus.istio-system:9090";
  const ask = async <D>(path: string): Promise<D> => {
    const { body } = await dispatcher.request({ origin, path: `/api/v1/${path}`, method: "GET" });
    return ((await body.json()) as { data: D }).data;
  };
  try {
    return await work(ask);
  } finally {
    await dispatcher.close();
  }
}

const sleep = (ms: number) => systemClock.sleep(ms, new AbortController().signal);

/** Percent of a core, while no request is sent to a pod. @throws Error when one was */
async function cpuAtRest(pid: number, ask: Ask): Promise<number> {
  // The load test of the last release goes on for up to a minute.
  while (await anyRequest(ask, SETTLE_S)) await sleep(1_000);
  const busyBefore = familyCpuMs(pid);
  await sleep(REST_S * 1000);
  const busyMs = familyCpuMs(pid) - busyBefore;
  if (await anyRequest(ask, REST_S)) throw new Error("a pod got a request while the sandbox was to rest");
  return (busyMs / (REST_S * 1000)) * 100;
}

/** Whether the mesh has counted a request within the latest so many seconds. */
async function anyRequest(ask: Ask, seconds: number): Promise<boolean> {
  const query = encodeURIComponent(`sum(changes(istio_requests_total[${seconds}s])) > 0`);
  const { result } = await ask<{ result: readonly unknown[] }>(`query?query=${query}`);
  return result.length > 0;
}

/** All metrics of the sandbox at two moments, as Prometheus scrapes them. */
async function metricsTwice(ask: Ask): Promise<readonly [string, string]> {
  const { activeTargets } = await ask<{ activeTargets: { scrapeUrl: string }[] }>("targets");
  const target = activeTargets[0]?.scrapeUrl ?? "";
  const first = await (await fetch(target)).text();
  await sleep(3_000);
  return [first, await (await fetch(target)).text()];
}

interface StoreSize {
  readonly series: number;
  readonly moving: number;
  readonly mb: number;
}

/** Two hours of scrapes, one a second: series that moved between the two moments move at every scrape. */
function storeMb([first, second]: readonly [string, string]): StoreSize {
  const before = new Map([...parseExposition(first)].map(({ series, value }) => [series, value]));
  const store = new SeriesStore();
  const bytes = () => process.memoryUsage().arrayBuffers;
  const began = bytes();
  let moving = 0;
  const all = [...parseExposition(second)].map(({ series, value }) => {
    const moves = before.get(series) !== value;
    if (moves) moving += 1;
    return { samples: store.series(labelSet(series, [])).samples, value, step: moves ? 1 : 0 };
  });
  const at = Date.now();
  for (let tick = 0; tick < TWO_HOURS_S; tick += 1) {
    for (const { samples, value, step } of all) samples.add(at + tick * 1000, value + tick * step);
  }
  globalThis.gc?.();
  return { series: store.size, moving, mb: (bytes() - began) / MEGABYTE };
}

function figures(
  measured: readonly Measured[],
  releases: number,
  store: StoreSize,
  cpu: { readonly before: number; readonly after: number },
): readonly Figure[] {
  const half = measured.slice(Math.floor(measured.length / 2));
  const level = Math.max(...half.map(({ mb }) => mb));
  const total = level + (MINUTES >= 120 ? 0 : store.mb);
  const ratio = (value: number, aim: number) => `${(value / aim).toFixed(2)} of the aim`;
  return [
    {
      what: `sandbox, operator, load tester, Prometheus: memory after ${MINUTES} min, ${releases} releases, ${RPS} rps`,
      measured: `${Math.round(level)} MB, ${slope(half).toFixed(1)} MB/min in the second half`,
      aim: `< ${AIM_MB} MB`,
      met: level < AIM_MB,
    },
    {
      what: `the same with two hours of samples (${store.series} series, ${store.moving} of them moving: ${store.mb.toFixed(0)} MB)`,
      measured: `${Math.round(total)} MB, ${ratio(total, AIM_MB)}`,
      aim: `< ${AIM_MB} MB`,
      met: total < AIM_MB,
    },
    {
      what: `sandbox, operator, load tester, Prometheus: CPU at rest after ${releases} releases`,
      measured: `${cpu.after.toFixed(1)} % of a core, before them ${cpu.before.toFixed(1)} %`,
      aim: `< ${AIM_CPU} %`,
      met: cpu.after < AIM_CPU,
    },
  ];
}

/** Least squares, in megabytes per minute. */
function slope(points: readonly Measured[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map(({ atMs }) => atMs)), mean(points.map(({ mb }) => mb))];
  const spread = points.reduce((sum, { atMs }) => sum + (atMs - x) ** 2, 0);
  const joint = points.reduce((sum, { atMs, mb }) => sum + (atMs - x) * (mb - y), 0);
  return spread === 0 ? 0 : (joint / spread) * 60_000;
}

/** A real rollout on its own sandbox, in separate processes, under 200 requests per second of users. */
import type { ChildProcess } from "node:child_process";
import { type ClusterClient, connectCluster, watchPorts } from "../src/cli/cluster.ts";
import { startUserTraffic } from "../src/cli/demo/traffic.ts";
import { readOptions } from "../src/cli/options.ts";
import type { SandboxState } from "../src/cli/sandbox-state.ts";
import { createClusterCache } from "../src/kube/cluster-cache.ts";
import type { ObjectCache } from "../src/ports/kube.ts";
import { type KubeObject, RESOURCES } from "../src/ports/kubernetes.ts";
import { type Figure, ms } from "./figure.ts";
import { CLUSTER, familyMemoryMb, installDemo, until, withSandbox } from "./sandbox-process.ts";

const INTERVAL_MS = 10_000;
const STEPS = 5;
const RPS = 200;

export async function benchRollout(): Promise<readonly Figure[]> {
  return withSandbox([], async ({ state, child, readyMs }) => {
    const ready: Figure = {
      what: "sandbox: process start to ready",
      measured: ms(readyMs),
      aim: "1 s",
      met: readyMs <= 1000,
    };
    return [ready, ...(await rollout(state, child))];
  });
}

async function rollout(state: SandboxState, sandbox: ChildProcess): Promise<readonly Figure[]> {
  const ended = new AbortController();
  const { signal } = ended;
  const client = await connectCluster(readOptions(["--kubeconfig", state.kubeconfig], CLUSTER), process.env);
  await installDemo(client, withOurSteps, signal);
  const cache = createClusterCache(watchPorts(client), signal);
  const canaries = cache.track(RESOURCES.canary);
  const deployments = cache.track(RESOURCES.deployment);
  await until(canaries, () => phaseOf(canaries) === "Initialized");
  await until(deployments, () => deployments.get("test", "podinfo")?.spec?.replicas === 0);
  const traffic = startUserTraffic({ url: state.ingressUrl, host: "podinfo.example.com", requestsPerSecond: RPS });
  try {
    const events = cache.track(RESOURCES.event);
    await events.synced;
    const detected = whenSaid(events, "New revision detected!");
    const started = whenSaid(events, "Starting canary analysis");
    const copied = whenSaid(events, "Copying podinfo.test");
    const promoted = whenSaid(events, "Promotion completed!");
    const edited = performance.now();
    await release(client, signal);
    const times = { edited, detected: await detected, started: await started, copied: await copied };
    const memory = familyMemoryMb(sandbox.pid ?? 0);
    return figures({ ...times, promoted: await promoted }, traffic.totals(), memory);
  } finally {
    await traffic.stop();
    ended.abort();
  }
}

function withOurSteps(object: KubeObject): KubeObject {
  return object.kind === "Canary" ? { ...object, spec: withSteps(object.spec) } : object;
}

function withSteps(spec: { analysis: object }) {
  return {
    ...spec,
    analysis: { ...spec.analysis, interval: `${INTERVAL_MS / 1000}s`, stepWeight: 50 / STEPS, maxWeight: 50 },
  };
}

async function release({ kube }: ClusterClient, signal: AbortSignal): Promise<void> {
  const path = "/spec/template/spec/containers/0/image";
  const value = "ghcr.io/stefanprodan/podinfo:6.0.1";
  const ref = { type: RESOURCES.deployment, namespace: "test", name: "podinfo" };
  await kube.jsonPatch(ref, [{ op: "replace", path, value }], {}, signal);
}

interface Times {
  readonly edited: number;
  readonly detected: number;
  readonly started: number;
  readonly copied: number;
  readonly promoted: number;
}

function figures(times: Times, users: { requests: number; failed: number }, memoryMb: number): readonly Figure[] {
  const detection = times.detected - times.edited;
  const plan = INTERVAL_MS * STEPS;
  // The pods' own start-up is not the engine's: the canary's before the first step, the primary's after the last.
  const startUp = times.started - times.detected;
  const excess = (times.promoted - times.edited - startUp - plan) / plan;
  return [
    { what: "new revision written -> recorded as event", measured: ms(detection), aim: "< 1 s", met: detection < 1000 },
    {
      what: `edit to promotion, beyond ${STEPS} steps of ${INTERVAL_MS / 1000} s and pod start-up (${ms(startUp)})`,
      measured: `${(excess * 100).toFixed(1)} %`,
      aim: "< 10 % + the primary's start-up",
      met: excess < 0.1 + (startUp * 2) / plan,
    },
    {
      what: `failed user requests at ${RPS} rps during a good rollout`,
      measured: `${users.failed} of ${users.requests}`,
      aim: "0",
      met: users.failed === 0,
    },
    {
      what: "memory of sandbox, operator, load tester and Prometheus together",
      measured: `${Math.round(memoryMb)} MB`,
      aim: "< 300 MB",
      met: memoryMb < 300,
    },
  ];
}

function phaseOf(canaries: ObjectCache): string {
  return canaries.get("test", "podinfo")?.status?.phase ?? "";
}

/** @returns the time of an event that begins with this text, on this process's monotonic clock */
function whenSaid(events: ObjectCache, beginning: string): Promise<number> {
  return new Promise((resolve) => {
    const stop = events.onChange(({ object }) => {
      if (!String(object["message"]).startsWith(beginning)) return;
      queueMicrotask(() => stop());
      resolve(performance.now());
    });
  });
}

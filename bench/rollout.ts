/** A real rollout on a sandbox of its own, in processes of their own, under 200 requests per second of users. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ClusterClient, connectCluster } from "../src/cli/cluster.ts";
import { applyObject, readManifests } from "../src/cli/commands/apply.ts";
import { startUserTraffic } from "../src/cli/demo/traffic.ts";
import { readOptions } from "../src/cli/options.ts";
import { readState, type SandboxState } from "../src/cli/sandbox-state.ts";
import { createClusterCache } from "../src/kube/cluster-cache.ts";
import type { ObjectCache } from "../src/ports/kube.ts";
import { RESOURCES } from "../src/ports/kubernetes.ts";
import { SILENT_LOG } from "../src/ports/log.ts";
import { PROJECT_ROOT as ROOT } from "../src/project-root.ts";
import { systemClock } from "../src/time/system-clock.ts";
import { type Figure, ms } from "./figure.ts";

const PROGRAM = join(ROOT, "dist-bench/src/main.js");
const INTERVAL_MS = 10_000;
const STEPS = 5;
const RPS = 200;
const CLUSTER = { kubeconfig: { type: "string", help: "" }, context: { type: "string", help: "" } } as const;

export async function benchRollout(): Promise<readonly Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), "aviary-bench-"));
  const began = performance.now();
  const child = spawn(process.execPath, ["--max-semi-space-size=2", PROGRAM, "sandbox", "serve", "--state-dir", dir], {
    env: { ...process.env, AVIARY_PARENT_PIPE: "1" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  try {
    await new Promise<void>((resolve) => child.stdout?.once("data", () => resolve()));
    const readyMs = performance.now() - began;
    const state = readState(dir);
    if (state === undefined) throw new Error("the sandbox did not start");
    const ready: Figure = {
      what: "sandbox: process start to ready",
      measured: ms(readyMs),
      aim: "1 s",
      met: readyMs <= 1000,
    };
    return [ready, ...(await rollout(state, child))];
  } finally {
    child.kill("SIGTERM");
    await exited;
    rmSync(dir, { recursive: true, force: true });
  }
}

async function rollout(state: SandboxState, sandbox: ChildProcess): Promise<readonly Figure[]> {
  const ended = new AbortController();
  const { signal } = ended;
  const client = await connectCluster(readOptions(["--kubeconfig", state.kubeconfig], CLUSTER), process.env);
  await install(client, signal);
  const world = { transport: client.transport, clock: systemClock, random: Math.random, log: SILENT_LOG };
  const cache = createClusterCache(world, signal);
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

async function install(client: ClusterClient, signal: AbortSignal): Promise<void> {
  for (const object of readManifests([join(ROOT, "deploy"), join(ROOT, "examples/podinfo")])) {
    const canary = object.kind === "Canary" ? { spec: withSteps(object.spec) } : {};
    await applyObject(client, { ...object, ...canary }, signal);
  }
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

function until(cache: ObjectCache, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const stop = cache.onChange(() => {
      if (!holds()) return;
      queueMicrotask(() => stop());
      resolve();
    });
  });
}

/** @returns when an event that begins so was seen, on this process's monotonic clock */
function whenSaid(events: ObjectCache, beginning: string): Promise<number> {
  return new Promise((resolve) => {
    const stop = events.onChange(({ object }) => {
      if (!String(object["message"]).startsWith(beginning)) return;
      queueMicrotask(() => stop());
      resolve(performance.now());
    });
  });
}

/** Memory of a process and all below it; what they share (Node's own code) counts once. */
function familyMemoryMb(pid: number): number {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // It ended while we looked.
    }
  }
  const family = new Set([pid]);
  for (let before = 0; before !== family.size; ) {
    before = family.size;
    for (const [child, parent] of parents) if (family.has(parent)) family.add(child);
  }
  return [...family].reduce((sum, member) => sum + residentMb(member), 0);
}

/** The proportional set size: pages shared by n processes count 1/n for each. */
function residentMb(pid: number): number {
  try {
    const [, kilobytes = "0"] = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8")) ?? [];
    return Number(kilobytes) / 1024;
  } catch {
    // It ended while we looked.
    return 0;
  }
}

/**
 * A sandbox in processes of its own, with the manifests of the demo, for the benchmarks that measure it from outside.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClusterClient } from "../src/cli/cluster.ts";
import { applyObject, readManifests } from "../src/cli/commands/apply.ts";
import { SMALL_HEAP } from "../src/cli/sandbox-apps.ts";
import { readState, type SandboxState } from "../src/cli/sandbox-state.ts";
import type { ObjectCache } from "../src/ports/kube.ts";
import type { KubeObject } from "../src/ports/kubernetes.ts";
import { PROJECT_ROOT as ROOT } from "../src/project-root.ts";

const PROGRAM = join(ROOT, "dist-bench/src/main.js");

/** Options of the commands that name a cluster. */
export const CLUSTER = {
  kubeconfig: { type: "string", help: "" },
  context: { type: "string", help: "" },
} as const;

export interface SandboxProcess {
  readonly state: SandboxState;
  readonly child: ChildProcess;
  /** From the start of the process until it was ready. */
  readonly readyMs: number;
}

/** Starts a sandbox, and stops it when `work` is done. @param words further arguments of `sandbox serve` */
export async function withSandbox<T>(
  words: readonly string[],
  work: (sandbox: SandboxProcess) => Promise<T>,
): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), "aviary-bench-"));
  const began = performance.now();
  const serve = [...SMALL_HEAP, PROGRAM, "sandbox", "serve", "--state-dir", dir, ...words];
  const child = spawn(process.execPath, serve, {
    env: { ...process.env, AVIARY_PARENT_PIPE: "1" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  try {
    await new Promise<void>((resolve) => child.stdout?.once("data", () => resolve()));
    const readyMs = performance.now() - began;
    const state = readState(dir);
    if (state === undefined) throw new Error("the sandbox did not start");
    return await work({ state, child, readyMs });
  } finally {
    child.kill("SIGTERM");
    await exited;
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Applies `deploy/` and the example. @param change of each object before it is applied */
export async function installDemo(
  client: ClusterClient,
  change: (object: KubeObject) => KubeObject,
  signal: AbortSignal,
): Promise<void> {
  for (const object of readManifests([join(ROOT, "deploy"), join(ROOT, "examples/podinfo")])) {
    await applyObject(client, change(object), signal);
  }
}

/** Resolves when the cache has seen what is waited for. */
export function until(cache: ObjectCache, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const stop = cache.onChange(() => {
      if (!holds()) return;
      queueMicrotask(() => stop());
      resolve();
    });
  });
}

/** A process and all below it. */
export function familyOf(pid: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const fields = statFields(Number(name));
    if (fields !== undefined) parents.set(Number(name), Number(fields[1]));
  }
  const family = new Set([pid]);
  for (let before = 0; before !== family.size; ) {
    before = family.size;
    for (const [child, parent] of parents) if (family.has(parent)) family.add(child);
  }
  return [...family];
}

/** The fields of /proc/PID/stat behind the program's name; undefined when the process has ended. */
function statFields(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

/** Memory of a process and all below it; what they share (Node's own code) counts once. */
export function familyMemoryMb(pid: number): number {
  return familyOf(pid).reduce((sum, member) => sum + residentMb(member), 0);
}

/** The proportional set size: pages shared by n processes count 1/n for each. */
function residentMb(pid: number): number {
  try {
    const [, kilobytes = "0"] = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8")) ?? [];
    return Number(kilobytes) / 1024;
  } catch {
    // It ended in the meantime.
    return 0;
  }
}

/** Milliseconds of CPU that a process and all below it have used so far, those that have ended included. */
export function familyCpuMs(pid: number): number {
  const TICK_MS = 10;
  // utime, stime, and the same of children that have ended: else a load test that ends would take its time back.
  const SPENT = [11, 12, 13, 14];
  return familyOf(pid).reduce((sum, member) => {
    const fields = statFields(member);
    return sum + SPENT.reduce((ticks, field) => ticks + Number(fields?.[field] ?? 0), 0) * TICK_MS;
  }, 0);
}

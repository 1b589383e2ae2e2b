/** The walk-through with GitOps on the sandbox: a release is a commit, and Flux and the operator do not overwrite each other. */
import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CLUSTER_OPTIONS, type ClusterClient, connectCluster } from "../../../src/cli/cluster.ts";
import { readOptions } from "../../../src/cli/options.ts";
import { createClusterCache } from "../../../src/kube/cluster-cache.ts";
import { type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { SILENT_LOG } from "../../../src/ports/log.ts";
import { PROJECT_ROOT } from "../../../src/project-root.ts";
import { systemClock } from "../../../src/time/system-clock.ts";

const run = promisify(execFile);
const base = mkdtempSync(join(tmpdir(), "aviary gitops-"));
const state = join(base, "state");
const signal = new AbortController().signal;
const stopped = new AbortController();
let client: ClusterClient;

const aviary = (...words: string[]) =>
  run(process.execPath, [join(PROJECT_ROOT, "bin/aviary"), ...words], {
    cwd: base,
    env: { PATH: process.env["PATH"], HOME: base, KUBECONFIG: join(state, "kubeconfig") },
  });

const repository = join(state, "repositories/aviary");
const gitLog = async () =>
  (await run("git", ["-c", "safe.directory=*", "log", "--format=%s"], { cwd: repository })).stdout.split("\n");

beforeAll(async () => {
  if (!existsSync(join(PROJECT_ROOT, "dist/src/main.js"))) await run("npm", ["run", "build"], { cwd: PROJECT_ROOT });
  expect(spawnSync("git", ["--version"]).status).toBe(0);
  await aviary("sandbox", "up", "--state-dir", state);
  await aviary("gitops", "up", "--state-dir", state);
  client = await connectCluster(readOptions([], CLUSTER_OPTIONS), { KUBECONFIG: join(state, "kubeconfig") });
  await aviary("wait", "canary/podinfo", "-n", "test", "--phase", "initialized");
  await scaledDown();
});
/** The operator scales the target down a little after the Canary is initialised, and then rests. */
async function scaledDown(): Promise<void> {
  const cache = createClusterCache(
    { transport: client.transport, clock: systemClock, random: Math.random, log: SILENT_LOG },
    stopped.signal,
  ).track(RESOURCES.deployment);
  await new Promise<void>((resolve) => {
    cache.onChange(({ object }) => {
      const { replicas } = object.spec ?? {};
      if (object.metadata.name === "podinfo" && replicas === 0 && !object.status?.replicas) resolve();
    });
  });
}

afterAll(async () => {
  stopped.abort();
  await aviary("sandbox", "down", "--state-dir", state);
  rmSync(base, { recursive: true });
});

async function objects(): Promise<readonly KubeObject[]> {
  const types = [
    RESOURCES.deployment,
    RESOURCES.service,
    RESOURCES.virtualService,
    RESOURCES.destinationRule,
    RESOURCES.hpa,
  ];
  const lists = await Promise.all(types.map((type) => client.kube.list(type, "test", {}, signal)));
  return lists.flat();
}

const written = (all: readonly KubeObject[]) =>
  Object.fromEntries(
    all.map(({ kind, metadata, spec }) => [`${kind}/${metadata.name}`, metadata.generation ?? JSON.stringify(spec)]),
  );

describe("Flux and the operator", () => {
  it("leave each other's fields alone: a second reconciliation of the same commit changes no object", async () => {
    const before = written(await objects());
    expect(Object.keys(before)).toContain("Deployment/podinfo-primary");
    await aviary("gitops", "up", "--state-dir", state);
    expect(written(await objects())).toEqual(before);
  });

  it("an edit is a commit that changes one line, and Flux applies it to the Deployment", async () => {
    const { stdout } = await aviary("gitops", "bump", "--state-dir", state);
    expect(stdout).toMatch(/^podinfo 6\.0\.0 -> 6\.0\.1, commit [0-9a-f]{12}\n$/);
    expect((await gitLog())[0]).toBe("podinfo 6.0.1");
    expect(readFileSync(join(repository, "apps/podinfo/kustomization.yaml"), "utf8")).toContain(
      "# A release is a commit",
    );
    await aviary("wait", "canary/podinfo", "-n", "test", "--phase", "Progressing");
    const target = await client.kube.get({ type: RESOURCES.deployment, namespace: "test", name: "podinfo" }, signal);
    expect(target?.spec.template.spec.containers[0].image).toBe("ghcr.io/stefanprodan/podinfo:6.0.1");
  });

  it("the status shows the commit that is applied", async () => {
    await aviary("gitops", "up", "--state-dir", state);
    const commit = (
      await run("git", ["-c", "safe.directory=*", "rev-parse", "HEAD"], { cwd: repository })
    ).stdout.slice(0, 12);
    const { stdout } = await aviary("gitops", "status");
    expect(stdout).toMatch(new RegExp(`^kustomization/podinfo +True +main@sha1:${commit}$`, "m"));
  });

  it("Flux prunes no object of the operator, and applies this checkout's manifests without the released image", async () => {
    await aviary("gitops", "up", "--state-dir", state);
    const names = (await objects()).map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    const made = ["Deployment/podinfo-primary", "Service/podinfo", "Service/podinfo-canary", "VirtualService/podinfo"];
    expect(names).toEqual(expect.arrayContaining(made));
    const target = await client.kube.get({ type: RESOURCES.deployment, namespace: "test", name: "podinfo" }, signal);
    expect(target?.spec.template.spec.containers[0].image).toBe("ghcr.io/stefanprodan/podinfo:6.0.1");
  });
});

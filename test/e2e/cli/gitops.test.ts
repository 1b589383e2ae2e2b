/**
 * The walk-through with GitOps on the sandbox: a release is a commit, and Flux and the operator do not overwrite each
 * other. The same story with the sandbox's imitation of Flux, and with Flux's own programs where they are on PATH or in
 * the folder $FLUX_PROGRAMS. $FLUX_CRDS names a file or a folder of Flux's own CRDs.
 */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findFlux } from "../../../sandbox/flux/programs.ts";
import { GIT_REPOSITORY, KUSTOMIZATION, REQUESTED_AT } from "../../../sandbox/flux/types.ts";
import { CLUSTER_OPTIONS, type ClusterClient, connectCluster } from "../../../src/cli/cluster.ts";
import { readOptions } from "../../../src/cli/options.ts";
import { createClusterCache } from "../../../src/kube/cluster-cache.ts";
import { type KubeFields, type KubeObject, RESOURCES, type ResourceType } from "../../../src/ports/kubernetes.ts";
import { SILENT_LOG } from "../../../src/ports/log.ts";
import { PROJECT_ROOT } from "../../../src/project-root.ts";
import { systemClock } from "../../../src/time/system-clock.ts";

const run = promisify(execFile);
const folderOf = (name: string) => (process.env[name] === undefined ? {} : { programs: process.env[name] });
const programs = findFlux({ prefer: "auto", ...folderOf("FLUX_PROGRAMS"), log: () => undefined });
const FLUX_CLI = process.env["FLUX_PROGRAMS"] === undefined ? "flux" : join(process.env["FLUX_PROGRAMS"], "flux");
const hasFlux = spawnSync(FLUX_CLI, ["version", "--client"], { stdio: "ignore" }).status === 0;

/** A sandbox with the walk-through on it. */
interface Site {
  aviary(...words: string[]): Promise<{ stdout: string }>;
  /** Flux's own command line. @returns all that it prints */
  flux(...words: string[]): Promise<string>;
  /** The Git repository that Flux deploys from. */
  readonly repository: string;
  readonly client: ClusterClient;
  /** Resolves when an object of this kind is as described. */
  until(type: ResourceType, holds: (object: KubeObject) => boolean): Promise<void>;
  stop(): Promise<void>;
}

async function openSite(flux: "real" | "imitation"): Promise<Site> {
  const base = mkdtempSync(join(tmpdir(), "aviary gitops-"));
  const state = join(base, "state");
  const stopped = new AbortController();
  const aviary: Site["aviary"] = (...words) =>
    run(process.execPath, [join(PROJECT_ROOT, "bin/aviary"), ...words], {
      cwd: base,
      env: { PATH: process.env["PATH"], HOME: base, KUBECONFIG: join(state, "kubeconfig") },
    });
  const [folder, crds] = [process.env["FLUX_PROGRAMS"], process.env["FLUX_CRDS"]];
  const places = [
    ...(folder === undefined ? [] : ["--flux-programs", folder]),
    ...(crds === undefined ? [] : ["--flux-crds", crds]),
  ];
  await aviary("sandbox", "up", "--state-dir", state, "--flux", flux, ...(flux === "real" ? places : []));
  await aviary("gitops", "up", "--state-dir", state);
  const client = await connectCluster(readOptions([], CLUSTER_OPTIONS), { KUBECONFIG: join(state, "kubeconfig") });
  const cache = createClusterCache(
    { transport: client.transport, clock: systemClock, random: Math.random, log: SILENT_LOG },
    stopped.signal,
  );
  return {
    aviary,
    flux: async (...words) => {
      const env = { PATH: process.env["PATH"], HOME: base, KUBECONFIG: join(state, "kubeconfig") };
      const { stdout, stderr } = await run(FLUX_CLI, ["--timeout=2m", ...words], { env, cwd: base });
      return stdout + stderr;
    },
    repository: join(state, "repositories/aviary"),
    client,
    until: (type, holds) =>
      new Promise((resolve) => {
        const stop = cache.track(type).onChange(({ object }) => {
          if (!holds(object)) return;
          queueMicrotask(() => stop());
          resolve();
        });
      }),
    async stop() {
      stopped.abort();
      await client.transport.close();
      await aviary("sandbox", "down", "--state-dir", state);
      rmSync(base, { recursive: true });
    },
  };
}

const signal = new AbortController().signal;
const NAMESPACE = "test";

async function objects({ client }: Site): Promise<readonly KubeObject[]> {
  const { deployment, service, virtualService, destinationRule, hpa, canary, configMap } = RESOURCES;
  const types = [deployment, service, virtualService, destinationRule, hpa, canary, configMap];
  return (await Promise.all(types.map((type) => client.kube.list(type, NAMESPACE, {}, signal)))).flat();
}

/** What is asked for, of each object: a change of it moves the generation, or shows in the object itself. */
const written = (all: readonly KubeObject[]): KubeFields =>
  Object.fromEntries(
    all.map(({ kind, metadata, spec, ...rest }) => [
      `${kind}/${metadata.name}`,
      [metadata.generation ?? 0, spec ?? rest["data"], metadata.labels, metadata.ownerReferences],
    ]),
  );

/** Every Kustomization is applied once more, though nothing is new. */
async function applyAgain({ client, until }: Site): Promise<void> {
  const asked = new Date(systemClock.now()).toISOString();
  const annotated = { metadata: { annotations: { [REQUESTED_AT]: asked } } };
  for (const type of [GIT_REPOSITORY, KUSTOMIZATION]) {
    for (const { metadata } of await client.kube.list(type, "flux-system", {}, signal)) {
      const ref = { type, namespace: "flux-system", name: metadata.name };
      await client.kube.mergePatch(ref, annotated, {}, signal);
      await until(type, (object) => object.metadata.name === metadata.name && isDone(object, asked));
    }
  }
}

function isDone({ status }: KubeObject, asked: string): boolean {
  const ready = (status?.conditions ?? []).find(({ type }: KubeFields) => type === "Ready");
  return status?.lastHandledReconcileAt === asked && ready?.status === "True";
}

const git = async ({ repository }: Site, ...words: string[]) =>
  (await run("git", ["-c", "safe.directory=*", ...words], { cwd: repository })).stdout;

const NOTE = "apps/podinfo/note.yaml";
const note = (text: string) =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "note", namespace: NAMESPACE },
    data: { text },
  });

/** A commit with this note among the application's manifests; without a note when the text is absent. */
async function commitNote(site: Site, text: string | undefined): Promise<string> {
  const place = (path: string) => join(site.repository, path);
  const kustomization = readFileSync(place("apps/podinfo/kustomization.yaml"), "utf8").replace("  - note.yaml\n", "");
  const named = kustomization.replace("resources:\n", "resources:\n  - note.yaml\n");
  writeFileSync(place("apps/podinfo/kustomization.yaml"), text === undefined ? kustomization : named);
  if (text === undefined) rmSync(place(NOTE));
  else writeFileSync(place(NOTE), note(text));
  await git(site, "add", "--all");
  await git(site, "-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "--quiet", "-m", "note");
  return (await git(site, "rev-parse", "HEAD")).trim();
}

/** Flux fetches the repository now. Resolves when these Kustomizations have applied the commit. */
async function fetched({ client, until }: Site, commit: string, ...names: readonly string[]): Promise<void> {
  const annotated = { metadata: { annotations: { [REQUESTED_AT]: new Date(systemClock.now()).toISOString() } } };
  await client.kube.mergePatch({ ...FLUX, type: GIT_REPOSITORY, name: "aviary" }, annotated, {}, signal);
  for (const name of names) {
    await until(KUSTOMIZATION, ({ metadata, status }) => {
      return metadata.name === name && String(status?.lastAppliedRevision).endsWith(commit);
    });
  }
}

const FLUX = { namespace: "flux-system" } as const;
const suspend = ({ client }: Site, suspended: boolean | null) =>
  client.kube.mergePatch(
    { ...FLUX, type: KUSTOMIZATION, name: "podinfo" },
    { spec: { suspend: suspended } },
    {},
    signal,
  );

beforeAll(async () => {
  expect(spawnSync("git", ["--version"]).status).toBe(0);
});

it("says when Flux's own programs were not found", () => {
  if (programs === undefined)
    process.stderr.write("GitOps: Flux's own programs are not here, the imitation alone is tried\n");
  expect(Object.keys(programs ?? {})).toHaveLength(programs === undefined ? 0 : 2);
});

const FLUXES = programs === undefined ? (["imitation"] as const) : (["imitation", "real"] as const);

describe.each(FLUXES)("Flux (%s) and the operator", (flux) => {
  let site: Site;
  const image = async () => {
    const ref = { type: RESOURCES.deployment, namespace: NAMESPACE, name: "podinfo" };
    return (await site.client.kube.get(ref, signal))?.spec.template.spec.containers[0].image;
  };

  beforeAll(async () => {
    site = await openSite(flux);
    await site.aviary("wait", "canary/podinfo", "-n", NAMESPACE, "--phase", "initialized");
    // The target goes down a little after the Canary is initialised. Only then the operator rests.
    await site.until(RESOURCES.deployment, ({ metadata, spec, status }) => {
      return metadata.name === "podinfo" && spec?.replicas === 0 && !status?.replicas;
    });
  });
  afterAll(() => site.stop());

  it("leave each other's fields alone: to apply the same commit again changes no object", async () => {
    const before = written(await objects(site));
    expect(Object.keys(before)).toContain("Deployment/podinfo-primary");
    await applyAgain(site);
    expect(written(await objects(site))).toEqual(before);
  });

  it("an edit is a commit that changes one line, and Flux applies it to the Deployment", async () => {
    const { stdout } = await site.aviary("gitops", "bump", "--state-dir", join(site.repository, "../.."));
    expect(stdout).toMatch(/^podinfo 6\.0\.0 -> 6\.0\.1, commit [0-9a-f]{12}\n$/);
    expect((await git(site, "log", "--format=%s")).split("\n")[0]).toBe("podinfo 6.0.1");
    expect(readFileSync(join(site.repository, "apps/podinfo/kustomization.yaml"), "utf8")).toContain(
      "# A release is a commit",
    );
    await site.aviary("wait", "canary/podinfo", "-n", NAMESPACE, "--phase", "Progressing");
    expect(await image()).toBe("ghcr.io/stefanprodan/podinfo:6.0.1");
  });

  it("in the middle of a rollout, too, to apply the same commit again changes no object", async () => {
    await site.until(RESOURCES.canary, ({ status }) => status?.canaryWeight > 0);
    await site.aviary("pause", "canary/podinfo", "-n", NAMESPACE, "--freeze-checks", "--yes");
    await site.until(RESOURCES.virtualService, ({ metadata, spec }) => {
      return metadata.name === "podinfo" && JSON.stringify(spec).includes("podinfo-canary");
    });
    const before = written(await objects(site));
    await applyAgain(site);
    expect(written(await objects(site))).toEqual(before);
    await site.aviary("resume", "canary/podinfo", "-n", NAMESPACE, "--yes");
  });

  it("the status shows the commit that is applied", async () => {
    const commit = (await git(site, "rev-parse", "HEAD")).slice(0, 12);
    const { stdout } = await site.aviary("gitops", "status");
    expect(stdout).toMatch(new RegExp(`^kustomization/podinfo +True +main@sha1:${commit}$`, "m"));
  });

  it("Flux prunes no object of the operator, and applies this checkout's manifests without the released image", async () => {
    await site.aviary("gitops", "up", "--state-dir", join(site.repository, "../.."));
    const names = (await objects(site)).map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    const made = ["Deployment/podinfo-primary", "Service/podinfo", "Service/podinfo-canary", "VirtualService/podinfo"];
    expect(names).toEqual(expect.arrayContaining(made));
    expect(await image()).toBe("ghcr.io/stefanprodan/podinfo:6.0.1");
  });

  it("Flux's own command line, where it is here, shows, compares, suspends, resumes and reconciles", async () => {
    if (!hasFlux) return expect(hasFlux).toBe(false);
    const path = join(site.repository, "apps/podinfo");
    expect(await site.flux("get", "kustomizations")).toMatch(
      /^podinfo\s+main@sha1:\w+\s+False\s+True\s+Applied revision/m,
    );
    // What Git has is what the cluster has, in the middle of a rollout: no output.
    expect(await site.flux("diff", "kustomization", "podinfo", "--path", path)).toBe("");
    expect(await site.flux("suspend", "kustomization", "podinfo")).toContain("kustomization suspended");
    expect(await site.flux("get", "kustomizations", "podinfo")).toMatch(/^podinfo\s+main@sha1:\w+\s+True\s/m);
    expect(await site.flux("resume", "kustomization", "podinfo")).toContain("applied revision main@sha1:");
    const reconciled = await site.flux("reconcile", "kustomization", "podinfo", "--with-source");
    expect(reconciled).toMatch(/fetched revision main@sha1:[\s\S]*applied revision main@sha1:/);
    const tree = await site.flux("tree", "kustomization", "podinfo");
    expect(tree).toContain("Canary/test/podinfo");
    expect(tree).not.toContain("podinfo-primary");
  });

  it("the release is promoted", async () => {
    await site.aviary("promote", "canary/podinfo", "-n", NAMESPACE, "--full", "--yes");
    await site.aviary("wait", "canary/podinfo", "-n", NAMESPACE, "--phase", "Succeeded", "--timeout", "4m");
    const { stdout } = await site.aviary("describe", "-n", NAMESPACE, "canary/podinfo");
    expect(stdout).toMatch(/Promotion completed! .*podinfo\.test/);
  });

  it("while its Kustomization is suspended no commit is applied, and the latest one afterwards", async () => {
    const noted = () => site.client.kube.get({ type: RESOURCES.configMap, namespace: NAMESPACE, name: "note" }, signal);
    await fetched(site, await commitNote(site, "first"), "podinfo");
    expect((await noted())?.data).toEqual({ text: "first" });
    await suspend(site, true);
    // The other Kustomizations have applied the commit by then.
    await fetched(site, await commitNote(site, "second"), "gateway");
    expect((await noted())?.data).toEqual({ text: "first" });
    await suspend(site, null);
    await site.until(RESOURCES.configMap, ({ metadata, data }) => metadata.name === "note" && data?.text === "second");
  });

  it("what Git names no longer is pruned, and nothing of the operator's", async () => {
    const before = (await objects(site)).map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    await fetched(site, await commitNote(site, undefined), "podinfo");
    const after = (await objects(site)).map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(before).toContain("ConfigMap/note");
    expect(after).toEqual(before.filter((name) => name !== "ConfigMap/note"));
  });
});

/** The sandbox's Flux with a real git, a real HTTP Git server and the sandbox's API server. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type KubeFields, type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import { claimAddressBlock } from "../addresses.ts";
import { type ApiServer, startApiServer } from "../api-server/index.ts";
import { machineClock } from "../clock.ts";
import type { Cluster } from "../cluster.ts";
import { fluxCrds } from "../crds/flux.ts";
import { fetchArtifact, git } from "./git.ts";
import { type Flux, startFlux } from "./index.ts";
import { GIT_REPOSITORY, KUSTOMIZATION, REQUESTED_AT } from "./types.ts";

const AUTHOR = { GIT_AUTHOR_NAME: "t", GIT_AUTHOR_EMAIL: "t@t", GIT_COMMITTER_NAME: "t", GIT_COMMITTER_EMAIL: "t@t" };

let folder: string;
let server: ApiServer;
let cluster: Cluster;
let flux: Flux;
const undo: (() => Promise<void>)[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "flux test-"));
  mkdirSync(join(folder, "repositories/app"), { recursive: true });
  await git(["init", "--quiet", "--initial-branch", "main", join(folder, "repositories/app")]);
  const addresses = await claimAddressBlock();
  undo.push(() => addresses.release());
  server = await startApiServer({ addresses });
  undo.push(() => server.stop());
  cluster = server.cluster;
  for (const crd of fluxCrds()) cluster.create(RESOURCES.crd, crd);
  for (const name of ["flux-system", "test"]) {
    cluster.create(RESOURCES.namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  }
  const context = { cluster, clock: machineClock, random: Math.random, report: () => undefined };
  const { url, token, ca } = server;
  flux = await startFlux(context, {
    ...{ repositories: join(folder, "repositories"), cache: join(folder, "cache"), host: "127.0.0.1" },
    api: { url, token, ca },
    kubeconfig: server.kubeconfig,
  });
  undo.push(() => flux.stop());
});
afterEach(async () => {
  for (const step of undo.reverse().splice(0)) await step();
  rmSync(folder, { recursive: true });
});

async function commit(files: Readonly<Record<string, string | undefined>>): Promise<string> {
  const repository = join(folder, "repositories/app");
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(repository, name)), { recursive: true });
    if (text === undefined) rmSync(join(repository, name));
    else writeFileSync(join(repository, name), text);
  }
  await git(["add", "--all"], repository);
  await git(["commit", "--quiet", "--allow-empty", "-m", "change"], repository, AUTHOR);
  return (await git(["rev-parse", "HEAD"], repository)).trim();
}

const configMap = (name: string, value: string, annotations = "") =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, namespace: test${annotations} }\ndata: { value: "${value}" }\n`;

function source(url = `${flux.gitUrl}/app`): void {
  cluster.create(GIT_REPOSITORY, {
    ...{ apiVersion: "source.toolkit.fluxcd.io/v1", kind: "GitRepository" },
    metadata: { name: "app", namespace: "flux-system" },
    spec: { interval: "1h", url, ref: { branch: "main" } },
  });
}

function kustomization(name: string, spec: KubeFields = {}): void {
  cluster.create(KUSTOMIZATION, {
    ...{ apiVersion: "kustomize.toolkit.fluxcd.io/v1", kind: "Kustomization" },
    metadata: { name, namespace: "flux-system" },
    spec: { interval: "1h", path: "./app", prune: true, sourceRef: { kind: "GitRepository", name: "app" }, ...spec },
  });
}

/** Resolves with the object when its state satisfies the condition; watches, and never polls. */
function until(type: typeof KUSTOMIZATION, name: string, holds: (object: KubeObject) => boolean): Promise<KubeObject> {
  return new Promise((resolve) => {
    const stop = cluster.watch(type, ({ object }) => {
      if (object.metadata.name !== name || !holds(object)) return;
      queueMicrotask(() => stop());
      resolve(object);
    });
  });
}

const ready = (object: KubeObject): KubeFields =>
  object.status?.conditions?.find(({ type }: KubeFields) => type === "Ready") ?? {};
const applied = (revision: string) => (object: KubeObject) =>
  ready(object).status === "True" && object.status?.lastAppliedRevision === `main@sha1:${revision}`;
const value = (name: string) => cluster.get(RESOURCES.configMap, "test", name)?.data?.value;

/** Asks as `flux reconcile source git` does. */
function reconcile(): void {
  const object = cluster.get(GIT_REPOSITORY, "flux-system", "app") as KubeObject;
  const annotations = { ...object.metadata.annotations, [REQUESTED_AT]: String(process.hrtime.bigint()) };
  cluster.update(GIT_REPOSITORY, { ...object, metadata: { ...object.metadata, annotations } });
}

describe("a Kustomization", () => {
  it("applies a commit, follows the next one when asked, and prunes what is named no longer", async () => {
    const first = await commit({ "app/a.yaml": configMap("a", "1"), "app/b.yaml": configMap("b", "1") });
    source();
    kustomization("app");
    await until(KUSTOMIZATION, "app", applied(first));
    expect([value("a"), value("b")]).toEqual(["1", "1"]);
    const second = await commit({ "app/a.yaml": configMap("a", "2"), "app/b.yaml": undefined });
    reconcile();
    await until(KUSTOMIZATION, "app", applied(second));
    expect([value("a"), value("b")]).toEqual(["2", undefined]);
  });

  it("writes nothing between two reconciliations of one commit", async () => {
    const revision = await commit({ "app/a.yaml": configMap("a", "1") });
    source();
    kustomization("app");
    await until(KUSTOMIZATION, "app", applied(revision));
    const before = cluster.get(RESOURCES.configMap, "test", "a")?.metadata.resourceVersion;
    const object = cluster.get(KUSTOMIZATION, "flux-system", "app") as KubeObject;
    cluster.update(KUSTOMIZATION, {
      ...object,
      metadata: { ...object.metadata, annotations: { [REQUESTED_AT]: "now" } },
    });
    await until(KUSTOMIZATION, "app", ({ status }) => status?.lastHandledReconcileAt === "now");
    expect(cluster.get(RESOURCES.configMap, "test", "a")?.metadata.resourceVersion).toBe(before);
  });

  it("leaves fields alone that another manager owns, and takes its own back", async () => {
    const revision = await commit({ "app/a.yaml": configMap("a", "1") });
    source();
    kustomization("app");
    await until(KUSTOMIZATION, "app", applied(revision));
    const present = cluster.get(RESOURCES.configMap, "test", "a") as KubeObject;
    cluster.update(RESOURCES.configMap, { ...present, data: { value: "drift", other: "theirs" } });
    const next = await commit({});
    reconcile();
    await until(KUSTOMIZATION, "app", applied(next));
    expect(cluster.get(RESOURCES.configMap, "test", "a")?.data).toEqual({ value: "1", other: "theirs" });
  });

  it("waits for its dependencies and says so", async () => {
    const revision = await commit({ "app/a.yaml": configMap("a", "1"), "late/b.yaml": configMap("b", "1") });
    source();
    kustomization("late", { path: "./late", dependsOn: [{ name: "app" }] });
    await until(KUSTOMIZATION, "late", (object) => ready(object).reason === "DependencyNotReady");
    expect(value("b")).toBeUndefined();
    kustomization("app");
    await until(KUSTOMIZATION, "late", applied(revision));
    expect(value("b")).toBe("1");
  });

  it("waits for the health of what it applied", async () => {
    const deployment =
      "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web, namespace: test }\nspec: { selector: { matchLabels: { app: web } }, template: { metadata: { labels: { app: web } }, spec: { containers: [{ name: web, image: x }] } } }\n";
    const revision = await commit({ "app/web.yaml": deployment });
    source();
    kustomization("app", { wait: true });
    const waiting = await until(KUSTOMIZATION, "app", (object) => ready(object).status === "Unknown");
    expect(ready(waiting).message).toContain("Deployment/test/web has 0 of 1 replicas ready");
    const web = cluster.get(RESOURCES.deployment, "test", "web") as KubeObject;
    const status = { observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 };
    cluster.updateStatus(RESOURCES.deployment, { ...web, status });
    await until(KUSTOMIZATION, "app", applied(revision));
  });

  it("does nothing while it is suspended", async () => {
    await commit({ "app/a.yaml": configMap("a", "1") });
    source();
    kustomization("app", { suspend: true });
    kustomization("other", { path: "./app" });
    await until(KUSTOMIZATION, "other", (object) => ready(object).status === "True");
    expect(cluster.get(KUSTOMIZATION, "flux-system", "app")?.status).toBeUndefined();
  });

  it("honours the annotations that opt out: created once, never pruned", async () => {
    const once = ", annotations: { kustomize.toolkit.fluxcd.io/ssa: IfNotPresent }";
    const kept = ", annotations: { kustomize.toolkit.fluxcd.io/prune: disabled }";
    const first = await commit({ "app/a.yaml": configMap("a", "1", once), "app/b.yaml": configMap("b", "1", kept) });
    source();
    kustomization("app");
    await until(KUSTOMIZATION, "app", applied(first));
    const second = await commit({ "app/a.yaml": configMap("a", "2", once), "app/b.yaml": undefined });
    reconcile();
    await until(KUSTOMIZATION, "app", applied(second));
    expect([value("a"), value("b")]).toEqual(["1", "1"]);
  });

  it("removes its objects when it is deleted", async () => {
    const revision = await commit({ "app/a.yaml": configMap("a", "1") });
    source();
    kustomization("app");
    await until(KUSTOMIZATION, "app", applied(revision));
    const gone = new Promise<void>((resolve) => {
      const stop = cluster.watch(RESOURCES.configMap, ({ type, object }) => {
        if (type !== "DELETED" || object.metadata.name !== "a") return;
        queueMicrotask(() => stop());
        resolve();
      });
    });
    cluster.remove(KUSTOMIZATION, "flux-system", "app");
    await gone;
  });

  it.each([
    [
      "a build that fails",
      { "app/kustomization.yaml": "resources: [gone.yaml]" },
      "BuildFailed",
      "resource gone.yaml is missing",
    ],
    [
      "an object that the API server refuses",
      { "app/a.yaml": "apiVersion: v1\nkind: Nonsense\nmetadata: { name: a }\n" },
      "ReconciliationFailed",
      'no matches for kind "Nonsense"',
    ],
  ])("says %s", async (_name, files, reason, message) => {
    await commit(files);
    source();
    kustomization("app");
    const failed = await until(KUSTOMIZATION, "app", (object) => ready(object).reason === reason);
    expect(ready(failed).message).toContain(message);
  });
});

describe("a GitRepository", () => {
  it("of an address without a repository says what git says", async () => {
    source(`${flux.gitUrl}/nothing`);
    const failed = await until(GIT_REPOSITORY, "app", (object) => ready(object).reason === "GitOperationFailed");
    expect(ready(failed).message).toMatch(/not found|repository/);
  });
});

it.each<[what: string, url: (there: string) => string, ref: object]>([
  ["an option as the address", () => "--upload-pack=touch pwned", {}],
  ["an option as the commit", (there) => there, { commit: "--upload-pack=touch pwned;git-upload-pack" }],
  ["a folder of this machine", () => "file:///etc", {}],
  ["a path of this machine", () => join(folder, "repositories/app"), { branch: "main" }],
  ["a program as the address", () => "ext::sh -c touch% pwned", {}],
  ["an option of ssh", () => "ssh://-oProxyCommand=touch%20pwned/x", {}],
])("a GitRepository with %s runs no program and reads no folder", async (_, url, ref) => {
  await commit({ "a.txt": "1" });
  const cache = join(folder, "hostile");
  await expect(fetchArtifact(url(`${flux.gitUrl}/app`), ref, cache)).rejects.toThrow();
  const found = readdirSync(folder, { recursive: true }).filter((name) => String(name).endsWith("pwned"));
  expect([found, existsSync("pwned"), existsSync(join(cache, "mirror.git/pwned"))]).toEqual([[], false, false]);
});

it("the Git server is read-only", async () => {
  await commit({ "a.txt": "1" });
  const clone = join(folder, "clone");
  await git(["clone", "--quiet", `${flux.gitUrl}/app`, clone]);
  writeFileSync(join(clone, "a.txt"), "2");
  await git(["commit", "--quiet", "-am", "x"], clone, AUTHOR);
  await expect(git(["push", "--quiet", "origin", "HEAD"], clone)).rejects.toThrow();
});

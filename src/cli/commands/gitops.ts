/** The walk-through by GitOps: Flux deploys from a Git repository, and a release is a commit. */
import { resolve } from "node:path";
import type { KubeFields, KubeObject, ResourceType } from "../../ports/kubernetes.ts";
import { systemClock } from "../../time/system-clock.ts";
import { asUserError, CLUSTER_OPTIONS, type ClusterClient, connectCluster } from "../cluster.ts";
import { type Command, type CommandContext, UserError } from "../command.ts";
import {
  BRANCH,
  bumpInRepository,
  head,
  problemOfCheckout,
  push,
  requireGit,
  syncRepository,
} from "../gitops/repository.ts";
import { describeOptions, type OptionSpec, oneOf, readOptions, refuseWords, TABLE_OUTPUT } from "../options.ts";
import { DEFAULT_STATE_DIR, readState } from "../sandbox-state.ts";

const GIT_REPOSITORY: ResourceType = {
  ...{ group: "source.toolkit.fluxcd.io", version: "v1", plural: "gitrepositories", kind: "GitRepository" },
  namespaced: true,
};
const KUSTOMIZATION: ResourceType = {
  ...{ group: "kustomize.toolkit.fluxcd.io", version: "v1", plural: "kustomizations", kind: "Kustomization" },
  namespaced: true,
};
const NAMESPACE_TYPE: ResourceType = {
  group: "",
  version: "v1",
  plural: "namespaces",
  kind: "Namespace",
  namespaced: false,
};
const FLUX = "flux-system";
const NAME = "aviary";
const REPOSITORIES = "repositories";
const LOOK_AGAIN_MS = 250;

const STATE_DIR: OptionSpec = { type: "string", preset: DEFAULT_STATE_DIR, help: "folder of the sandbox's state" };
const UP_OPTIONS = {
  "state-dir": STATE_DIR,
  timeout: { type: "string", preset: "300", help: "seconds to wait" },
  ...CLUSTER_OPTIONS,
} as const satisfies Record<string, OptionSpec>;
const BUMP_OPTIONS = {
  "state-dir": STATE_DIR,
  checkout: {
    type: "boolean",
    help: "commit in this checkout and push, for a cluster that deploys from your own repository",
  },
  ...CLUSTER_OPTIONS,
} as const satisfies Record<string, OptionSpec>;
const STATUS_OPTIONS = {
  ...TABLE_OUTPUT,
  ...CLUSTER_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

const repositoryOf = (stateDir: string): string => resolve(stateDir, REPOSITORIES, NAME);

export const gitopsUpCommand: Command = {
  help: `Usage: aviary gitops up [OPTIONS]

Makes a Git repository of the walk-through's manifests, and lets the sandbox's Flux deploy from it.

Examples:
  aviary sandbox up && aviary gitops up

${describeOptions(UP_OPTIONS)}`,
  run: up,
};

export const gitopsBumpCommand: Command = {
  help: `Usage: aviary gitops bump [OPTIONS]

Commits the next tag of podinfo's image, and asks Flux to look for it.

Examples:
  aviary gitops bump              in the sandbox's repository
  aviary gitops bump --checkout   in this checkout, then pushes

${describeOptions(BUMP_OPTIONS)}`,
  run: bump,
};

export const gitopsStatusCommand: Command = {
  help: `Usage: aviary gitops status [OPTIONS]

Shows what Flux has fetched and applied.

Examples:
  aviary gitops status
  aviary gitops status -o json

${describeOptions(STATUS_OPTIONS)}`,
  run: status,
};

async function up({ argv, env, out, err, signal }: CommandContext): Promise<0> {
  const options = readOptions(argv, UP_OPTIONS);
  refuseWords(options);
  const stateDir = options.text("state-dir") ?? DEFAULT_STATE_DIR;
  const state = readState(stateDir);
  if (state === undefined) throw new UserError("the sandbox is not running: `aviary sandbox up` first");
  if (state.gitUrl === undefined)
    throw new UserError("this sandbox serves no Git: install git, then `aviary sandbox down` and `up`");
  await requireGit();
  const folder = repositoryOf(stateDir);
  const changed = await syncRepository(folder);
  const commit = (await head(folder)).slice(0, 12);
  out(`${folder} ${changed ? "committed" : "is up to date"} at ${BRANCH}@${commit}\n`);
  const client = await connectCluster(options, env);
  try {
    for (const [type, object] of rootObjects(`${state.gitUrl}/${NAME}`))
      await client.kube.apply(type, object, { force: true }, signal);
    await request(client, signal);
    await waitForFlux(client, commit, Number(options.text("timeout")) * 1000, err, signal);
  } catch (error) {
    throw asUserError(error);
  }
  return 0;
}

function rootObjects(url: string): readonly (readonly [ResourceType, KubeObject])[] {
  const metadata = { name: NAME, namespace: FLUX };
  return [
    [NAMESPACE_TYPE, { apiVersion: "v1", kind: "Namespace", metadata: { name: FLUX } }],
    [
      GIT_REPOSITORY,
      {
        apiVersion: "source.toolkit.fluxcd.io/v1",
        kind: "GitRepository",
        metadata,
        spec: { interval: "1m", url, ref: { branch: BRANCH } },
      },
    ],
    [
      KUSTOMIZATION,
      {
        ...{
          apiVersion: "kustomize.toolkit.fluxcd.io/v1",
          kind: "Kustomization",
          metadata: { name: "cluster", namespace: FLUX },
        },
        spec: {
          interval: "10m",
          path: "./clusters/sandbox",
          prune: true,
          wait: false,
          sourceRef: { kind: "GitRepository", name: NAME },
        },
      },
    ],
  ];
}

/** Flux's own way to ask for a look now. */
async function request(client: ClusterClient, signal: AbortSignal): Promise<void> {
  const annotations = { "reconcile.fluxcd.io/requestedAt": new Date(systemClock.now()).toISOString() };
  await client.kube.mergePatch(
    { type: GIT_REPOSITORY, namespace: FLUX, name: NAME },
    { metadata: { annotations } },
    {},
    signal,
  );
}

async function waitForFlux(
  client: ClusterClient,
  commit: string,
  timeoutMs: number,
  err: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const until = systemClock.now() + timeoutMs;
  const said = new Map<string, string>();
  for (;;) {
    const rows = await kustomizations(client, signal);
    for (const { name, message } of rows) {
      if (said.get(name) !== message && message !== "") err(`kustomization/${name}: ${message}\n`);
      said.set(name, message);
    }
    const done = rows.length > 1 && rows.every(({ ready, revision }) => ready && revision.includes(commit));
    if (done) return;
    if (systemClock.now() > until) {
      const open = rows.filter(({ ready }) => !ready).map(({ name, message }) => `${name}: ${message}`);
      throw new UserError(
        `Flux has not applied ${BRANCH}@${commit} in ${timeoutMs / 1000} s (${open.join("; ") || "no Kustomization is there yet"})`,
      );
    }
    await systemClock.sleep(LOOK_AGAIN_MS, signal);
  }
}

interface Row {
  readonly name: string;
  readonly ready: boolean;
  readonly revision: string;
  readonly message: string;
}

async function kustomizations(client: ClusterClient, signal: AbortSignal): Promise<readonly Row[]> {
  const list = await client.transport.send(
    { method: "GET", path: "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations" },
    signal,
  );
  return (list.items as KubeObject[]).map((object) => rowOf(object, object.status?.lastAppliedRevision));
}

function rowOf({ metadata, status }: KubeObject, revision: unknown): Row {
  const condition = status?.conditions?.find(({ type }: KubeFields) => type === "Ready");
  const ready = condition?.status === "True" && status?.observedGeneration === metadata.generation;
  return {
    name: metadata.name,
    ready,
    revision: typeof revision === "string" ? revision : "",
    message: condition?.message ?? "",
  };
}

async function bump({ argv, env, out, signal }: CommandContext): Promise<0> {
  const options = readOptions(argv, BUMP_OPTIONS);
  refuseWords(options);
  await requireGit();
  const own = options.flag("checkout");
  const folder = own ? process.cwd() : repositoryOf(options.text("state-dir") ?? DEFAULT_STATE_DIR);
  if (own) {
    const problem = await problemOfCheckout(folder);
    if (problem !== undefined) throw new UserError(problem);
  }
  const { from, to, commit } = await bumpInRepository(folder);
  out(`podinfo ${from} -> ${to}, commit ${commit.slice(0, 12)}\n`);
  if (own) {
    await push(folder);
    out("pushed: Flux deploys it within its interval\n");
    return 0;
  }
  const client = await connectCluster(options, env);
  await request(client, signal).catch((error: unknown) => {
    throw asUserError(error);
  });
  return 0;
}

async function status({ argv, env, out, signal }: CommandContext): Promise<0> {
  const options = readOptions(argv, STATUS_OPTIONS);
  refuseWords(options);
  const output = oneOf(options, "output", ["table", "json"]);
  const client = await connectCluster(options, env);
  try {
    const list = await client.transport.send(
      { method: "GET", path: "/apis/source.toolkit.fluxcd.io/v1/gitrepositories" },
      signal,
    );
    const sources = (list.items as KubeObject[]).map((object) => ({
      kind: "gitrepository",
      ...rowOf(object, object.status?.artifact?.revision),
    }));
    const applied = (await kustomizations(client, signal)).map((row) => ({ kind: "kustomization", ...row }));
    if (output === "json") {
      out(`${JSON.stringify([...sources, ...applied], null, 2)}\n`);
      return 0;
    }
    const rows = [...sources, ...applied].map(({ kind, name, ready, revision, message }) => [
      `${kind}/${name}`,
      ready ? "True" : "False",
      short(revision),
      ready ? "" : message,
    ]);
    const table = [["NAME", "READY", "REVISION", ""], ...rows];
    const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => (row[column] ?? "").length)));
    for (const row of table)
      out(
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
      );
  } catch (error) {
    throw asUserError(error);
  }
  return 0;
}

/** "main@sha1:0123456789abcdef…" with twelve digits, which are enough for people. */
const short = (revision: string): string => revision.replace(/(sha1:[0-9a-f]{12})[0-9a-f]+/, "$1");

/** The sandbox as a background process: up, down, status; `serve` is that process. */
import { spawn, spawnSync } from "node:child_process";
import { openSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { MeshPrograms } from "../../../sandbox/mesh-programs/programs.ts";
import type { Sandbox, SandboxOptions } from "../../../sandbox/sandbox.ts";
import { errorText } from "../../error-text.ts";
import { systemClock } from "../../time/system-clock.ts";
import { type Command, type CommandContext, type ExitCode, UserError } from "../command.ts";
import {
  describeOptions,
  type OptionSpec,
  OUTPUT,
  oneOf,
  portOf,
  type ReadOptions,
  readOptions,
  refuseWords,
} from "../options.ts";
import { requirePrometheus } from "../prometheus.ts";
import { aviaryApps, SMALL_HEAP } from "../sandbox-apps.ts";
import {
  DEFAULT_STATE_DIR,
  forgetState,
  imageFileOf,
  isAlive,
  lockedBy,
  placeOf,
  readState,
  type SandboxState,
  type StateFolder,
  stateFolder,
  takeLock,
  writeState,
} from "../sandbox-state.ts";

const STATE_DIR: OptionSpec = {
  type: "string",
  preset: DEFAULT_STATE_DIR,
  help: "folder of kubeconfig, log and state",
};
const REAL_MESHES = ["contour", "envoy-gateway", "istio", "nginx"] as const;
const SERVE_OPTIONS = {
  "state-dir": STATE_DIR,
  port: { type: "string", help: "of the API server; any free port when absent" },
  "ingress-port": { type: "string", help: "of the ingress gateway; any free port when absent" },
  prometheus: { type: "string", preset: "auto", help: "auto, real or embedded" },
  kubernetes: {
    type: "string",
    preset: "imitation",
    help: "imitation, or real: kube-apiserver and etcd of this machine",
  },
  "kubernetes-programs": { type: "string", help: "folder of these two programs, when they are not on the PATH" },
  mesh: {
    type: "string",
    preset: "imitation",
    help: `imitation, or beside it ${REAL_MESHES.join(", ")}: programs of this machine`,
  },
  "mesh-programs": { type: "string", help: "folder of the mesh's programs, when they are not on the PATH" },
  "mesh-crds": {
    type: "string",
    multiple: true,
    help: "file or folder of CRDs, those of the mesh or of the Gateway API; may be given several times",
  },
  flux: { type: "string", preset: "auto", help: "auto, real (Flux's own programs) or imitation" },
  "flux-programs": { type: "string", help: "folder of Flux's programs, when they are not on the PATH" },
  "flux-crds": { type: "string", help: "file or folder of Flux's CRDs, for Flux's own programs" },
} as const satisfies Record<string, OptionSpec>;
const PASSED = Object.keys(SERVE_OPTIONS).filter((name) => name !== "state-dir");
const UP_OPTIONS = { ...SERVE_OPTIONS, ...OUTPUT };
const STATUS_OPTIONS = { "state-dir": STATE_DIR, ...OUTPUT };

/** A busy machine takes its time. */
const START_TIMEOUT_MS = 180_000;
const STOP_TIMEOUT_MS = 30_000;
const LOOK_AGAIN_MS = 25;

const withExamples = (examples: string, table: Readonly<Record<string, OptionSpec>>): string =>
  `Examples:\n${examples}\n\n${describeOptions(table)}`;

export const sandboxUpCommand: Command = {
  help: withExamples(
    `  aviary sandbox up
  aviary sandbox up --mesh contour --mesh-programs ~/mesh --mesh-crds ~/contour/crds.yaml
  export KUBECONFIG=$(aviary sandbox up -o json | jq -r .kubeconfig)`,
    UP_OPTIONS,
  ),
  run: up,
};
export const sandboxDownCommand: Command = {
  help: withExamples("  aviary sandbox down", STATUS_OPTIONS),
  run: down,
};
export const sandboxStatusCommand: Command = {
  help: withExamples("  aviary sandbox status\n  aviary sandbox status -o json", STATUS_OPTIONS),
  run: status,
};
export const sandboxServeCommand: Command = {
  help: withExamples("  aviary sandbox serve --port 6443", SERVE_OPTIONS),
  run: serve,
};

function outputOptions(argv: readonly string[], table: Readonly<Record<string, OptionSpec>>): ReadOptions {
  const options = readOptions(argv, table);
  refuseWords(options);
  oneOf(options, "output", ["text", "json"]);
  return options;
}

/** Idempotent: a sandbox that runs already is only shown. */
async function up({ argv, out, signal }: CommandContext): Promise<ExitCode> {
  const options = outputOptions(argv, UP_OPTIONS);
  const folder = stateFolder(options.text("state-dir") ?? DEFAULT_STATE_DIR);
  const running = readState(folder.dir) ?? (await launch(options, folder, signal));
  show(running, options, out);
  return 0;
}

async function launch(options: ReadOptions, folder: StateFolder, signal: AbortSignal): Promise<SandboxState> {
  const passed = PASSED.flatMap((name) => {
    const value = options.text(name);
    const values = value === undefined ? options.texts(name) : [value];
    return values.flatMap((one) => [`--${name}`, one]);
  });
  portOf(options.text("port"), "--port");
  portOf(options.text("ingress-port"), "--ingress-port");
  // Another call may be starting the sandbox of this folder: it is waited for.
  if (lockedBy(folder) !== undefined) return await started(folder, signal);
  const log = openSync(folder.log, "w", 0o600);
  const [program = ""] = process.argv.slice(1);
  const child = spawn(
    process.execPath,
    [...SMALL_HEAP, program, "sandbox", "serve", "--state-dir", folder.dir, ...passed],
    {
      detached: true,
      stdio: ["ignore", log, log],
    },
  );
  const ended = new Promise<never>((_resolve, reject) => {
    child.once("exit", (code) => {
      if (lockedBy(folder) !== undefined) return;
      reject(new UserError(`the sandbox did not start (code ${code}): ${lastWords(folder)}`));
    });
  });
  try {
    return await Promise.race([started(folder, signal), ended]);
  } finally {
    // This call is over. A later end of the sandbox is no failure of it, and the log may be gone by then.
    child.removeAllListeners("exit");
    child.unref();
  }
}

const started = (folder: StateFolder, signal: AbortSignal): Promise<SandboxState> =>
  waitFor(() => readState(folder.dir), START_TIMEOUT_MS, `the sandbox did not start, see ${folder.log}`, signal);

function lastWords({ log }: StateFolder): string {
  const lines = readFileSync(log, "utf8").trim().split("\n");
  return lines.at(-1) || `its log ${log} is empty, as on a full disk`;
}

async function down({ argv, out, signal }: CommandContext): Promise<ExitCode> {
  const options = outputOptions(argv, STATUS_OPTIONS);
  const folder = placeOf(options.text("state-dir") ?? DEFAULT_STATE_DIR);
  // A sandbox that is about to start has no state yet, but the lock.
  const running = readState(folder.dir)?.pid ?? lockedBy(folder);
  if (running !== undefined) {
    stopProcess(running);
    const gone = () => (isAlive(running) ? undefined : true);
    await waitFor(gone, STOP_TIMEOUT_MS, `the sandbox (process ${running}) does not stop`, signal);
  }
  forgetState(folder);
  if (options.text("output") === "json") out(`${JSON.stringify({ running: false })}\n`);
  else out(running === undefined ? "no sandbox is running\n" : "sandbox stopped\n");
  return 0;
}

function stopProcess(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch (cause) {
    throw new UserError(`cannot stop the sandbox (process ${pid}): it belongs to another user`, 1, { cause });
  }
}

function status({ argv, out }: CommandContext): Promise<ExitCode> {
  const options = outputOptions(argv, STATUS_OPTIONS);
  const running = readState(options.text("state-dir") ?? DEFAULT_STATE_DIR);
  if (running === undefined) {
    out(options.text("output") === "json" ? `${JSON.stringify({ running: false })}\n` : "no sandbox is running\n");
    return Promise.resolve(1);
  }
  show(running, options, out);
  return Promise.resolve(0);
}

function show(state: SandboxState, options: ReadOptions, out: (text: string) => void): void {
  if (options.text("output") === "json") {
    out(`${JSON.stringify({ running: true, ...state })}\n`);
    return;
  }
  out(
    [
      `sandbox is running (process ${state.pid})`,
      `  API server  ${state.url}`,
      `  ingress     ${state.ingressUrl}`,
      `  kubeconfig  ${state.kubeconfig}`,
      ...(state.kubernetes === "real" ? ["  Kubernetes  kube-apiserver and etcd"] : []),
      ...(state.flux === "real" ? ["  Flux        its own programs"] : []),
      ...(state.portShift ? [`  ports       ${portsText(state.portShift)}`] : []),
      "",
      `use it with: export KUBECONFIG=${shellWord(state.kubeconfig)}`,
      "",
    ].join("\n"),
  );
}

const portsText = (shift: number): string =>
  `port 80 of a Service is at ${80 + shift} on this machine, and so on below 1024: these ports need root. Pods know it.`;

/** A word as a shell reads it, with any character in it. */
const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

async function serve({ argv, out, signal }: CommandContext): Promise<ExitCode> {
  const options = readOptions(argv, SERVE_OPTIONS);
  refuseWords(options);
  const folder = stateFolder(options.text("state-dir") ?? DEFAULT_STATE_DIR);
  const port = portOf(options.text("port"), "--port");
  const ingressPort = portOf(options.text("ingress-port"), "--ingress-port");
  const [program = ""] = process.argv.slice(1);
  const prometheus = prometheusChoice(options.text("prometheus"));
  const mesh = oneOf(options, "mesh", ["imitation", ...REAL_MESHES]);
  if (options.texts("mesh-crds").length > 0 && mesh === "imitation") {
    throw new UserError(`--mesh-crds needs --mesh ${REAL_MESHES.join(", ")}`, 2);
  }
  const kubernetes = kubernetesOptions(options, out);
  if (kubernetes.kubernetes !== undefined && mesh !== "imitation") {
    throw new UserError(
      "--mesh needs --kubernetes imitation: meshes read EndpointSlices, which stay in the sandbox",
      2,
    );
  }
  const flux = fluxOptions(options, folder, out);
  await requirePrometheus(prometheus);
  if (!takeLock(folder)) {
    throw new UserError(`a sandbox of ${folder.dir} is running or starting already (process ${lockedBy(folder)})`);
  }
  const { startSandbox } = await import("../../../sandbox/sandbox.ts");
  const sandbox = await startSandbox({
    ...(port === undefined ? {} : { port }),
    ...(ingressPort === undefined ? {} : { ingressPort }),
    prometheus,
    apps: aviaryApps(program, folder.kubeconfig),
    ...kubernetes,
    ...flux,
    images: imageFileOf(folder.dir),
    report: (message) => out(`${message}\n`),
  }).catch((error: unknown) => {
    forgetState(folder);
    throw new UserError(errorText(error), 1, { cause: error });
  });
  writeFileSync(folder.kubeconfig, sandbox.kubeconfig, { mode: 0o600 });
  const programs = await startMeshPrograms(mesh, options, sandbox, folder, out).catch(async (error: unknown) => {
    await sandbox.stop();
    forgetState(folder);
    throw new UserError(errorText(error), 1, { cause: error });
  });
  writeState(folder, {
    pid: process.pid,
    url: sandbox.url,
    ingressUrl: programs?.url ?? sandbox.ingressUrl,
    nameserver: sandbox.nameserver,
    ...(sandbox.portShift === 0 ? {} : { portShift: sandbox.portShift }),
    kubeconfig: folder.kubeconfig,
    kubernetes: kubernetes.kubernetes === undefined ? "imitation" : "real",
    ...(sandbox.gitUrl === undefined ? {} : { gitUrl: sandbox.gitUrl }),
    ...(sandbox.realFlux === undefined ? {} : { flux: sandbox.realFlux ? "real" : "imitation" }),
    startedAt: new Date(systemClock.now()).toISOString(),
  });
  out(`sandbox is up at ${sandbox.url}\n`);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await programs?.stop();
  await sandbox.stop();
  forgetState(folder);
  return 0;
}

function kubernetesOptions(options: ReadOptions, out: (text: string) => void): Pick<SandboxOptions, "kubernetes"> {
  const programs = options.text("kubernetes-programs");
  if (oneOf(options, "kubernetes", ["imitation", "real"]) === "imitation") {
    if (programs !== undefined) throw new UserError("--kubernetes-programs needs --kubernetes real", 2);
    return {};
  }
  const folder = programs === undefined ? {} : { programs: resolve(programs) };
  return { kubernetes: { ...folder, log: (line) => out(`kubernetes: ${line}\n`) } };
}

/** Flux runs where git is installed: it serves the repositories of the state folder. */
function fluxOptions(
  options: ReadOptions,
  { dir }: StateFolder,
  out: (text: string) => void,
): Pick<SandboxOptions, "flux"> {
  const prefer = oneOf(options, "flux", ["auto", "real", "imitation"]);
  if (spawnSync("git", ["--version"], { stdio: "ignore" }).status !== 0) {
    if (prefer === "real") throw new UserError("--flux real needs git: install git");
    return {};
  }
  const folder = (name: string) => {
    const path = options.text(name);
    return path === undefined ? undefined : resolve(path);
  };
  const [programs, crds] = [folder("flux-programs"), folder("flux-crds")];
  return {
    flux: {
      repositories: resolve(dir, "repositories"),
      cache: resolve(dir, "flux"),
      programs: {
        prefer,
        ...(programs === undefined ? {} : { programs }),
        ...(crds === undefined ? {} : { crds }),
        log: (line) => out(`flux: ${line}\n`),
      },
    },
  };
}

async function startMeshPrograms(
  name: "imitation" | (typeof REAL_MESHES)[number],
  options: ReadOptions,
  sandbox: Sandbox,
  folder: StateFolder,
  out: (text: string) => void,
): Promise<MeshPrograms | undefined> {
  if (name === "imitation") return undefined;
  const programs = options.text("mesh-programs");
  const { START_MESH } = await import("../../../sandbox/mesh-programs/index.ts");
  const mesh = await START_MESH[name]({
    cluster: sandbox.cluster,
    kubeconfig: resolve(folder.kubeconfig),
    apiPort: Number(new URL(sandbox.url).port),
    ...(programs === undefined ? {} : { programs: resolve(programs) }),
    crds: options.texts("mesh-crds").map((place) => resolve(place)),
    provide: sandbox.provide,
    log: (line: string) => out(`${name}: ${line}\n`),
  });
  sandbox.scrape(mesh.metricsUrl);
  sandbox.leadIngress(mesh.url);
  sandbox.drainAtLeast(mesh.lagMs ?? 0);
  out(`${name} listens at ${mesh.url}\n`);
  if (mesh.gatewayUrl !== undefined) out(`the Gateway ingress/gateway listens at ${mesh.gatewayUrl}\n`);
  return mesh;
}

function prometheusChoice(text: string | undefined): "auto" | "real" | "embedded" {
  if (text === "auto" || text === "real" || text === "embedded") return text;
  throw new UserError(`--prometheus must be auto, real or embedded, found "${text}"`, 2);
}

/** Another process's file is watched for by looking: nothing tells us when it appears on every file system. */
async function waitFor<T>(
  look: () => T | undefined,
  timeoutMs: number,
  complaint: string,
  signal: AbortSignal,
): Promise<T> {
  const until = systemClock.now() + timeoutMs;
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    if (systemClock.now() > until) throw new UserError(complaint);
    await systemClock.sleep(LOOK_AGAIN_MS, signal);
  }
}

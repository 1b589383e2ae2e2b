/** The main job in one command: a cluster, a good release that is promoted, a bad one that is rolled back. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createClusterCache } from "../../kube/cluster-cache.ts";
import { createDispatcher } from "../../net/dispatcher.ts";
import type { ObjectCache } from "../../ports/kube.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import { RESOURCES } from "../../ports/kubernetes.ts";
import { PROJECT_ROOT } from "../../project-root.ts";
import { asUserError, connectCluster, watchPorts } from "../cluster.ts";
import { type Command, type CommandContext, UserError } from "../command.ts";
import { startDemoConsole } from "../demo/console.ts";
import { FAILED_CHECKS, quicker } from "../demo/quicker.ts";
import { type EventFeed, type Outcome, release, type Stage } from "../demo/release.ts";
import { summary } from "../demo/summary.ts";
import { createTelemetry } from "../demo/telemetry.ts";
import { startUserTraffic } from "../demo/traffic.ts";
import { createView, type View } from "../demo/view.ts";
import { readManifests } from "../manifests.ts";
import { describeOptions, type OptionSpec, oneOf, type ReadOptions, readOptions, refuseWords } from "../options.ts";
import { requirePrometheus } from "../prometheus.ts";
import { SMALL_HEAP } from "../sandbox-apps.ts";
import { readState, type SandboxState } from "../sandbox-state.ts";
import { applyObject } from "./apply.ts";

const OPTIONS = {
  prometheus: { type: "string", preset: "auto", help: "auto, real or embedded" },
  kubernetes: { type: "string", preset: "imitation", help: "imitation, or real: kube-apiserver and etcd" },
  "kubernetes-programs": { type: "string", help: "folder of these two programs, when they are not on the PATH" },
  rps: { type: "string", preset: "50", help: "requests per second that the demo's users send" },
  keep: { type: "boolean", help: "leave the sandbox's folder behind, for its log" },
} as const satisfies Record<string, OptionSpec>;

const NAMESPACE = "test";
const NAME = "podinfo";
const HOST = "podinfo.example.com";
/** A busy machine takes its time: the demo shows what is decided, not how fast. */
const PATIENCE_MS = 300_000;

export const demoCommand: Command = {
  help: `Usage: aviary demo [OPTIONS]

Starts a sandbox of its own, releases podinfo 6.0.1, which is promoted, then 6.0.2, which fails a third of its requests
and is rolled back. Takes about two minutes. The console shows both releases in a browser; while a browser follows
it, the sandbox stays. Exit code 1 when either release ends otherwise.

Examples:
  aviary demo
  aviary demo --rps 20 --prometheus embedded

${describeOptions(OPTIONS)}`,
  async run(context) {
    const options = readOptions(context.argv, OPTIONS);
    refuseWords(options);
    const rps = Number(options.text("rps"));
    const prometheus = oneOf(options, "prometheus", ["auto", "real", "embedded"]);
    if (!(rps > 0 && rps <= 2000)) throw new UserError("--rps must be a number from 1 to 2000", 2);
    await requirePrometheus(prometheus);
    const dir = mkdtempSync(join(tmpdir(), "aviary-demo-"));
    const sandbox = await startSandboxProcess(dir, ["--prometheus", prometheus, ...kubernetesWords(options)], context);
    const over = new AbortController();
    try {
      const client = await connectCluster(
        readOptions(["--kubeconfig", sandbox.state.kubeconfig], CLUSTER),
        context.env,
      );
      const { out } = context;
      const view = createView(out, process.stdout.isTTY ? process.stdout.columns : undefined);
      view.line(`sandbox is up: ${sandbox.state.url} (${wordsOf(sandbox.state)})`);
      const metrics = metricsOf(sandbox.state);
      over.signal.addEventListener("abort", () => void metrics.dispatcher.close(), { once: true });
      const watching = await startDemoConsole(client, metrics, AbortSignal.any([context.signal, over.signal]));
      view.line(`console: ${watching.link}\n  Watch the releases there. The link works once.`);
      const [good, bad] = await play(sandbox.state, rps, { client, view }, context.signal);
      out(summary(good, bad));
      await watching.untilClosed(() => out("The console is open in a browser. The demo stays until you close it.\n"));
      return good.phase === "Succeeded" && bad.phase === "Failed" ? 0 : 1;
    } catch (error) {
      throw asUserError(error);
    } finally {
      over.abort(new Error("the demo is over"));
      await sandbox.stop();
      if (options.flag("keep")) context.out(`the sandbox's log is ${join(dir, "sandbox.log")}\n`);
      else rmSync(dir, { recursive: true, force: true });
    }
  },
};

const wordsOf = ({ kubernetes }: SandboxState): string =>
  kubernetes === "real"
    ? "Kubernetes' own API server; controllers, nodes and Istio are imitated"
    : "imitates Kubernetes and Istio in one process";

function kubernetesWords(options: ReadOptions): readonly string[] {
  const programs = options.text("kubernetes-programs");
  const kubernetes = oneOf(options, "kubernetes", ["imitation", "real"]);
  return ["--kubernetes", kubernetes, ...(programs === undefined ? [] : ["--kubernetes-programs", resolve(programs)])];
}

interface SandboxProcess {
  readonly state: SandboxState;
  stop(): Promise<void>;
}

async function startSandboxProcess(
  dir: string,
  further: readonly string[],
  { signal }: CommandContext,
): Promise<SandboxProcess> {
  const [program = ""] = process.argv.slice(1);
  const words = [program, "sandbox", "serve", "--state-dir", dir, ...further];
  // The program ends when its stdin is closed: with this process, however this process ends.
  const child = spawn(process.execPath, [...SMALL_HEAP, ...words], {
    env: { ...process.env, AVIARY_PARENT_PIPE: "1" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await untilUp(child, signal);
  const state = readState(dir);
  if (state === undefined) throw new UserError("the sandbox did not start");
  return {
    state,
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

/** The sandbox prints a line when it is up; programs that it starts may say something before. */
function untilUp(child: ChildProcess, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new UserError(`the sandbox did not start (code ${code})`)));
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    let text = "";
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      text = (text + chunk).slice(-10_000);
      if (text.includes("sandbox is up at ")) resolve();
    });
  });
}

async function play(
  state: SandboxState,
  rps: number,
  { client, view }: Pick<Stage, "client" | "view">,
  signal: AbortSignal,
): Promise<readonly [Outcome, Outcome]> {
  const apply = async (folder: string) => {
    for (const object of readManifests([join(PROJECT_ROOT, folder)])) {
      await applyObject(client, quicker(object), signal);
    }
    view.line(`manifests of ${folder}/ are applied`);
  };
  await apply("deploy");
  const stopped = new AbortController();
  const cache = createClusterCache(watchPorts(client), AbortSignal.any([signal, stopped.signal]));
  try {
    const canaries = cache.track(RESOURCES.canary);
    const events = followEvents(cache.track(RESOURCES.event), view);
    // A Canary asks its metric servers at once. One that is just starting would be reported as missing.
    await untilAvailable(cache.track(RESOURCES.deployment), METRICS, signal);
    await apply("examples/podinfo");
    await untilPhase(canaries, "Initialized", signal);
    await untilScaledDown(cache.track(RESOURCES.deployment), signal);
    return await releases(state, rps, { client, canaries, view, events }, signal);
  } finally {
    stopped.abort(new Error("the demo is over"));
  }
}

const CLUSTER = { kubeconfig: { type: "string", help: "" }, context: { type: "string", help: "" } } as const;

type Watched = Pick<Stage, "client" | "canaries" | "view" | "events">;

async function releases(state: SandboxState, rps: number, watched: Watched, signal: AbortSignal) {
  const { address, dispatcher } = metricsOf(state);
  const traffic = startUserTraffic({ url: state.ingressUrl, host: HOST, requestsPerSecond: rps });
  const telemetry = createTelemetry(address, dispatcher);
  const stage: Stage = { ...watched, traffic, measure: telemetry.measure, namespace: NAMESPACE, name: NAME };
  try {
    watched.view.line(`users send ${rps} requests per second to ${HOST} through the ingress gateway`);
    watched.view.line("\n== release podinfo 6.0.1 ==");
    const good = await release(stage, (container) => setImage(container, "6.0.1"), signal);
    const canary = { type: RESOURCES.canary, namespace: NAMESPACE, name: NAME };
    const impatient = { spec: { analysis: { threshold: FAILED_CHECKS.bad } } };
    await watched.client.kube.mergePatch(canary, impatient, {}, signal);
    watched.view.line("\n== release podinfo 6.0.2, which fails a third of its requests ==");
    const bad = await release(
      stage,
      (container) => {
        setImage(container, "6.0.2");
        container["command"] = [...(container["command"] ?? []), "--random-error"];
      },
      signal,
    );
    return [good, bad] as const;
  } finally {
    await traffic.stop();
    await dispatcher.close();
  }
}

const METRICS = { namespace: "istio-system", name: "prometheus" } as const;

/** The sandbox's Prometheus, by the sandbox's names. */
const metricsOf = ({ nameserver }: SandboxState) => ({
  address: `http://${METRICS.name}.${METRICS.namespace}:9090`,
  meshProvider: "istio",
  dispatcher: createDispatcher({ env: { AVIARY_NAMESERVER: nameserver } }),
});

function setImage(container: KubeObject, tag: string): void {
  container["image"] = String(container["image"]).replace(/:[^:/]*$/, `:${tag}`);
}

function followEvents(events: ObjectCache, view: View): EventFeed {
  const seen: string[] = [];
  const listeners = new Set<() => void>();
  events.onChange((change) => {
    const { object } = change;
    if (change.type === "deleted" || object["involvedObject"]?.kind !== "Canary") return;
    const message = String(object["message"]);
    seen.push(message);
    view.line(`${String(object["type"]).padEnd(8)} ${message}`);
    for (const listener of listeners) listener();
  });
  return {
    seen: () => seen,
    onMore: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

function untilPhase(canaries: ObjectCache, phase: string, signal: AbortSignal): Promise<void> {
  return until(canaries, signal, `${NAME} did not become ${phase}`, () => {
    return canaries.get(NAMESPACE, NAME)?.status?.phase === phase;
  });
}

/** The first thing the operator does after initialising, once no traffic reaches the target any more. */
function untilScaledDown(deployments: ObjectCache, signal: AbortSignal): Promise<void> {
  return until(deployments, signal, `${NAME} was not scaled down`, () => {
    return deployments.get(NAMESPACE, NAME)?.spec?.replicas === 0;
  });
}

function untilAvailable(
  deployments: ObjectCache,
  { namespace, name }: typeof METRICS,
  signal: AbortSignal,
): Promise<void> {
  return until(deployments, signal, `${name} did not start`, () => {
    return (deployments.get(namespace, name)?.["status"]?.availableReplicas ?? 0) > 0;
  });
}

function until(cache: ObjectCache, signal: AbortSignal, complaint: string, holds: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const minutes = PATIENCE_MS / 60_000;
    const late = () => reject(new UserError(`${complaint} within ${minutes} minutes`));
    const timeout = setTimeout(() => end(late), PATIENCE_MS);
    signal.addEventListener("abort", () => end(() => reject(signal.reason)), { once: true });
    const stop = cache.onChange(() => {
      if (holds()) end(resolve);
    });
    function end(settle: () => void): void {
      clearTimeout(timeout);
      queueMicrotask(() => stop());
      settle();
    }
  });
}

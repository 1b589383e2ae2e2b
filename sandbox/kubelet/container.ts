/**
 * One container's life:
 *
 *   config -> image -> start -> running -> exited -> (back-off) -> config ...
 *
 * A missing ConfigMap or image holds it in `waiting` until it appears; a failed liveness probe ends `running` early.
 */
import type { Clock } from "../../src/ports/clock.ts";
import type { KubeFields } from "../../src/ports/kubernetes.ts";
import type { App, AppContext, AppTable, RunningApp } from "../apps.ts";
import { rfc3339 } from "../clock.ts";
import { MissingConfig } from "./environment.ts";
import { parseImage } from "./image.ts";
import type { LogWriter } from "./logs.ts";
import { type ProbeResult, pause, runProbe } from "./probes.ts";

const BACK_OFF_MS = 10_000;
const LONGEST_BACK_OFF_MS = 300_000;
/** A container that ran this long starts its back-off anew. */
const FORGIVEN_AFTER_MS = 600_000;
const CONFIG_RETRY_MS = 10_000;

/** What a container shows in the pod's status. */
export interface ContainerState {
  readonly spec: KubeFields;
  state: KubeFields;
  lastState: KubeFields | undefined;
  ready: boolean;
  started: boolean;
  restartCount: number;
  containerId: string;
  /** It will not be started again. */
  finished: boolean;
  /** While it runs. */
  program: { readonly running: RunningApp; readonly context: AppContext } | undefined;
}

/** What the pod gives its containers. */
export interface ContainerHost {
  readonly clock: Clock;
  readonly apps: AppTable;
  /** Aborted when the container must stop. */
  readonly signal: AbortSignal;
  /** "Always", "OnFailure", "Never" */
  readonly restartPolicy: string;
  readonly address: string;
  readonly graceMs: () => number;
  readonly log: LogWriter;
  /** Everything the program is told. @throws MissingConfig */
  readonly context: (log: (line: string) => void, signal: AbortSignal) => Parameters<App>[0];
  /** Resolves when a ConfigMap or Secret of the pod changed, or the signal is aborted. */
  readonly configChange: (signal: AbortSignal) => Promise<void>;
  readonly changed: () => void;
  readonly normal: (reason: string, message: string) => void;
  readonly warning: (reason: string, message: string) => void;
}

export function newContainer(spec: KubeFields): ContainerState {
  return {
    spec,
    state: { waiting: { reason: "ContainerCreating" } },
    lastState: undefined,
    ready: false,
    started: false,
    restartCount: 0,
    containerId: "",
    finished: false,
    program: undefined,
  };
}

/** Runs the container until its restart policy or the signal ends it. @returns the last exit code */
export async function runContainer(container: ContainerState, host: ContainerHost): Promise<number> {
  const { clock, signal } = host;
  let backOffMs = 0;
  for (let first = true; ; first = false) {
    const app = await prepare(container, host);
    if (app === undefined) break;
    if (!first) container.restartCount += 1;
    const startedAt = clock.now();
    const code = await runOnce(container, host, app);
    const done = host.restartPolicy === "Never" || (host.restartPolicy === "OnFailure" && code === 0);
    if (done || signal.aborted) break;
    if (clock.now() - startedAt >= FORGIVEN_AFTER_MS) backOffMs = 0;
    if (backOffMs > 0 && !(await backOff(container, host, backOffMs))) break;
    backOffMs = Math.min(Math.max(BACK_OFF_MS, backOffMs * 2), LONGEST_BACK_OFF_MS);
  }
  container.finished = true;
  container.ready = false;
  host.changed();
  return container.state.terminated?.exitCode ?? 0;
}

function wait(container: ContainerState, host: ContainerHost, reason: string, message: string): void {
  container.state = { waiting: { reason, message } };
  container.ready = false;
  host.changed();
}

async function backOff(container: ContainerState, host: ContainerHost, ms: number): Promise<boolean> {
  const { name } = container.spec;
  const message = `back-off ${Math.round(ms / 1000)}s restarting failed container=${name}`;
  wait(container, host, "CrashLoopBackOff", message);
  host.warning("BackOff", `Back-off restarting failed container ${name}`);
  return await pause(host.clock, ms, host.signal);
}

/** Waits until config and image are there. @returns undefined when the container must stop */
async function prepare(container: ContainerState, host: ContainerHost): Promise<App | undefined> {
  let pullBackOffMs = BACK_OFF_MS;
  while (!host.signal.aborted) {
    const { image } = container.spec;
    const app = host.apps(parseImage(image));
    if (app === undefined) {
      if (!(await pullBackOff(container, host, image, pullBackOffMs))) return undefined;
      pullBackOffMs = Math.min(pullBackOffMs * 2, LONGEST_BACK_OFF_MS);
      continue;
    }
    try {
      host.context(() => {}, host.signal);
      host.normal("Pulled", `Container image "${image}" already present on machine`);
      return app;
    } catch (error) {
      if (!(error instanceof MissingConfig)) throw error;
      wait(container, host, "CreateContainerConfigError", error.message);
      host.warning("Failed", `Error: ${error.message}`);
      await changeOr(host, CONFIG_RETRY_MS);
    }
  }
  return undefined;
}

async function changeOr(host: ContainerHost, ms: number): Promise<void> {
  const either = new AbortController();
  const signal = AbortSignal.any([host.signal, either.signal]);
  await Promise.race([host.configChange(signal), pause(host.clock, ms, signal)]);
  either.abort();
}

async function pullBackOff(container: ContainerState, host: ContainerHost, image: string, ms: number) {
  const why =
    "the sandbox has no program for this image; it runs podinfo, Prometheus, Aviary and Flagger, and images that you map: " +
    'aviary sandbox image add NAME --command "node server.js"';
  host.normal("Pulling", `Pulling image "${image}"`);
  host.warning("Failed", `Failed to pull image "${image}": ${why}`);
  host.warning("Failed", "Error: ErrImagePull");
  wait(container, host, "ErrImagePull", why);
  // The real kubelet shows ErrImagePull until its next look at the pod; the sandbox's looks again at once.
  host.normal("BackOff", `Back-off pulling image "${image}"`);
  host.warning("Failed", "Error: ImagePullBackOff");
  wait(container, host, "ImagePullBackOff", `Back-off pulling image "${image}": ${why}`);
  return await pause(host.clock, ms, host.signal);
}

/** One instance, from start to exit. @returns its exit code */
async function runOnce(container: ContainerState, host: ContainerHost, app: App): Promise<number> {
  const { clock, log } = host;
  const { name } = container.spec;
  const startedAt = rfc3339(clock.now());
  const life = new AbortController();
  const stop = () => life.abort();
  host.signal.addEventListener("abort", stop, { once: true });
  container.containerId = `sandbox://${containerId(host, name, container.restartCount)}`;
  log.begin();
  host.normal("Created", `Created container: ${name}`);
  let result: { code: number; reason: string; message?: string };
  try {
    const context = host.context((line) => log.line(line), life.signal);
    const running = await startedOrStopped(app(context), life.signal);
    if (running === undefined) result = { code: 137, reason: "Error" };
    else {
      host.normal("Started", `Started container ${name}`);
      container.state = { running: { startedAt } };
      container.program = { running, context };
      result = await serve(container, host, running, life);
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    log.line(`failed to start: ${message}`);
    host.warning("Failed", `Error: failed to start container "${name}": ${message}`);
    result = { code: 128, reason: "StartError", message };
  }
  host.signal.removeEventListener("abort", stop);
  container.program = undefined;
  life.abort();
  log.end();
  const { code, reason, message } = result;
  const terminated = { exitCode: code, reason, startedAt, finishedAt: rfc3339(clock.now()) };
  const containerID = container.containerId;
  container.state = { terminated: { ...terminated, containerID, ...(message === undefined ? {} : { message }) } };
  container.lastState = container.state;
  container.ready = false;
  container.started = false;
  host.changed();
  return code;
}

/** A program that is told to stop before it has started is not waited for: it is stopped if it ever starts. */
async function startedOrStopped(starting: Promise<RunningApp>, signal: AbortSignal): Promise<RunningApp | undefined> {
  const first = await Promise.race([starting, aborted(signal)]);
  if (first !== "stop") return first;
  starting.then(
    (late) => late.stop(),
    () => {},
  );
  return undefined;
}

function aborted(signal: AbortSignal): Promise<"stop"> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve("stop");
    else signal.addEventListener("abort", () => resolve("stop"), { once: true });
  });
}

function containerId(host: ContainerHost, name: string, instance: number): string {
  return Buffer.from(`${host.address}/${name}/${instance}`).toString("hex");
}

/** Probes the running program until it exits, fails its liveness, or must stop. */
async function serve(container: ContainerState, host: ContainerHost, running: RunningApp, life: AbortController) {
  const probing = new AbortController();
  const unhealthy = startProbes(container, host, probing.signal);
  host.changed();
  const stopped = aborted(life.signal);
  const exited = running.exited.catch((error: unknown) => {
    host.log.line(`crashed: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  });
  const outcome = await Promise.race([exited, stopped, unhealthy]);
  probing.abort();
  if (typeof outcome === "number") return { code: outcome, reason: outcome === 0 ? "Completed" : "Error" };
  life.abort();
  const code = await stopGracefully(host, running, exited);
  return outcome === "stop" && code === 0 ? { code, reason: "Completed" } : { code: code || 137, reason: "Error" };
}

/** @returns the exit code; 137 when the grace period ran out */
async function stopGracefully(host: ContainerHost, running: RunningApp, exited: Promise<number>): Promise<number> {
  const patience = new AbortController();
  const gave = running.stop().then(
    () => Promise.race([exited, Promise.resolve(0)]),
    (error: unknown) => {
      host.log.line(`did not stop cleanly: ${error instanceof Error ? error.message : String(error)}`);
      return 1;
    },
  );
  const code = await Promise.race([gave, pause(host.clock, host.graceMs(), patience.signal).then(() => 137)]);
  patience.abort();
  return code;
}

/** @returns a promise that resolves when the container must be restarted because it is not alive */
function startProbes(container: ContainerState, host: ContainerHost, signal: AbortSignal): Promise<"unhealthy"> {
  const { spec } = container;
  const target = { address: host.address, ports: spec.ports ?? [] };
  const unsupported = new Set<string>();
  const attempt = (kind: string) => (result: ProbeResult) => {
    if (result.kind === "success" || (result.kind === "unsupported" && unsupported.has(kind))) return;
    if (result.kind === "unsupported") unsupported.add(kind);
    host.warning("Unhealthy", `${kind} probe ${result.kind === "failure" ? "failed" : "not run"}: ${result.detail}`);
  };
  return new Promise((resolve) => {
    const loop = (kind: string, probe: KubeFields, onVerdict: (healthy: boolean) => boolean) =>
      void runProbe({ probe, target, clock: host.clock, signal, onAttempt: attempt(kind), onVerdict });
    const restart = (kind: string) => {
      host.normal("Killing", `Container ${spec.name} failed ${kind} probe, will be restarted`);
      resolve("unhealthy");
      return false;
    };
    const setReady = (ready: boolean) => {
      container.ready = ready;
      host.changed();
      return true;
    };
    const begin = () => {
      container.started = true;
      if (spec.readinessProbe) loop("Readiness", spec.readinessProbe, setReady);
      else setReady(true);
      if (spec.livenessProbe) loop("Liveness", spec.livenessProbe, (ok) => (ok ? true : restart("liveness")));
      host.changed();
    };
    if (!spec.startupProbe) return begin();
    loop("Startup", spec.startupProbe, (ok) => {
      if (ok) begin();
      else restart("startup");
      return false;
    });
  });
}

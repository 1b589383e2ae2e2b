/**
 * nginx as an ingress controller: the sandbox writes its configuration from the Ingresses of class `nginx`, and tells
 * it to read it again. This controller is the sandbox's own imitation of ingress-nginx; the nginx that carries the
 * requests is real.
 *
 *   Ingress, Service, EndpointSlice ──► plan ──► nginx.conf ──► SIGHUP          access.log ──► metrics
 */
import { writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as setTimeoutPromise } from "node:timers/promises";
import { RESOURCES } from "../../../src/ports/kubernetes.ts";
import type { Cluster } from "../../cluster.ts";
import { findAll } from "../../programs/find.ts";
import { programGroup } from "../../programs/group.ts";
import { freePorts } from "../../programs/ports.ts";
import { serveMetrics } from "../metrics-server.ts";
import type { MeshOptions, MeshPrograms } from "../programs.ts";
import { type AccessCounter, createAccessCounter, type LogReader, readLog } from "./access-log.ts";
import { type AccessLine, configOf } from "./config.ts";
import { planOf } from "./plan.ts";

/** Changes come in bunches: a rollout changes an Ingress, Services and many EndpointSlices. */
const GATHER_MS = 50;
const LOOK_AGAIN_MS = 20;
/** The former workers have been told to end by then. */
const SETTLE_MS = 1_000;
const LATEST_MS = 5_000;
/** A change that comes while nginx begins anew waits for that, and is read in then. */
const LAG_MS = 2 * SETTLE_MS + 1_000;

/** @throws Error when nginx is missing or does not start */
export async function startNginx(options: MeshOptions): Promise<MeshPrograms> {
  const { cluster, log } = options;
  const [nginx] = findAll(["nginx"], options.programs, `${process.env["PATH"] ?? ""}:/usr/sbin:/usr/local/sbin`);
  const [health = 0, stats = 0, free = 0] = await freePorts(3);
  const port = options.port ?? free;
  const group = programGroup("nginx", log);
  const { dir } = group;
  const file = join(dir, "nginx.conf");
  const root = process.getuid?.() === 0 ? { user: userInfo().username } : {};
  const render = (generation: number) =>
    configOf(planOf(worldOf(cluster)), { dir, port, healthPort: health, generation, ...root });
  const undo: (() => Promise<void> | void)[] = [() => group.stop()];
  const stop = async () => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    let generation = 0;
    let written = render(generation);
    writeFileSync(file, written);
    const server = await group.start(nginx, ["-p", dir, "-c", file, "-e", "stderr"]);
    await group.ready(server, `http://127.0.0.1:${health}/`);
    const signal = (name: "SIGHUP" | "SIGUSR1") => void process.kill(server.pid, name);
    const follow = followChanges(cluster, async () => {
      if (render(generation) === written) return;
      generation += 1;
      written = render(generation);
      writeFileSync(file, written);
      signal("SIGHUP");
      await untilInForce(`http://127.0.0.1:${health}/`, generation);
    });
    undo.push(follow);
    const reader = readLog(join(dir, "access.log"), () => signal("SIGUSR1"));
    undo.push(() => reader.close());
    const counter = createAccessCounter();
    const metrics = await serveMetrics(() => {
      countNew(reader, counter, log);
      return counter.exposition();
    }, stats);
    undo.push(metrics.stop);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://127.0.0.1:${port}`, metricsUrl: `http://127.0.0.1:${stats}/metrics`, lagMs: LAG_MS, stop };
}

const KINDS = [RESOURCES.ingress, RESOURCES.service, RESOURCES.endpointSlice];

function worldOf(cluster: Cluster) {
  const [ingresses = [], services = [], endpointSlices = []] = KINDS.map((kind) => cluster.list(kind));
  return { ingresses, services, endpointSlices };
}

/** @returns stops */
function followChanges(cluster: Cluster, changed: () => Promise<void>): () => void {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let again = false;
  const soon = () => {
    again = true;
    timer ??= setTimeout(async () => {
      again = false;
      await changed();
      timer = undefined;
      if (again && !stopped) soon();
    }, GATHER_MS);
  };
  const stops = KINDS.map((kind) => cluster.watch(kind, soon));
  return () => {
    stopped = true;
    clearTimeout(timer);
    for (const end of stops) end();
  };
}

/**
 * A worker of nginx that is told to end before it has begun drops connections: one change waits for the other. A
 * configuration that nginx refuses never comes into force, and nginx says why in the sandbox's log.
 */
async function untilInForce(url: string, generation: number): Promise<void> {
  const late = AbortSignal.timeout(LATEST_MS);
  while (!late.aborted) {
    const answer = await fetch(url, { headers: { connection: "close" }, signal: late }).then(
      (response) => response.text(),
      () => "",
    );
    if (answer === String(generation)) break;
    await setTimeoutPromise(LOOK_AGAIN_MS);
  }
  await setTimeoutPromise(SETTLE_MS);
}

function countNew(reader: LogReader, counter: AccessCounter, log: (line: string) => void): void {
  for (const text of reader.read()) {
    try {
      const line: AccessLine = JSON.parse(text);
      counter.count(line);
    } catch {
      log(`a line of the access log cannot be read: ${text.slice(0, 200)}`);
    }
  }
}

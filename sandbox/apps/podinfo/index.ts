/**
 * A stand-in for podinfo, the program that Flagger's tutorials deploy: the same endpoints, flags and metrics, written
 * anew for the sandbox. Faults by flag (--random-error, --random-delay) spare the probes and /metrics, so that a bad
 * release shows as failing requests and not as a pod that never becomes ready.
 */
import { randomBytes } from "node:crypto";
import type { Random } from "../../../src/ports/clock.ts";
import type { App, AppContext, RunningApp } from "../../apps.ts";
import { type PodinfoFlags, parseFlags } from "./flags.ts";
import { type GrpcServer, startGrpcServer } from "./grpc.ts";
import { requestMetrics } from "./metrics.ts";
import { type PodinfoState, routesOf } from "./routes.ts";
import { type Exchange, type HttpServer, sendJson, startHttpServer } from "./server.ts";

/** One request in three fails, with one of these. */
const ERROR_CHANCE = 1 / 3;
const ERRORS = [500, 400, 409];

/** @param random decides about injected errors and delays */
export function createPodinfo(random: Random = Math.random): App {
  return (context) => start(context, random);
}

/** podinfo with real chance. */
export const podinfo: App = createPodinfo();

async function start(context: AppContext, random: Random): Promise<RunningApp> {
  const version = versionOf(context.image);
  const flags = parseFlags(context.argv, context.env, version);
  const servers: HttpServer[] = [];
  const timers = new Set<NodeJS.Timeout>();
  const connections = () => servers.reduce((total, server) => total + server.connections(), 0);
  const metrics = requestMetrics(Date.now(), connections);
  const log = logger(context, flags.level);
  let exit: (code: number) => void = () => {};
  const exited = new Promise<number>((resolve) => {
    exit = resolve;
  });
  const crash = (code: number) => {
    log("error", "Panic command received", {});
    for (const timer of timers) clearTimeout(timer);
    for (const server of servers) server.destroy();
    void grpc?.stop();
    exit(code);
  };
  const later = (seconds: number, run: () => void) => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      run();
    }, seconds * 1000);
    timers.add(timer);
  };
  const state: PodinfoState = {
    context,
    flags,
    version,
    jwtSecret: flags.jwtSecret === "" ? randomBytes(24).toString("hex") : flags.jwtSecret,
    ready: !flags.unready,
    healthy: !flags.unhealthy,
    faulty: false,
    metricsText: metrics.text,
    connections,
    crash,
    later,
    random,
  };
  await listen(state, metrics.observe, servers, log);
  const grpc = await startGrpc(state, log).catch((error: unknown) => {
    for (const server of servers) server.destroy();
    throw error;
  });
  return {
    exited,
    stop: async () => {
      log("info", "Shutting down HTTP server", { timeout: "30s" });
      await Promise.all([...servers.map((server) => server.drain()), grpc?.stop()]);
      exit(0);
    },
  };
}

type Log = (level: "debug" | "info" | "error", message: string, fields: object) => void;

async function listen(
  state: PodinfoState,
  observe: (method: string, route: string, status: number, seconds: number) => void,
  servers: HttpServer[],
  log: Log,
): Promise<void> {
  const { context, flags, version } = state;
  const { address } = context;
  const routes = routesOf(state);
  const before = faultsOf(state);
  const debug = flags.level === "debug";
  const watch: typeof observe = debug
    ? (method, route, status, seconds) => {
        observe(method, route, status, seconds);
        log("debug", "request", { method, route, status, ms: Math.round(seconds * 1e6) / 1e3 });
      }
    : observe;
  log("info", "Starting podinfo", { version, revision: "sandbox", port: String(flags.port) });
  servers.push(await startHttpServer({ address, port: flags.port, routes, observe: watch, before }));
  log("info", "Starting HTTP Server.", { addr: `${address}:${flags.port}` });
  if (flags.portMetrics > 0 && flags.portMetrics !== flags.port) {
    const own = routes.filter((route) => route.path === "/metrics" || route.path === "/healthz");
    const scraped = { address, port: flags.portMetrics, routes: own, observe: () => {} };
    try {
      servers.push(await startHttpServer(scraped));
    } catch (error) {
      for (const server of servers) server.destroy();
      throw error;
    }
  }
}

/** @returns undefined when no gRPC port is asked for */
async function startGrpc(state: PodinfoState, log: Log): Promise<GrpcServer | undefined> {
  const { context, flags } = state;
  const { grpcPort: port, grpcService: service } = flags;
  if (port === 0) return undefined;
  const server = await startGrpcServer({ address: context.address, port, service, healthy: () => state.healthy });
  log("info", "Starting GRPC Server.", { addr: `${context.address}:${port}` });
  return server;
}

/** Injected faults: by flag, or switched on over HTTP. */
function faultsOf(state: PodinfoState): (exchange: Exchange) => boolean | Promise<boolean> {
  const { flags, random } = state;
  const fail = ({ response }: Exchange, status: number) => {
    sendJson(response, status, { code: status, message: "injected by the sandbox" });
    return false;
  };
  const judge = (exchange: Exchange): boolean => {
    if (state.faulty) return fail(exchange, 500);
    if (!flags.randomError || random() >= ERROR_CHANCE) return true;
    return fail(exchange, ERRORS[Math.floor(random() * ERRORS.length)] ?? 500);
  };
  if (!flags.randomDelay) return judge;
  return (exchange) =>
    new Promise((resolve) => state.later(delaySeconds(flags, random), () => resolve(judge(exchange))));
}

function delaySeconds(flags: PodinfoFlags, random: Random): number {
  const span = Math.max(0, flags.randomDelayMax - flags.randomDelayMin);
  const units = flags.randomDelayMin + random() * span;
  return flags.randomDelayUnit === "ms" ? units / 1000 : units;
}

/** The image's tag; "latest" without one. */
function versionOf(image: string): string {
  const name = image.split("@")[0] ?? "";
  const tag = /:([^:/]+)$/.exec(name)?.[1];
  return tag ?? "latest";
}

const LEVELS = ["debug", "info", "warn", "error"];

function logger(context: AppContext, level: string): Log {
  const least = Math.max(0, LEVELS.indexOf(level));
  return (of, message, fields) => {
    if (LEVELS.indexOf(of) < least) return;
    context.log(JSON.stringify({ level: of, ts: new Date().toISOString(), msg: message, ...fields }));
  };
}

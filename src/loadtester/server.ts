/** The load-test service that a Canary's webhooks call: manual gates, and tasks that make load or run tests. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { collectDefaultMetrics, Registry } from "prom-client";
import type { Dispatcher } from "undici";
import { deadline } from "../async/deadline.ts";
import { errorText } from "../error-text.ts";
import { parseBool } from "../go/flags.ts";
import { show } from "../net/show.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import { refusalOf } from "./admission.ts";
import { createDoors, type Doors, type Reply } from "./doors.ts";
import { commandEnvironment } from "./environment.ts";
import { type ForwardProxy, startForwardProxy } from "./forward-proxy.ts";
import { plainDispatcher } from "./hey/hey.ts";
import { canaryOf, parsePayload } from "./payload.ts";
import type { PreparedTask, TaskPorts } from "./prepared-task.ts";
import type { LoadLimits } from "./program.ts";
import { createTaskQueue, type TaskQueue } from "./queue.ts";
import { prepareTask } from "./tasks.ts";

export interface LoadtesterOptions {
  /** Address to listen on; all of the machine's when absent. */
  readonly host?: string;
  /** 0: any free port. */
  readonly port?: number;
  /** Every command is killed after this time; 1 h when absent. */
  readonly timeoutMs?: number;
  /** Callers whose namespace does not match (anywhere in it) are refused. Empty or absent: all may call. */
  readonly namespaceRegexp?: string;
  /** The expression must match the whole name. */
  readonly namespaceRegexpFull?: boolean;
  /** Without it no task is run and no gate opened; empty or absent: none is asked for. */
  readonly token?: string;
  /** Variables that commands see besides the usual ones; "*" is all of them. */
  readonly commandEnv?: readonly string[];
  /** Awaited tasks at once; 50 when absent. */
  readonly maxAwaited?: number;
  readonly log: Log;
  readonly clock: Clock;
  /**
   * For the load made in this process. It should accept any certificate, as hey does; undici's plain one that does so
   * when absent.
   */
  readonly dispatcher?: Dispatcher;
  /** The commands' environment; the process's own when absent. AVIARY_NAMESERVER in it makes hey and curl built in. */
  readonly env?: NodeJS.ProcessEnv;
  /** For measuring latencies, milliseconds. */
  readonly monotonicMs?: () => number;
  /**
   * Bounds of the load made in this process; 500 workers and 2,000 requests per second for each command when absent.
   */
  readonly limits?: LoadLimits;
  /** How long `stop` waits for awaited tasks (bash, helm, kubectl, concord); 1 min when absent. */
  readonly graceMs?: number;
  readonly version?: string;
}

export interface Loadtester {
  /** "http://127.0.0.1:8080" */
  readonly url: string;
  readonly port: number;
  /** No new requests; queued load ends at once with its processes, awaited tasks get the grace period. */
  stop(): Promise<void>;
}

const DEFAULT_PORT = 9090;
const DEFAULT_TIMEOUT_MS = 3_600_000;
const DEFAULT_GRACE_MS = 60_000;
const DEFAULT_LIMITS: LoadLimits = { workers: 500, requestsPerSecond: 2000 };
const MAX_BODY_BYTES = 1024 * 1024;
const MOST_AWAITED = 50;
/** Load that waits to be started, or runs: each is a process, or up to 500 connections. */
const MOST_QUEUED = 200;
/** The preset of 10 ms costs more CPU than all else that an idle load tester does. */
const LOOP_PRECISION_MS = 1_000;
const LONGEST_FAILURE = 16 * 1024;
/** The release of Flagger's load tester whose behaviour this is. */
const VERSION = "0.38.0";

interface Service {
  readonly ports: TaskPorts;
  readonly doors: Doors;
  readonly queue: TaskQueue;
  readonly registry: Registry;
  readonly isAllowed: (namespace: string) => boolean;
  readonly timeoutMs: number;
  readonly token: string;
  readonly maxAwaited: number;
  /** How many awaited tasks run. */
  awaited: number;
  /** Aborted when no more requests are wanted, and when awaited tasks have to end. */
  readonly stopping: AbortSignal;
  readonly ending: AbortSignal;
}

/** @throws Error when the port is taken, or the namespace pattern is no regular expression */
export async function startLoadtester(options: LoadtesterOptions): Promise<Loadtester> {
  const { log, clock } = options;
  const stopping = new AbortController();
  const ending = new AbortController();
  const own = options.dispatcher === undefined ? plainDispatcher() : undefined;
  const dispatcher = options.dispatcher ?? own ?? plainDispatcher();
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  let proxy: Promise<ForwardProxy> | undefined;
  const service: Service = {
    ports: {
      log,
      clock,
      dispatcher,
      monotonicMs: options.monotonicMs ?? (() => performance.now()),
      limits: options.limits ?? DEFAULT_LIMITS,
      env: commandEnvironment(options.env ?? process.env, options.commandEnv ?? []),
      proxyUrl: async () => {
        proxy ??= startForwardProxy(dispatcher);
        return (await proxy).url;
      },
    },
    doors: createDoors(log),
    queue: createTaskQueue(clock, log, timeoutMs),
    registry: new Registry(),
    isAllowed: namespaceFilter(options.namespaceRegexp ?? "", options.namespaceRegexpFull === true),
    timeoutMs,
    token: options.token ?? "",
    maxAwaited: options.maxAwaited ?? MOST_AWAITED,
    awaited: 0,
    stopping: stopping.signal,
    ending: ending.signal,
  };
  const server = createServer((request, response) => void serve(service, request, response));
  const port = await listen(server, options.port ?? DEFAULT_PORT, options.host);
  collectDefaultMetrics({ register: service.registry, eventLoopMonitoringPrecision: LOOP_PRECISION_MS });
  log.info({}, `Starting load tester v${options.version ?? VERSION} API on port ${port}`);
  const host = options.host ?? "";
  return {
    url: `http://${["", "0.0.0.0", "::"].includes(host) ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host}:${port}`,
    port,
    stop: async () => {
      stopping.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      await service.queue.stop();
      const grace = deadline(clock, options.graceMs ?? DEFAULT_GRACE_MS);
      grace.signal.addEventListener("abort", () => ending.abort(grace.signal.reason), { once: true });
      await closed;
      grace.clear();
      await (await proxy)?.stop();
      service.registry.clear();
      await own?.destroy();
    },
  };
}

function namespaceFilter(pattern: string, full: boolean): (namespace: string) => boolean {
  if (pattern === "") return () => true;
  try {
    const expression = new RegExp(full ? `^(?:${pattern})$` : pattern);
    return (namespace) => expression.test(namespace);
  } catch (error) {
    const because = errorText(error);
    throw new Error(`load tester: the namespace pattern "${pattern}" is not a regular expression: ${because}`);
  }
}

function listen(server: Server, port: number, host: string | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const where = `${host ?? ""}:${port}`;
      const what = error.code === "EADDRINUSE" ? "the port is taken, choose another with -port" : error.message;
      reject(new Error(`load tester: cannot listen on ${where}: ${what}`));
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

async function serve(service: Service, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const reply = await replyTo(service, request, response);
    response.statusCode = reply.status;
    if (service.stopping.aborted) response.setHeader("connection", "close");
    response.setHeader("content-type", reply.type ?? "text/plain; charset=utf-8");
    response.end(reply.body);
  } catch (error) {
    service.ports.log.error({ error: String(error) }, `cannot answer ${request.method} ${show(request.url ?? "")}`);
    if (!response.headersSent) response.statusCode = 500;
    response.end("internal error, see the load tester's log");
  }
}

async function replyTo(
  service: Service,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Reply & { readonly type?: string }> {
  const path = (request.url ?? "/").replace(/[?#].*$/s, "");
  if (path === "/healthz") return { status: 200, body: "OK" };
  if (path === "/gate/approve") return { status: 200, body: "OK" };
  if (path === "/gate/halt") return { status: 403, body: "Forbidden" };
  if (path === "/metrics") {
    return { status: 200, body: await service.registry.metrics(), type: service.registry.contentType };
  }
  const text = await bodyOf(request);
  const asked = { headers: request.headers, path: request.url ?? "/", body: text ?? "" };
  const refused = refusalOf(asked, service.token, service.ports.clock.now());
  if (refused !== undefined) {
    service.ports.log.warn({}, `refused ${request.method} ${show(path)}: ${refused.body}`);
    return refused;
  }
  const payload = text === undefined ? undefined : parsePayload(text);
  if (payload === undefined) return { status: 400, body: "" };
  if (!service.isAllowed(payload.namespace)) return { status: 403, body: "Forbidden" };
  const answer = service.doors(path, canaryOf(payload));
  if (answer !== undefined) return answer;
  const task = await prepareTask(service.ports, payload);
  if (task.kind === "invalid") return { status: 400, body: task.message };
  if (task.kind === "queued") {
    if (service.queue.size() >= MOST_QUEUED) return { status: 429, body: `${MOST_QUEUED} tasks wait or run already` };
    service.queue.add(task.task);
    return { status: 202, body: "" };
  }
  if (service.awaited >= service.maxAwaited) {
    return { status: 429, body: `${service.maxAwaited} awaited tasks run already` };
  }
  return awaitTask(service, task, response, parseBool(payload.metadata.returnCmdOutput ?? "") === true);
}

/**
 * A task ends with its time, with the load tester, and with the caller: a task without a caller would waste a process.
 */
async function awaitTask(
  service: Service,
  task: Extract<PreparedTask, { kind: "awaited" }>,
  response: ServerResponse,
  withOutput: boolean,
): Promise<Reply> {
  const limit = deadline(service.ports.clock, service.timeoutMs, service.ending);
  const gone = new AbortController();
  const leave = () => gone.abort(new Error("the caller has left"));
  response.once("close", leave);
  // The caller may have left while the task was prepared.
  if (response.closed || response.destroyed) leave();
  service.awaited += 1;
  try {
    const outcome = await task.run(AbortSignal.any([limit.signal, gone.signal]));
    if (outcome.failure !== undefined) return { status: 500, body: outcome.failure.slice(0, LONGEST_FAILURE) };
    return { status: 200, body: withOutput ? outcome.output : "" };
  } finally {
    service.awaited -= 1;
    response.off("close", leave);
    limit.clear();
  }
}

/** @returns undefined when the body cannot be read, or is far too large for a webhook's payload */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) return undefined;
      chunks.push(chunk);
    }
  } catch {
    return undefined; // The caller went away and gets no answer.
  }
  return Buffer.concat(chunks).toString("utf8");
}

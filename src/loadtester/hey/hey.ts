/** The load generator: hey's semantics on this process's own HTTP client. */
import { Agent, type Dispatcher, interceptors, ProxyAgent } from "undici";
import type { Program, ProgramContext, ProgramResult } from "../program.ts";
import { refused } from "../program.ts";
import { type ExchangeRequest, exchange } from "./exchange.ts";
import { type HeyOptions, readHeyArguments } from "./options.ts";
import { nextTick, paceOf } from "./pace.ts";
import { countAnswer, countFailure, csv, newTally, summary, type Tally } from "./report.ts";

const MAX_REDIRECTS = 10;
/** A run without `-q` that reaches this share of the limit was limited by it. */
const NEARLY = 0.9;

export const hey: Program = (args) => {
  const read = readHeyArguments(args);
  if (read.kind === "refused") return refused(read.reason);
  return { kind: "ready", run: (context) => runHey(read.options, context) };
};

interface Run {
  readonly options: HeyOptions;
  readonly context: ProgramContext;
  readonly dispatcher: Dispatcher;
  readonly request: ExchangeRequest;
  readonly workers: number;
  readonly ratePerWorker: number;
  readonly startMs: number;
  /** Aborted at the end of `-z`, or with the whole command: no further request starts. */
  readonly over: AbortSignal;
  readonly tally: Tally;
}

async function runHey(options: HeyOptions, context: ProgramContext): Promise<ProgramResult> {
  const own = ownDispatcher(options);
  const base = own ?? context.dispatcher;
  const over = new AbortController();
  const stop = () => over.abort();
  const timer = options.durationMs > 0 ? setTimeout(stop, options.durationMs) : undefined;
  context.signal.addEventListener("abort", stop, { once: true });
  if (context.signal.aborted) stop();
  const workers = Math.min(options.workers, context.limits.workers);
  const ceiling = context.limits.requestsPerSecond / workers;
  const run: Run = {
    options,
    context,
    dispatcher: options.redirects ? base.compose(interceptors.redirect({ maxRedirections: MAX_REDIRECTS })) : base,
    request: requestOf(options),
    workers,
    ratePerWorker: options.ratePerWorker > 0 ? Math.min(options.ratePerWorker, ceiling) : ceiling,
    startMs: context.monotonicMs(),
    over: over.signal,
    tally: newTally(options.output),
  };
  const share = options.durationMs > 0 ? Number.POSITIVE_INFINITY : Math.floor(options.requests / workers);
  try {
    await Promise.all(Array.from({ length: workers }, (_, worker) => work(run, worker, share)));
  } finally {
    clearTimeout(timer);
    context.signal.removeEventListener("abort", stop);
    await own?.destroy();
  }
  const elapsed = (context.monotonicMs() - run.startMs) / 1000;
  const text = options.output === "csv" ? csv(run.tally) : summary(run.tally, elapsed);
  return { exitCode: 0, stdout: Buffer.from(text), stderr: limitNote(run, elapsed) };
}

/** The message when the service's limits reduced the load; "" when they did not. */
function limitNote({ options, context, tally, workers }: Run, elapsed: number): string {
  const { requestsPerSecond } = context.limits;
  const wanted = options.ratePerWorker * options.workers;
  const reached = options.ratePerWorker === 0 && tally.answered / elapsed > NEARLY * requestsPerSecond;
  if (workers === options.workers && wanted <= requestsPerSecond && !reached) return "";
  const bounds = `${context.limits.workers} workers and ${requestsPerSecond} requests per second`;
  return `hey: this load generator is limited to ${bounds}\n`;
}

async function work(run: Run, worker: number, share: number): Promise<void> {
  const { context, tally } = run;
  const pace = Number.isFinite(run.ratePerWorker) ? paceOf(worker, run.workers, run.ratePerWorker) : undefined;
  let tick = -1;
  for (let sent = 0; sent < share && !run.over.aborted; sent += 1) {
    if (pace !== undefined) {
      const elapsedMs = context.monotonicMs() - run.startMs;
      const next = nextTick(pace, tick, elapsedMs);
      tick = next.tick;
      if (!(await slept(context, next.atMs - elapsedMs, run.over))) return;
    }
    const offset = (context.monotonicMs() - run.startMs) / 1000;
    const result = await exchange(run.dispatcher, run.request, context.monotonicMs, context.signal);
    // Requests that the end of the command aborted say nothing about the server.
    if (context.signal.aborted) return;
    if (result.kind === "done") countAnswer(tally, result.exchange, offset);
    else countFailure(tally, result.error);
  }
}

/** @returns false when the run was over before the time had passed */
async function slept(context: ProgramContext, ms: number, over: AbortSignal): Promise<boolean> {
  if (ms <= 0) return !over.aborted;
  try {
    await context.clock.sleep(ms, over);
    return true;
  } catch (error) {
    if (over.aborted) return false;
    throw error;
  }
}

function requestOf(options: HeyOptions): ExchangeRequest {
  const { url } = options;
  const userinfo = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  const credentials = userinfo === ":" ? {} : { authorization: `Basic ${Buffer.from(userinfo).toString("base64")}` };
  return {
    origin: url.origin,
    path: url.pathname + url.search,
    method: options.method,
    headers: { ...credentials, ...options.headers },
    body: options.body,
    reset: !options.keepAlive,
    timeoutMs: options.timeoutMs,
  };
}

/** Only what the service's dispatcher cannot do: `-x` (another proxy). */
function ownDispatcher(options: HeyOptions): Dispatcher | undefined {
  const tls = { rejectUnauthorized: false };
  if (options.proxy !== undefined && options.proxy !== "") {
    const uri = options.proxy.includes("://") ? options.proxy : `http://${options.proxy}`;
    return new ProxyAgent({ uri, proxyTunnel: false, requestTls: tls });
  }
  return undefined;
}

/** The default dispatcher: like hey, it accepts any certificate. */
export function plainDispatcher(): Agent {
  return new Agent({ connect: { rejectUnauthorized: false }, allowH2: true });
}

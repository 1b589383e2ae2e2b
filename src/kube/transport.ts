/**
 * HTTP to one API server: raw JSON out, raw JSON in.
 *
 *   call ─► rate limit ─► prove who we are ─► request ─► answer
 *             ▲                                 │ 401: renew the proof, once
 *             └──────── wait ◄──────────────────┘ 429/503 with Retry-After; no connection; lost connection of a GET
 *
 * A request is sent again only when it cannot have had an effect: it was never delivered, the server said that it did not
 * take it, or it was a read.
 */
import type { Dispatcher } from "undici";
import { createDispatcher, type TlsOptions } from "../net/dispatcher.ts";
import type { Clock, Random } from "../ports/clock.ts";
import { KubeError } from "../ports/kube.ts";
import type { KubeFields } from "../ports/kubernetes.ts";
import type { ClusterAccess, Proof } from "./access.ts";
import { createBackOff, withDeadline } from "./back-off.ts";
import { jsonLines } from "./json-lines.ts";
import { createRateLimit } from "./rate-limit.ts";
import { answerError, connectionError, wasNeverSent } from "./transport-errors.ts";

export interface KubeRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** e.g. "/apis/apps/v1/namespaces/test/deployments" */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: KubeFields;
  /** Of the body; application/json when absent. */
  readonly contentType?: string;
  /** What the answer may be; application/json when absent. */
  readonly accept?: string;
}

export interface KubeTransport {
  /** The API server's URL, for messages. */
  readonly server: string;
  /** @throws KubeError, or the signal's reason when aborted */
  send(request: KubeRequest, signal: AbortSignal): Promise<KubeFields>;
  /**
   * Sends a GET whose answer has no end. Resolves when the answer begins; iterating ends when the server closes it and
   * throws KubeError when the connection breaks. Tried once only: a watcher has its own back-off. Iterate it or abort it.
   */
  stream(request: Omit<KubeRequest, "method">, signal: AbortSignal): Promise<AsyncIterable<KubeFields>>;
  /** Drops all connections. Calls fail from now on. */
  close(): Promise<void>;
}

export interface TransportOptions {
  readonly access: ClusterAccess;
  readonly clock: Clock;
  readonly random: Random;
  /** Requests per second in the long run; 0: unlimited. */
  readonly qps: number;
  /** Requests at once. */
  readonly burst: number;
  /** Sent as User-Agent; shown in audit logs. */
  readonly userAgent: string;
  /** For one answer to be complete, or for a stream to begin, in milliseconds; 30 s when absent. */
  readonly timeoutMs?: number;
  /** How often a request is sent at most; 5 when absent. */
  readonly attempts?: number;
  /** Makes the connections; for tests and for unusual networks. */
  readonly dispatcher?: (tls: TlsOptions) => Dispatcher;
}

const TIMEOUT_MS = 30_000;
const ATTEMPTS = 5;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5000;
/** A server that asks us to stay away longer than this is told to the caller instead. */
const RETRY_AFTER_MAX_MS = 60_000;

type Answer = Dispatcher.ResponseData;

export function createTransport(options: TransportOptions): KubeTransport {
  const { access, clock } = options;
  const limit = createRateLimit(options.qps, options.burst, clock);
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const connections = createConnections(options);

  async function sendOnce(request: KubeRequest, proof: Proof, signal: AbortSignal): Promise<Answer> {
    const dispatcher = connections.forProof(proof);
    return await dispatcher.request({
      origin: new URL(access.server).origin,
      path: pathOf(request, access.server),
      method: request.method,
      signal,
      headers: {
        accept: request.accept ?? "application/json",
        "user-agent": options.userAgent,
        ...(request.body === undefined ? {} : { "content-type": request.contentType ?? "application/json" }),
        ...proof.headers,
      },
      body: request.body === undefined ? null : JSON.stringify(request.body),
    });
  }

  /** The answer, whatever its status, after at most one renewal of the proof. */
  async function authenticated(request: KubeRequest, signal: AbortSignal): Promise<Answer> {
    const answer = await sendOnce(request, await access.credentials.prove(signal), signal);
    if (answer.statusCode !== 401 || !access.credentials.renew()) return answer;
    await answer.body.dump();
    return await sendOnce(request, await access.credentials.prove(signal), signal);
  }

  async function attempt(request: KubeRequest, signal: AbortSignal): Promise<KubeFields> {
    try {
      return await withDeadline(clock, timeoutMs, signal, async (deadline) => {
        const answer = await authenticated(request, deadline.signal);
        const text = await answer.body.text();
        if (answer.statusCode >= 400) throw answerError(request, answer.statusCode, answer.headers, text);
        return parse(request, text);
      });
    } catch (error) {
      throw connectionError(request, access.server, error, signal);
    }
  }

  return {
    server: access.server,
    async send(request, signal) {
      const backOff = createBackOff(RETRY_MIN_MS, RETRY_MAX_MS, options.random);
      for (let left = (options.attempts ?? ATTEMPTS) - 1; ; left -= 1) {
        await limit.take(signal);
        try {
          return await attempt(request, signal);
        } catch (error) {
          const waitMs = left > 0 ? retryDelay(request, error, backOff.next()) : undefined;
          if (waitMs === undefined) throw error;
          await clock.sleep(waitMs, signal);
        }
      }
    },
    async stream(request, signal) {
      const get: KubeRequest = { ...request, method: "GET" };
      await limit.take(signal);
      const lifetime = new AbortController();
      const end = () => lifetime.abort(signal.reason);
      signal.addEventListener("abort", end, { once: true });
      const release = () => {
        signal.removeEventListener("abort", end);
        lifetime.abort();
      };
      try {
        const answer = await withDeadline(clock, timeoutMs, signal, (deadline) => {
          const giveUp = () => lifetime.abort(deadline.signal.reason);
          deadline.signal.addEventListener("abort", giveUp, { once: true });
          return authenticated(get, lifetime.signal);
        });
        if (answer.statusCode >= 400) {
          throw answerError(get, answer.statusCode, answer.headers, await answer.body.text());
        }
        return lines(get, answer, signal, release);
      } catch (error) {
        release();
        throw connectionError(get, access.server, error, signal);
      }
    },
    close: () => connections.close(),
  };

  async function* lines(request: KubeRequest, answer: Answer, signal: AbortSignal, release: () => void) {
    try {
      yield* jsonLines(answer.body);
    } catch (error) {
      throw connectionError(request, access.server, error, signal);
    } finally {
      release();
    }
  }
}

/** One set of connections for the access's own TLS, and one for the certificate an exec plugin handed out last. */
function createConnections(options: TransportOptions) {
  const { access } = options;
  const open =
    options.dispatcher ??
    ((tls: TlsOptions) => createDispatcher({ tls, ...(access.proxy === undefined ? {} : { proxy: access.proxy }) }));
  const own = open(access.tls);
  let issued: { readonly cert: unknown; readonly dispatcher: Dispatcher } | undefined;
  return {
    forProof(proof: Proof): Dispatcher {
      if (proof.tls === undefined) return own;
      if (issued !== undefined && issued.cert === proof.tls.cert) return issued.dispatcher;
      // Streams of the previous certificate may live on: closing waits for them.
      void issued?.dispatcher.close();
      const dispatcher = open({ ...access.tls, ...proof.tls });
      issued = { cert: proof.tls.cert, dispatcher };
      return dispatcher;
    },
    async close(): Promise<void> {
      await Promise.all([own.destroy(), issued?.dispatcher.destroy()]);
    },
  };
}

/** A server may live below a path, as behind Rancher: https://host/k8s/clusters/c-1. */
function pathOf(request: KubeRequest, server: string): string {
  const url = new URL(server);
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (value !== undefined) query.set(name, value);
  }
  const search = query.size === 0 ? "" : `?${query}`;
  return `${url.pathname.replace(/\/$/, "")}${request.path}${search}`;
}

function parse(request: KubeRequest, text: string): KubeFields {
  try {
    return JSON.parse(text);
  } catch (error) {
    const start = text.slice(0, 80);
    const message = `the answer to ${request.method} ${request.path} is not JSON: ${JSON.stringify(start)}`;
    throw new KubeError(0, "BadAnswer", message, undefined, { cause: error });
  }
}

/** @returns milliseconds to wait, or undefined when the request must not be sent again */
function retryDelay(request: KubeRequest, error: unknown, backOffMs: number): number | undefined {
  if (!(error instanceof KubeError)) return undefined;
  const asked = error.details?.retryAfterSeconds;
  if ((error.code === 429 || error.code >= 500) && typeof asked === "number") {
    return asked * 1000 <= RETRY_AFTER_MAX_MS ? Math.max(asked * 1000, backOffMs) : undefined;
  }
  if (error.code !== 0 || error.reason !== "Unreachable") return undefined;
  return wasNeverSent(error) || request.method === "GET" ? backOffMs : undefined;
}

/**
 * HTTP to one API server: it takes and returns raw JSON.
 *
 *   call ─► admission ─► credentials ──────► request ─► answer
 *             ▲                                │ 401: new credentials, once
 *             └──────── wait ◄─────────────────┘ 429/503 with Retry-After; no connection; lost connection of a GET
 *
 * A request is sent again only when the first one cannot have had an effect: it was never delivered, the server did not
 * take it, or it was a read.
 */
import { createBackOff, withDeadline } from "../async/back-off.ts";
import { giveWay } from "../async/give-way.ts";
import { follow } from "../async/own-signal.ts";
import { createServerClock, type ServerClock } from "../async/server-clock.ts";
import type { HttpAnswer, HttpClient } from "../net/http-client.ts";
import type { TlsOptions } from "../net/tls-options.ts";
import type { Clock, Random } from "../ports/clock.ts";
import { KubeError } from "../ports/kube.ts";
import type { KubeFields } from "../ports/kubernetes.ts";
import type { ClusterAccess, Proof } from "./access.ts";
import { createAdmission } from "./admission.ts";
import { answerText } from "./answer-text.ts";
import { jsonLines } from "./json-lines.ts";
import { answerError, connectionError, wasNeverSent } from "./transport-errors.ts";

export interface KubeRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** e.g. "/apis/apps/v1/namespaces/test/deployments" */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: KubeFields;
  /** Of the body; application/json when absent. */
  readonly contentType?: string;
  /** The accepted media type of the answer; application/json when absent. */
  readonly accept?: string;
  /** Sent at once, before all waiting requests: the renewal of a Lease must not wait for a burst of others. */
  readonly urgent?: boolean;
  /** How large the answer may be; absent: any size. A larger one is a KubeError with the reason TOO_LARGE. */
  readonly mostBytes?: number;
}

export interface KubeTransport {
  /** The API server's URL, for messages. */
  readonly server: string;
  /** @throws KubeError, or the signal's reason when aborted */
  send(request: KubeRequest, signal: AbortSignal): Promise<KubeFields>;
  /**
   * Sends a GET whose answer has no end. Resolves when the answer begins; iterating ends when the server closes it and
   * throws KubeError when the connection breaks. It is tried once: a watcher has its own back-off. Iterate it or abort
   * it. Only the caller limits the wait for the answer's begin, because a proxy may withhold it until there is a first
   * event.
   */
  stream(request: Omit<KubeRequest, "method">, signal: AbortSignal): Promise<AsyncIterable<KubeFields>>;
  /** Metrics: the limit of requests under way, how many are under way, and how many wait. */
  readonly load: TransportLoad;
  /** The server's clock, as its answers tell it. */
  readonly serverClock: Clock;
  /** Drops all connections. Calls fail from now on. */
  close(): Promise<void>;
}

export interface TransportLoad {
  readonly limit: number;
  readonly inFlight: number;
  readonly waiting: number;
}

export interface TransportOptions {
  readonly access: ClusterAccess;
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds since some moment, by a clock that is never set; `clock` when absent. */
  readonly elapsed?: () => number;
  /** Requests per second in the long run; 0: unlimited. */
  readonly qps: number;
  /** Requests at once. */
  readonly burst: number;
  /** Sent as User-Agent; shown in audit logs. */
  readonly userAgent: string;
  /** For one answer to be complete, in milliseconds; longer than the server's own when absent. */
  readonly timeoutMs?: number;
  /** How often a request is sent at most; 5 when absent. */
  readonly attempts?: number;
  /** Makes the connections: `createDispatcher`, or what does the same. */
  readonly connect: (options: ConnectionOptions) => HttpClient;
  /** The most requests under way at the same time, watches not counted; MAX_IN_FLIGHT when absent. */
  readonly maxInFlight?: number;
}

export interface ConnectionOptions {
  readonly tls: TlsOptions;
  /** The kubeconfig's proxy-url. */
  readonly proxy?: string;
  /** How long an idle connection is kept, in milliseconds. */
  readonly keepAliveMs: number;
  /** The most connections at once; any number when absent. */
  readonly connections?: number;
}

/**
 * An API server gives up a write after 34 s and a read after 60 s. A client that gave up earlier would waste the
 * server's work and ask for it again.
 */
const WRITE_TIMEOUT_MS = 45_000;
const READ_TIMEOUT_MS = 65_000;
/**
 * Together with the urgent requests and about ten watches these stay below 40 connections. HTTP/1.1 needs one
 * connection per request under way.
 */
export const MAX_IN_FLIGHT = 26;
const URGENT_CONNECTIONS = 2;
/** An API server closes an idle connection after 90 s. This is shorter, so that no write meets a closing connection. */
const KEEP_ALIVE_MS = 75_000;
const ATTEMPTS = 5;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5000;
/** When the server asks for a longer wait than this, the caller gets an error instead. */
const RETRY_AFTER_MAX_MS = 60_000;

export function createTransport(options: TransportOptions): KubeTransport {
  const { access, clock } = options;
  const maxInFlight = options.maxInFlight ?? MAX_IN_FLIGHT;
  const admission = createAdmission({ ...options, maxInFlight });
  const timeoutFor = ({ method }: KubeRequest) =>
    options.timeoutMs ?? (method === "GET" ? READ_TIMEOUT_MS : WRITE_TIMEOUT_MS);
  const connections = createConnections(options, maxInFlight + URGENT_CONNECTIONS);

  const elapsed = options.elapsed ?? clock.now;
  const serverClock = createServerClock(clock, elapsed);
  const authenticated = createExchange(options, connections, { serverClock, elapsed });

  async function attempt(request: KubeRequest, signal: AbortSignal): Promise<KubeFields> {
    try {
      return await withDeadline(clock, timeoutFor(request), signal, async (deadline) => {
        const answer = await authenticated(request, deadline.signal, "requests");
        const text = await answerText(answer.body, request);
        if (answer.statusCode >= 400) throw answerError(request, answer.statusCode, answer.headers, text);
        const read = parse(request, text);
        await giveWay(text.length);
        return read;
      });
    } catch (error) {
      throw connectionError(request, access.server, error, signal);
    }
  }

  /** One attempt, when it is its turn. */
  async function admitted(request: KubeRequest, signal: AbortSignal): Promise<KubeFields> {
    if (request.urgent === true) return await attempt(request, signal);
    const ticket = await admission.enter(laneOf(request), signal);
    try {
      const answer = await attempt(request, signal);
      ticket.leave("answered");
      return answer;
    } catch (error) {
      ticket.leave(isOverload(error) ? "overloaded" : "answered", (retryAfterSeconds(error) ?? 0) * 1000);
      throw error;
    }
  }

  return {
    server: access.server,
    load: admission,
    serverClock,
    async send(request, signal) {
      const backOff = createBackOff(RETRY_MIN_MS, RETRY_MAX_MS, options.random);
      for (let left = (options.attempts ?? ATTEMPTS) - 1; ; left -= 1) {
        try {
          return await admitted(request, signal);
        } catch (error) {
          const waitMs = left > 0 ? retryDelay(request, error, backOff.next()) : undefined;
          if (waitMs === undefined) throw error;
          await clock.sleep(waitMs, signal);
        }
      }
    },
    async stream(request, signal) {
      const get: KubeRequest = { ...request, method: "GET" };
      await admission.enterStream(signal);
      const lifetime = new AbortController();
      const leave = follow(signal, lifetime);
      const release = () => {
        leave();
        lifetime.abort();
      };
      try {
        const answer = await authenticated(get, lifetime.signal, "streams");
        if (answer.statusCode >= 400) {
          throw answerError(get, answer.statusCode, answer.headers, await answer.body.text());
        }
        return lines(get, answer, signal, release);
      } catch (error) {
        release();
        throw connectionError(get, access.server, error, signal);
      }
    },
    close() {
      admission.close();
      return connections.close();
    },
  };

  async function* lines(request: KubeRequest, answer: HttpAnswer, signal: AbortSignal, release: () => void) {
    try {
      yield* jsonLines(answer.body);
    } catch (error) {
      throw connectionError(request, access.server, error, signal);
    } finally {
      release();
    }
  }
}

/** One request and its answer, of any status, with at most one renewal of the credentials. */
function createExchange(
  { access, userAgent }: TransportOptions,
  connections: ReturnType<typeof createConnections>,
  { serverClock, elapsed }: { readonly serverClock: ServerClock; readonly elapsed: () => number },
) {
  async function sendOnce(request: KubeRequest, proof: Proof, signal: AbortSignal, use: Use): Promise<HttpAnswer> {
    const sentAt = elapsed();
    const answer = await connections.forProof(proof)[use].request({
      origin: new URL(access.server).origin,
      path: pathOf(request, access.server),
      method: request.method,
      signal,
      headers: {
        accept: request.accept ?? "application/json",
        "user-agent": userAgent,
        ...(request.body === undefined ? {} : { "content-type": request.contentType ?? "application/json" }),
        ...proof.headers,
      },
      body: request.body === undefined ? null : JSON.stringify(request.body),
    });
    serverClock.saw(answer.headers["date"], sentAt);
    return answer;
  }

  return async (request: KubeRequest, signal: AbortSignal, use: Use): Promise<HttpAnswer> => {
    const answer = await sendOnce(request, await access.credentials.prove(signal), signal, use);
    if (answer.statusCode !== 401 || !access.credentials.renew()) return answer;
    await answer.body.dump();
    return await sendOnce(request, await access.credentials.prove(signal), signal, use);
  };
}

/** The same server, with a client for requests that must not wait for others. */
export function urgently(transport: KubeTransport): Pick<KubeTransport, "send"> {
  return { send: (request, signal) => transport.send({ ...request, urgent: true }, signal) };
}

/** Watches have their own connections, so that watches and requests do not wait for each other. */
type Use = "requests" | "streams";
type Connections = Readonly<Record<Use, HttpClient>>;

/** One set of connections for the configured TLS, and one for the last certificate of an exec plugin. */
function createConnections(options: TransportOptions, atMost: number) {
  const { access } = options;
  const proxy = access.proxy === undefined ? {} : { proxy: access.proxy };
  const open = (tls: TlsOptions): Connections => {
    const common = { tls, ...proxy, keepAliveMs: KEEP_ALIVE_MS };
    return { requests: options.connect({ ...common, connections: atMost }), streams: options.connect(common) };
  };
  const own = open(access.tls);
  let issued: { readonly cert: unknown; readonly connections: Connections } | undefined;
  return {
    forProof(proof: Proof): Connections {
      if (proof.tls === undefined) return own;
      if (issued !== undefined && issued.cert === proof.tls.cert) return issued.connections;
      // Streams of the previous certificate may still be open: closing waits for them.
      for (const client of clientsOf(issued?.connections)) void client.close();
      const connections = open({ ...access.tls, ...proof.tls });
      issued = { cert: proof.tls.cert, connections };
      return connections;
    },
    async close(): Promise<void> {
      const all = [...clientsOf(own), ...clientsOf(issued?.connections)];
      await Promise.all(all.map((client) => client.destroy()));
    },
  };
}

const clientsOf = (connections: Connections | undefined): readonly HttpClient[] =>
  connections === undefined ? [] : [connections.requests, connections.streams];

/** The namespace of a request, because tenants take turns. */
function laneOf({ path }: KubeRequest): string {
  return /\/namespaces\/([^/]+)/.exec(path)?.[1] ?? "";
}

/** A server's URL may have a path, as behind Rancher: https://host/k8s/clusters/c-1. */
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
  const asked = retryAfterSeconds(error);
  if (asked !== undefined) {
    return asked * 1000 <= RETRY_AFTER_MAX_MS ? Math.max(asked * 1000, backOffMs) : undefined;
  }
  if (error.code !== 0 || error.reason !== "Unreachable") return undefined;
  return wasNeverSent(error) || request.method === "GET" ? backOffMs : undefined;
}

/** The wait that the server asked for when it was overloaded. */
function retryAfterSeconds(error: unknown): number | undefined {
  if (!(error instanceof KubeError) || (error.code !== 429 && error.code < 500)) return undefined;
  const asked = error.details?.retryAfterSeconds;
  return typeof asked === "number" ? asked : undefined;
}

/** The server is overloaded, or its answers do not arrive. */
function isOverload(error: unknown): boolean {
  if (!(error instanceof KubeError)) return false;
  return [429, 503, 504].includes(error.code) || (error.code === 0 && error.reason === "Timeout");
}

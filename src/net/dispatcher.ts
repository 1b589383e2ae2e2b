/** How every outgoing HTTP connection of ours is made: name resolution, proxies, TLS. One place, so that all agree. */
import { createSecureContext } from "node:tls";
import { Agent, Dispatcher, ProxyAgent } from "undici";
import { lookupVia } from "./name-lookup.ts";
import { type Environment, type ProxyChoice, proxyChoice } from "./proxy-choice.ts";

export interface TlsOptions {
  /** PEM. Replaces the machine's trust store. */
  readonly ca?: string | Buffer;
  /** PEM: client certificate and its key. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** Name to expect in the server's certificate, when it is not the URL's host. */
  readonly servername?: string;
  /** false: accept any certificate. */
  readonly rejectUnauthorized?: boolean;
}

export interface DispatcherOptions {
  readonly tls?: TlsOptions;
  /** A proxy for everything, whatever the environment says. */
  readonly proxy?: string;
  /** Reads AVIARY_NAMESERVER, AVIARY_SEARCH, HTTP_PROXY, HTTPS_PROXY, NO_PROXY; the process's own when absent. */
  readonly env?: Environment;
  /** Time for a connection to be made, in milliseconds; 10 s when absent. */
  readonly connectTimeoutMs?: number;
  /** The most connections to one origin; any number when absent. */
  readonly connections?: number;
  /** How long an idle connection is kept, in milliseconds, unless the server says otherwise; 4 s when absent. */
  readonly keepAliveMs?: number;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** Of one WebSocket message; undici keeps the whole of it in memory. */
const LARGEST_MESSAGE = 1024 * 1024;

/** Sends each request directly or through the proxy that its URL calls for. */
class ProxyingDispatcher extends Dispatcher {
  readonly #direct: Dispatcher;
  readonly #choose: ProxyChoice;
  readonly #through: (proxy: string) => Dispatcher;
  readonly #proxies = new Map<string, Dispatcher>();

  constructor(direct: Dispatcher, choose: ProxyChoice, through: (proxy: string) => Dispatcher) {
    super();
    this.#direct = direct;
    this.#choose = choose;
    this.#through = through;
  }

  /** undici's WebSocket asks its dispatcher for this. */
  get webSocketOptions() {
    return { maxPayloadSize: LARGEST_MESSAGE };
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return this.#for(new URL(String(options.origin))).dispatch(options, handler);
  }

  override close(): Promise<void>;
  override close(callback: () => void): void;
  override close(callback?: () => void): Promise<void> | undefined {
    return this.#end((dispatcher) => dispatcher.close(), callback);
  }

  override destroy(...args: readonly unknown[]): Promise<void> {
    const [error] = args;
    const callback = args.findLast((arg): arg is () => void => typeof arg === "function");
    const end = (dispatcher: Dispatcher) => dispatcher.destroy(error instanceof Error ? error : null);
    return this.#end(end, callback) ?? Promise.resolve();
  }

  #for(url: URL): Dispatcher {
    const proxy = this.#choose(url);
    if (proxy === undefined) return this.#direct;
    const known = this.#proxies.get(proxy) ?? this.#through(proxy);
    this.#proxies.set(proxy, known);
    return known;
  }

  #end(end: (dispatcher: Dispatcher) => Promise<void>, callback: (() => void) | undefined): Promise<void> | undefined {
    const ended = Promise.all([this.#direct, ...this.#proxies.values()].map(end)).then(() => undefined);
    if (callback === undefined) return ended;
    void ended.then(callback, callback);
    return undefined;
  }
}

/**
 * A dispatcher for undici's `request` and `fetch`. Its own header and body time-outs are off: callers pass a signal.
 * @throws Error when AVIARY_NAMESERVER makes no sense
 */
export function createDispatcher(options: DispatcherOptions = {}): Dispatcher {
  const env = options.env ?? process.env;
  const lookup = lookupVia(env.AVIARY_NAMESERVER, env.AVIARY_SEARCH);
  const connection = {
    timeout: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    ...(lookup === undefined ? {} : { lookup }),
  };
  const target = { ...connection, ...sharedTls(options.tls) };
  const common = {
    headersTimeout: 0,
    bodyTimeout: 0,
    ...(options.connections === undefined ? {} : { connections: options.connections }),
    ...(options.keepAliveMs === undefined ? {} : { keepAliveTimeout: options.keepAliveMs }),
  };
  const direct = new Agent({ ...common, connect: target });
  const through = (uri: string) =>
    new ProxyAgent({ ...common, uri, requestTls: target, proxyTls: connection, proxyTunnel: false });
  const { proxy } = options;
  const choose = proxy === undefined ? proxyChoice(env) : () => proxy;
  return new ProxyingDispatcher(direct, choose, through);
}

/**
 * Certificates and keys are read once for all connections: reading a CA for each costs more than the handshake. What cannot
 * be read stays as it is, and the connection says why.
 */
function sharedTls(tls: TlsOptions = {}) {
  const { ca, cert, key, ...rest } = tls;
  if (ca === undefined && cert === undefined && key === undefined) return rest;
  try {
    return { ...rest, secureContext: createSecureContext({ ca, cert, key }) };
  } catch {
    return tls;
  }
}

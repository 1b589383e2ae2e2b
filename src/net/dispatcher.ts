/**
 * How every outgoing HTTP connection is made: name resolution, proxies, TLS, and egress rules. All modules share this
 * file.
 */
import { lookup as systemLookup } from "node:dns";
import type { LookupFunction } from "node:net";
import { Agent, buildConnector, Dispatcher, ProxyAgent } from "undici";
import { ANYWHERE, type Egress, EgressRefused } from "./egress.ts";
import { CONNECT_TIMEOUT_MS } from "./http-client.ts";
import { guardedLookup, lookupVia } from "./name-lookup.ts";
import { type Environment, type ProxyChoice, proxyChoice } from "./proxy-choice.ts";
import { type ServicePorts, servicePorts } from "./service-ports.ts";
import { sharedTls, type TlsOptions } from "./tls-options.ts";

export interface DispatcherOptions {
  readonly tls?: TlsOptions;
  /** A proxy for everything; overrides the environment. The rules of `egress` apply to it. */
  readonly proxy?: string;
  /** Where connections may go; anywhere when absent. */
  readonly egress?: Egress;
  /**
   * Reads AVIARY_NAMESERVER, AVIARY_SEARCH, AVIARY_PORT_SHIFT, HTTP_PROXY, HTTPS_PROXY, NO_PROXY; the process's own
   * when absent.
   */
  readonly env?: Environment;
  /** Time for a connection to be made, in milliseconds; 10 s when absent. */
  readonly connectTimeoutMs?: number;
  /** The most connections to one origin; any number when absent. */
  readonly connections?: number;
  /** How long an idle connection is kept, in milliseconds, unless the server says otherwise; 4 s when absent. */
  readonly keepAliveMs?: number;
}

/** Largest WebSocket message; undici keeps a whole message in memory. */
const LARGEST_MESSAGE = 1024 * 1024;

/** Sends each request directly or through the proxy for its URL. */
class ProxyingDispatcher extends Dispatcher {
  readonly #direct: Dispatcher;
  readonly #choose: ProxyChoice;
  readonly #through: (proxy: string) => Dispatcher;
  readonly #proxies = new Map<string, Dispatcher>();
  readonly #egress: Egress;

  constructor(direct: Dispatcher, choose: ProxyChoice, through: (proxy: string) => Dispatcher, egress: Egress) {
    super();
    this.#egress = egress;
    this.#direct = direct;
    this.#choose = choose;
    this.#through = through;
  }

  /** undici's WebSocket asks its dispatcher for this. */
  get webSocketOptions() {
    return { maxPayloadSize: LARGEST_MESSAGE };
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const url = new URL(String(options.origin));
    // A proxy resolves names itself, so only addresses can be checked here.
    refuse(this.#egress, url.hostname, url.port, url.protocol);
    return this.#for(url).dispatch(options, handler);
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

/** @throws EgressRefused */
function refuse(
  egress: Egress,
  host: string,
  port: string | number | null | undefined,
  protocol: string | undefined,
): void {
  if (egress.trusts(host, port ? String(port) : protocol === "https:" ? "443" : "80")) return;
  const why = egress.refusal(host);
  if (why !== undefined) throw new EgressRefused(why);
}

/** Connects as `options` say, if `egress` allows it. @param ports where Services serve their ports; absent: there */
function connectorFor(
  options: buildConnector.BuildOptions & { readonly lookup?: LookupFunction },
  egress: Egress,
  ports: ServicePorts | undefined,
): buildConnector.connector {
  const trusted = buildConnector(options);
  const guarded = buildConnector({ ...options, lookup: guardedLookup(options.lookup ?? systemLookup, egress) });
  return (target, callback) => {
    const { hostname, port, protocol } = target;
    try {
      refuse(egress, hostname, port, protocol);
    } catch (error) {
      process.nextTick(callback, error, null);
      return;
    }
    const wanted = port || (protocol === "https:" ? "443" : "80");
    const connect = egress.trusts(hostname, wanted) ? trusted : guarded;
    if (ports === undefined) return connect(target, callback);
    const to = (at: number) => connect({ ...target, port: String(at) }, callback);
    ports(hostname, Number(wanted)).then(to, (error: Error) => callback(error, null));
  };
}

/**
 * A dispatcher for undici's `request` and `fetch`. Its own header and body time-outs are off: callers pass a signal.
 * @throws Error when AVIARY_NAMESERVER makes no sense; EgressRefused for a `proxy` that the rules refuse
 */
export function createDispatcher(options: DispatcherOptions = {}): Dispatcher {
  const env = options.env ?? process.env;
  const { proxy, egress = ANYWHERE } = options;
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
  const direct = new Agent({ ...common, connect: connectorFor(target, egress, servicePorts(env)) });
  // The environment's proxies are chosen by the people who run the program; any other proxy is checked like an address.
  const { hostname = "", port = "", protocol = "" } = proxy === undefined ? {} : new URL(proxy);
  if (proxy !== undefined) refuse(egress, hostname, port, protocol);
  const toProxy =
    proxy === undefined ? connection : { ...connection, lookup: guardedLookup(lookup ?? systemLookup, egress) };
  const through = (uri: string) =>
    new ProxyAgent({ ...common, uri, requestTls: target, proxyTls: toProxy, proxyTunnel: false });
  const choose = proxy === undefined ? proxyChoice(env) : () => proxy;
  return new ProxyingDispatcher(direct, choose, through, egress);
}

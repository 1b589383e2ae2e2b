/** What VirtualServices compile to. Requests meet these objects only: nothing is parsed while traffic flows. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { IngressTag } from "../ingress-metrics.ts";
import type { Workload } from "../workload.ts";
import type { HeaderEdits } from "./header-edits.ts";

/** A request as far as rules look at it. */
export class RequestView {
  readonly path: string;
  /** After the question mark; undefined when there is none. */
  readonly query: string | undefined;

  /**
   * @param authority the Host header as sent
   * @param port of the listener, as declared by the Service or Gateway
   * @param source the pod that sends the request; undefined: a client outside the cluster
   */
  constructor(
    private readonly request: IncomingMessage,
    readonly authority: string,
    readonly port: number,
    readonly source: Workload | undefined,
  ) {
    const url = request.url ?? "/";
    const mark = url.indexOf("?");
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.query = mark < 0 ? undefined : url.slice(mark + 1);
  }

  get method(): string {
    return this.request.method ?? "GET";
  }

  get headers(): IncomingHttpHeaders {
    return this.request.headers;
  }

  get address(): string {
    return this.request.socket.remoteAddress ?? "";
  }
}

export type Predicate = (view: RequestView) => boolean;

export interface Destination {
  /** The Service, "namespace/name", or a host that is no Service. */
  readonly service: string;
  /** undefined: the Service's only port, or the one that was asked. */
  readonly port: number | undefined;
  /** "" for all endpoints. */
  readonly subset: string;
  readonly request: HeaderEdits | undefined;
  readonly response: HeaderEdits | undefined;
  /** Present when an Ingress leads here. */
  readonly ingress?: IngressTag;
}

/** Destinations with the share of requests up to and including each, rising to 1; empty when none may be chosen. */
export interface Split {
  readonly destinations: readonly Destination[];
  readonly upTo: readonly number[];
}

export interface RetryPolicy {
  /** Further tries after the first. */
  readonly attempts: number;
  /** 0: none of its own. */
  readonly perTryTimeoutMs: number;
  readonly on: ReadonlySet<string>;
  /** Statuses that are tried again, besides those that `on` names. */
  readonly codes: ReadonlySet<number>;
}

export interface Mirror {
  readonly destination: Destination;
  /** 0 to 1 */
  readonly share: number;
}

export interface Fault {
  readonly delayMs: number;
  /** 0 to 1 */
  readonly delayShare: number;
  readonly abortStatus: number;
  /** 0 to 1 */
  readonly abortShare: number;
}

export interface Cors {
  readonly allows: (origin: string) => boolean;
  readonly methods: string;
  readonly headers: string;
  readonly exposed: string;
  readonly maxAge: string;
  readonly credentials: boolean;
}

export type Action =
  | { readonly kind: "forward"; readonly split: Split }
  | { readonly kind: "redirect"; readonly status: number; readonly location: (view: RequestView) => string }
  | { readonly kind: "answer"; readonly status: number; readonly body: Buffer };

export interface Route {
  readonly matches: Predicate;
  readonly action: Action;
  /** The new path and query; undefined: unchanged. */
  readonly rewrite: ((view: RequestView) => string) | undefined;
  readonly authority: string | undefined;
  /** 0: none. */
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  readonly request: HeaderEdits | undefined;
  readonly response: HeaderEdits | undefined;
  readonly mirrors: readonly Mirror[];
  readonly fault: Fault | undefined;
  readonly cors: Cors | undefined;
}

/** Where connections that are not HTTP go. */
export interface TcpRoute {
  readonly matches: (port: number, source: Workload | undefined) => boolean;
  readonly split: Split;
}

export interface Rules {
  readonly http: readonly Route[];
  readonly tcp: readonly TcpRoute[];
}

/** One destination of a split, by chance. @param random in [0, 1) */
export function choose(split: Split, random: () => number): Destination | undefined {
  const { destinations, upTo } = split;
  if (destinations.length <= 1) return destinations[0];
  const at = random();
  for (let i = 0; i < upTo.length; i += 1) {
    if (at < (upTo[i] ?? 0)) return destinations[i];
  }
  return destinations.at(-1);
}

/** What Istio retries by itself: what certainly has not reached a program. */
export const DEFAULT_RETRY: RetryPolicy = {
  attempts: 2,
  perTryTimeoutMs: 0,
  on: new Set(["connect-failure", "refused-stream", "unavailable", "cancelled", "reset-before-request"]),
  codes: new Set(),
};

const always: Predicate = () => true;

/** The route of a Service that no VirtualService claims. */
export function plainRoute(destination: Destination): Route {
  return {
    matches: always,
    action: { kind: "forward", split: { destinations: [destination], upTo: [1] } },
    rewrite: undefined,
    authority: undefined,
    timeoutMs: 0,
    retry: DEFAULT_RETRY,
    request: undefined,
    response: undefined,
    mirrors: [],
    fault: undefined,
    cors: undefined,
  };
}

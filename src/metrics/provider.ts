/** The settings of a metric provider, and the checks that all providers share. */
import type { Dispatcher } from "undici";
import { abortable } from "../async/abortable.ts";
import { deadline, TimeIsUp } from "../async/deadline.ts";
import { parseDuration } from "../go/duration.ts";
import { parseWindow } from "../go/promql-window.ts";
import { httpUrl } from "../net/http-url.ts";
import type { OutboundPorts } from "../net/outbound.ts";
import { clean, show } from "../net/show.ts";
import { basic } from "../net/userinfo.ts";
import type { Clock } from "../ports/clock.ts";
import type { KubeFields } from "../ports/kubernetes.ts";
import type { Log } from "../ports/log.ts";
import type { Measurement, MetricSource } from "../ports/metric-source.ts";
import { sharedDispatcher } from "./http.ts";
import { MetricError, NO_VALUES } from "./metric-error.ts";

export interface ProviderOptions {
  readonly type: string;
  /** Empty when the template has none. */
  readonly address: string;
  readonly headers?: Readonly<Record<string, readonly string[]>> | undefined;
  /** The data of the Secret; undefined without secretRef. */
  readonly credentials?: ReadonlyMap<string, string> | undefined;
  readonly region?: string | undefined;
  /** Accept any TLS certificate. A given `dispatcher` decides that itself. */
  readonly insecureSkipVerify?: boolean | undefined;
  /** The metric's interval as written; some providers derive the queried window from it. */
  readonly interval: string;
  readonly clock: Clock;
  readonly log?: Log | undefined;
  /** The cluster in which the operator runs, with the operator's own rights. */
  readonly cluster?: ClusterCalls | undefined;
  /** The only namespace whose objects `cluster` may be queried for; undefined: all. */
  readonly onlyNamespace?: string | undefined;
  /** How to connect; by default as all of the operator's connections (proxies, the sandbox's nameserver). */
  readonly dispatcher?: Dispatcher | undefined;
}

export interface ClusterCalls {
  /** @throws KubeError, or the signal's reason when aborted */
  send(
    request: {
      readonly method: "GET" | "POST" | "DELETE";
      readonly path: string;
      readonly query?: Readonly<Record<string, string | undefined>>;
      readonly body?: KubeFields;
    },
    signal: AbortSignal,
  ): Promise<KubeFields>;
}

/** @throws MetricError when address or credentials cannot work */
export type Provider = (options: ProviderOptions) => MetricSource;

/** How many intervals some providers look back, because their newest points come late. */
const WINDOW_INTERVALS = 10;

/**
 * A name that Kubernetes accepts. A query's text becomes part of a path that the operator requests with its own rights.
 * @throws MetricError
 */
export function objectName(text: string, what: string): string {
  if (/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/.test(text) && !text.includes("..")) return text;
  throw new MetricError(`${what} ${JSON.stringify(text)} is not a name of Kubernetes`);
}

/** @throws MetricError when `-no-cross-namespace-refs` forbids a query to another namespace */
export function namespaceFor({ onlyNamespace }: Pick<ProviderOptions, "onlyNamespace">, namespace: string): string {
  if (onlyNamespace === undefined || namespace === onlyNamespace) return objectName(namespace, "namespace");
  throw new MetricError(`can't access namespace ${namespace}, cross-namespace references are blocked`);
}

/**
 * Milliseconds of a duration of Go or a window of Prometheus.
 * @throws MetricError "error parsing metric interval: …"
 */
export function intervalMs({ interval }: ProviderOptions): number {
  const parsed = parseDuration(interval);
  if (typeof parsed === "number") return parsed;
  const window = parseWindow(interval);
  if (window === undefined) throw new MetricError(`error parsing metric interval: ${parsed.message}`);
  return window;
}

/** Milliseconds. @throws MetricError "error parsing metric interval: …" */
export function windowMs(options: ProviderOptions): number {
  return WINDOW_INTERVALS * intervalMs(options);
}

/** @param missing the message when it is absent. @throws MetricError */
export function credential(
  { credentials }: Pick<ProviderOptions, "credentials">,
  key: string,
  missing: string,
): string {
  const value = credentials?.get(key);
  if (value === undefined) throw new MetricError(missing);
  return value;
}

/** Of the Secret's user and password; undefined without a Secret, and when either is empty. @throws MetricError */
export function userAuthorization(options: Pick<ProviderOptions, "type" | "credentials">): string | undefined {
  if (options.credentials === undefined) return undefined;
  const secret = (key: string) => credential(options, key, `${options.type} credentials does not contain a ${key}`);
  const username = secret("username");
  const password = secret("password");
  return username === "" || password === "" ? undefined : basic(username, password);
}

/** An http(s) URL without its trailing slash. @throws MetricError "… address … is not a valid URL" */
export function httpAddress({ type, address }: Pick<ProviderOptions, "type" | "address">): string {
  if (httpUrl(address) === undefined) throw new MetricError(`${type} address ${show(address)} is not a valid URL`);
  return address.replace(/\/+$/, "");
}

export function connection({
  dispatcher,
  insecureSkipVerify,
}: Pick<ProviderOptions, "dispatcher" | "insecureSkipVerify">): Dispatcher {
  return dispatcher ?? sharedDispatcher(insecureSkipVerify === true);
}

/** The headers of a request to the provider's server. */
export function outbound(
  options: Pick<ProviderOptions, "dispatcher" | "insecureSkipVerify" | "clock">,
  signal: AbortSignal,
): OutboundPorts {
  return { clock: options.clock, dispatcher: connection(options), signal };
}

/**
 * Waits at most `ms` for work of a library that has no limits of its own.
 * @throws MetricError "no answer within 15s"; the signal's reason when that is aborted; what `work` throws
 */
export async function within<T>(
  ms: number,
  { clock, signal }: Pick<OutboundPorts, "clock" | "signal">,
  work: (limit: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = deadline(clock, ms, signal);
  try {
    return await abortable(work(limit.signal), limit.signal);
  } catch (error) {
    signal.throwIfAborted();
    if (limit.signal.reason instanceof TimeIsUp) throw new MetricError(`no answer within ${ms / 1000}s`);
    throw error;
  } finally {
    limit.clear();
  }
}

export const noData = (detail: string): Measurement => ({ kind: "no-data", detail });

/** A valid answer without any value. */
export const nothingIn = (body: string): Measurement => noData(`invalid response: ${clean(body)}: ${NO_VALUES}`);

export const value = (number: number): Measurement => ({ kind: "value", value: number });

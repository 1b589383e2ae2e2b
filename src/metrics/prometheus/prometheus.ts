/** Prometheus, and whatever speaks its query API: Thanos, Mimir, VictoriaMetrics, … */
import { STATUS_CODES } from "node:http";
import { type Dispatcher, interceptors, request } from "undici";
import { createDispatcher } from "../../net/dispatcher.ts";
import type { Measurement, MetricSource } from "../../ports/metric-source.ts";
import { queryEscape } from "../escape.ts";
import { MetricError } from "../metric-error.ts";
import { basic, queryAddress } from "./address.ts";
import { readAnswer } from "./answer.ts";

export interface PrometheusOptions {
  /** How errors call it; "prometheus". */
  readonly type: string;
  /** http(s) URL; its path is kept, its query dropped. */
  readonly address: string;
  readonly headers?: Readonly<Record<string, readonly string[]>> | undefined;
  /** The data of the Secret when there is a secretRef: `token`, or `username` and `password`. */
  readonly credentials?: ReadonlyMap<string, string> | undefined;
  /** Accept any TLS certificate. A given `dispatcher` decides that itself. */
  readonly insecureSkipVerify?: boolean | undefined;
  /** How to connect; by default as everything of ours does (proxies, the sandbox's nameserver). */
  readonly dispatcher?: Dispatcher | undefined;
}

const TIMEOUT_MS = 5000;
const MOST_REDIRECTS = 10;
/** A query that answers more than this is no check of one number. */
const LARGEST_BODY = 10 * 1024 * 1024;
const ONLINE_QUERY = "vector(1)";

/** @throws MetricError when address or credentials cannot work */
export function createPrometheus(options: PrometheusOptions): MetricSource {
  const address = queryAddress(options.type, options.address);
  const authorization = authorizationOf(options) ?? address.authorization;
  const headers = {
    ...options.headers,
    ...(authorization === undefined ? {} : { Authorization: [authorization] }),
  };
  const dispatcher = options.dispatcher ?? sharedDispatcher(options.insecureSkipVerify === true);
  const following = dispatcher.compose(interceptors.redirect({ maxRedirections: MOST_REDIRECTS }));
  const measure = async (query: string, signal: AbortSignal): Promise<Measurement> => {
    const url = `${address.url.href}?query=${queryEscape(query.replace(/\s+/g, " "))}`;
    const { status, body } = await get(url, headers, following, signal);
    if (status >= 400) {
      throw new MetricError(`error response: Status ${status} ${STATUS_CODES[status] ?? ""}: ${body}`);
    }
    return readAnswer(body);
  };
  return { type: options.type, measure, online: (signal) => online(measure, signal) };
}

async function online(measure: MetricSource["measure"], signal: AbortSignal): Promise<void> {
  let answer: Measurement;
  try {
    answer = await measure(ONLINE_QUERY, signal);
  } catch (error) {
    throw error instanceof MetricError ? new MetricError(`running query failed: ${error.message}`) : error;
  }
  if (answer.kind === "no-data") throw new MetricError(`running query failed: ${answer.detail}`);
  if (answer.value !== 1) throw new MetricError(`value is not 1 for query: ${ONLINE_QUERY}`);
}

/** A token wins over user and password. */
function authorizationOf({ type, credentials }: PrometheusOptions): string | undefined {
  if (credentials === undefined) return undefined;
  const token = credentials.get("token");
  if (token !== undefined) return token === "" ? undefined : `Bearer ${token}`;
  const username = credentials.get("username");
  if (username === undefined) throw new MetricError(`${type} credentials does not contain a username`);
  const password = credentials.get("password");
  if (password === undefined) throw new MetricError(`${type} credentials does not contain a password`);
  return username === "" || password === "" ? undefined : basic(username, password);
}

async function get(
  url: string,
  headers: Readonly<Record<string, readonly string[]>>,
  dispatcher: Dispatcher,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly body: string }> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const limits = AbortSignal.any([signal, timeout]);
  const failed = (doing: string, error: unknown): Error => {
    if (signal.aborted) return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason));
    const why = timeout.aborted ? `no answer within ${TIMEOUT_MS / 1000}s` : causeOf(error);
    return new MetricError(`${doing}: Get "${url}": ${why}`);
  };
  let response: Dispatcher.ResponseData;
  try {
    response = await request(url, { headers: mutable(headers), dispatcher, signal: limits });
  } catch (error) {
    throw failed("request failed", error);
  }
  try {
    return { status: response.statusCode, body: await textOf(response.body) };
  } catch (error) {
    throw failed("error reading body", error);
  }
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > LARGEST_BODY) throw new Error(`the answer is longer than ${LARGEST_BODY} bytes`);
  }
  return Buffer.concat(chunks).toString();
}

function mutable(headers: Readonly<Record<string, readonly string[]>>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(headers).map(([name, values]) => [name, [...values]]));
}

/** A failed connection carries its reason in `cause` or, tried on several addresses, in `errors`. */
function causeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return causeOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  return error.message === "" && error.cause !== undefined ? causeOf(error.cause) : error.message;
}

const shared = new Map<boolean, Dispatcher>();

/** Providers are built anew for every question, connections are not. */
function sharedDispatcher(insecure: boolean): Dispatcher {
  const known = shared.get(insecure) ?? createDispatcher(insecure ? { tls: { rejectUnauthorized: false } } : {});
  shared.set(insecure, known);
  return known;
}

/** Prometheus, and whatever speaks its query API: Thanos, Mimir, VictoriaMetrics, … */
import type { Dispatcher } from "undici";
import { basic } from "../../net/userinfo.ts";
import type { Measurement, MetricSource } from "../../ports/metric-source.ts";
import { queryEscape } from "../escape.ts";
import { ask, sharedDispatcher } from "../http.ts";
import { MetricError } from "../metric-error.ts";
import { queryAddress } from "./address.ts";
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
  const measure = async (query: string, signal: AbortSignal): Promise<Measurement> => {
    const url = `${address.url.href}?query=${queryEscape(query.replace(/\s+/g, " "))}`;
    const { status, statusLine, body } = await ask({ url, headers }, dispatcher, signal);
    if (status >= 400) throw new MetricError(`error response: Status ${statusLine}: ${body}`);
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

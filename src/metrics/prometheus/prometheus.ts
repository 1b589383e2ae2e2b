/** Prometheus, and other servers with its query API: Thanos, Mimir, VictoriaMetrics, … */
import type { Measurement, MetricSource } from "../../ports/metric-source.ts";
import { ask } from "../http.ts";
import { MetricError } from "../metric-error.ts";
import { outbound, type ProviderOptions, userAuthorization } from "../provider.ts";
import { queryAddress, queryParameter } from "./address.ts";
import { readAnswer } from "./answer.ts";

/** The Secret holds `token`, or `username` and `password`. */
export type PrometheusOptions = Pick<
  ProviderOptions,
  "type" | "address" | "headers" | "credentials" | "insecureSkipVerify" | "dispatcher" | "clock"
>;

const ONLINE_QUERY = "vector(1)";

/** @throws MetricError when address or credentials cannot work */
export function createPrometheus(options: PrometheusOptions): MetricSource {
  const address = queryAddress(options);
  const authorization = authorizationOf(options) ?? address.authorization;
  const headers = {
    ...options.headers,
    ...(authorization === undefined ? {} : { Authorization: [authorization] }),
  };
  const measure = async (query: string, signal: AbortSignal): Promise<Measurement> => {
    const asked = { url: address.url.href, search: queryParameter(query), headers };
    const { status, statusLine, body, said } = await ask(asked, outbound(options, signal));
    if (status >= 400) throw new MetricError(`error response: Status ${statusLine}: ${said}`);
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
function authorizationOf(options: PrometheusOptions): string | undefined {
  const token = options.credentials?.get("token");
  if (token === undefined) return userAuthorization(options);
  return token === "" ? undefined : `Bearer ${token}`;
}

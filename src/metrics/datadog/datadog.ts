/** Datadog's timeseries query API, v1. */

import { queryEscape } from "../escape.ts";
import { ask } from "../http.ts";
import { parseAnswer } from "../json.ts";
import { MetricError } from "../metric-error.ts";
import { connection, credential, nothingIn, type Provider, value, windowMs } from "../provider.ts";

const ADDRESS = "https://api.datadoghq.com";

export const datadog: Provider = (options) => {
  const missing = (key: string) => `datadog credentials does not contain ${key}`;
  const secret = (key: string) => credential(options, key, missing(key));
  const headers = {
    "DD-API-KEY": secret("datadog_api_key"),
    "DD-APPLICATION-KEY": secret("datadog_application_key"),
  };
  const fromDelta = Math.trunc(windowMs(options) / 1000);
  const address = options.address === "" ? ADDRESS : options.address;
  const get = (path: string, signal: AbortSignal) =>
    ask({ url: `${address}${path}`, headers }, connection(options), signal);
  return {
    type: options.type,
    async measure(query, signal) {
      const to = Math.trunc(options.clock.now() / 1000);
      const path = `/api/v1/query?from=${to - fromDelta}&query=${queryEscape(query)}&to=${to}`;
      const { status, statusLine, body } = await get(path, signal);
      if (status !== 200) throw new MetricError(`error response: ${body}: ${statusLine}`);
      const number = oldestPoint(body);
      return number === undefined ? nothingIn(body) : value(number);
    },
    async online(signal) {
      const { status, body } = await get("/api/v1/validate", signal);
      if (status !== 200) throw new MetricError(`error response: ${body}`);
    },
  };
};

/** The newest buckets are incomplete, so the oldest one of the first series counts that has a value (M9). */
function oldestPoint(body: string): number | undefined {
  const answer = parseAnswer(body);
  const [first] = answer.listOf(answer.fields().series, "series");
  const points = answer.listOf(answer.fieldsOf(first, "series[0]").pointlist, "pointlist");
  return points
    .map((point) => answer.numberOf(answer.listOf(point, "a point")[1], "a point's value"))
    .find((number) => number !== undefined);
}

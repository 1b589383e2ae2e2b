/** Datadog's timeseries query API, v1. */

import { queryEscape } from "../escape.ts";
import { ask } from "../http.ts";
import { parseAnswer } from "../json.ts";
import { MetricError } from "../metric-error.ts";
import { credential, nothingIn, outbound, type Provider, value, windowMs } from "../provider.ts";

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
  const get = (path: string, search: string | undefined, signal: AbortSignal) =>
    ask({ url: `${address}${path}`, headers, ...(search === undefined ? {} : { search }) }, outbound(options, signal));
  return {
    type: options.type,
    async measure(query, signal) {
      const to = Math.trunc(options.clock.now() / 1000);
      const search = `from=${to - fromDelta}&query=${queryEscape(query)}&to=${to}`;
      const { status, statusLine, body, said } = await get("/api/v1/query", search, signal);
      if (status !== 200) throw new MetricError(`error response: ${said}: ${statusLine}`);
      const number = oldestPoint(body);
      return number === undefined ? nothingIn(body) : value(number);
    },
    async online(signal) {
      const { status, said } = await get("/api/v1/validate", undefined, signal);
      if (status !== 200) throw new MetricError(`error response: ${said}`);
    },
  };
};

/** The newest buckets are incomplete, so the oldest value of the first series counts (M9). */
function oldestPoint(body: string): number | undefined {
  const answer = parseAnswer(body);
  const [first] = answer.listOf(answer.fields().series, "series");
  const points = answer.listOf(answer.fieldsOf(first, "series[0]").pointlist, "pointlist");
  return points
    .map((point) => answer.numberOf(answer.listOf(point, "a point")[1], "a point's value"))
    .find((number) => number !== undefined);
}

/** Dynatrace's metrics API, v2. */
import { queryEscape } from "../escape.ts";
import { ask } from "../http.ts";
import { parseAnswer } from "../json.ts";
import { MetricError } from "../metric-error.ts";
import { credential, nothingIn, outbound, type Provider, value, windowMs } from "../provider.ts";

export const dynatrace: Provider = (options) => {
  if (options.address === "") throw new MetricError("dynatrace endpoint is not set");
  const token = credential(options, "dynatrace_token", "dynatrace credentials does not contain dynatrace_token");
  const headers = { Authorization: `Api-Token ${token}` };
  const fromDelta = Math.trunc(windowMs(options));
  const get = async (path: string, search: string, signal: AbortSignal) => {
    const asked = { url: `${options.address}${path}`, search, headers };
    const { status, body, said } = await ask(asked, outbound(options, signal));
    if (status !== 200) throw new MetricError(`error response: ${said}`);
    return body;
  };
  return {
    type: options.type,
    async measure(query, signal) {
      const to = Math.trunc(options.clock.now() / 1000) * 1000;
      const selector = queryEscape(query);
      const search = `from=${to - fromDelta}&metricSelector=${selector}&resolution=Inf&to=${to}`;
      const body = await get("/api/v2/metrics/query", search, signal);
      const number = firstValue(body);
      return number === undefined ? nothingIn(body) : value(number);
    },
    async online(signal) {
      await get("/api/v2/metrics", "pageSize=1", signal);
    },
  };
};

/** Of the last series of the first result. null is no value (M9). */
function firstValue(body: string): number | undefined {
  const answer = parseAnswer(body);
  const [first] = answer.listOf(answer.fields().result, "result");
  const series = answer.listOf(answer.fieldsOf(first, "result[0]").data, "data").at(-1);
  const values = answer.listOf(answer.fieldsOf(series, "the last of data").values, "values");
  return answer.numberOf(values[0], "values[0]");
}

/** New Relic's Insights query API: NRQL that gives one number under the name `result`. */
import { queryEscape } from "../escape.ts";
import { ask } from "../http.ts";
import { parseAnswer } from "../json.ts";
import { MetricError } from "../metric-error.ts";
import { credential, intervalMs, nothingIn, outbound, type Provider, value } from "../provider.ts";

const ADDRESS = "https://insights-api.newrelic.com";

export const newrelic: Provider = (options) => {
  const missing = "newrelic credentials does not contain the key ";
  const account = credential(options, "newrelic_account_id", `${missing}'newrelic_account_id'`);
  // The misplaced quote is Flagger's.
  const headers = { "X-Query-Key": credential(options, "newrelic_query_key", `${missing}''newrelic_query_key`) };
  const since = `SINCE ${Math.trunc(intervalMs(options) / 1000)} seconds ago`;
  const address = options.address === "" ? ADDRESS : options.address;
  const get = async (nrql: string, signal: AbortSignal) => {
    const url = `${address}/v1/accounts/${encodeURIComponent(account)}/query`;
    const search = `nrql=${queryEscape(`${nrql} ${since}`)}`;
    const shown = `${address}/v1/accounts/…/query`;
    const { status, body, said } = await ask({ url, search, shown, headers }, outbound(options, signal));
    if (status !== 200) throw new MetricError(`error response: ${said}`);
    return body;
  };
  return {
    type: options.type,
    async measure(query, signal) {
      const body = await get(query, signal);
      const answer = parseAnswer(body);
      const results = answer.listOf(answer.fields().results, "results");
      const { result } = answer.fieldsOf(results[0], "results[0]");
      const number = results.length === 1 ? answer.numberOf(result, "result") : undefined;
      return number === undefined ? nothingIn(body) : value(number);
    },
    async online(signal) {
      await get("SELECT * FROM Metric", signal);
    },
  };
};

/** Graphite's render API. The query is the query string of a URL, `target=sumSeries(app.count)&from=-2min`. */
import { posix } from "node:path";
import { clean } from "../../net/show.ts";
import { queryEscape } from "../escape.ts";
import { ask } from "../http.ts";
import { type JsonAnswer, parseAnswer } from "../json.ts";
import { MetricError, NO_VALUES } from "../metric-error.ts";
import { httpAddress, noData, outbound, type Provider, userAuthorization, value } from "../provider.ts";

const ONLINE_QUERY = "target=test";

export const graphite: Provider = (options) => {
  const url = new URL(httpAddress(options));
  url.search = "";
  url.pathname = posix.join("/", url.pathname, "render");
  const authorization = userAuthorization(options);
  const headers: Readonly<Record<string, string>> = authorization === undefined ? {} : { Authorization: authorization };
  const measure = async (query: string, signal: AbortSignal) => {
    const asked = { url: url.href, search: renderQueryString(query), headers };
    const { status, body, said } = await ask(asked, outbound(options, signal));
    if (status >= 400) throw new MetricError(`error response: ${said}`);
    const number = lastValue(body);
    return number === undefined ? noData(NO_VALUES) : value(number);
  };
  return {
    type: options.type,
    measure,
    async online(signal) {
      try {
        await measure(ONLINE_QUERY, signal);
      } catch (error) {
        throw error instanceof MetricError ? new MetricError(`running query failed: ${error.message}`) : error;
      }
    },
  };
};

/** Parameters sorted by name, always asking for JSON. */
function renderQueryString(query: string): string {
  const parameters = new URLSearchParams(query.replace(/\s+/g, " ").trim());
  parameters.set("format", "json");
  parameters.sort();
  return [...parameters].map(([name, text]) => `${queryEscape(name)}=${queryEscape(text)}`).join("&");
}

/** The last point with a value, over all series in their order. */
function lastValue(body: string): number | undefined {
  const answer = parseAnswer(`{"series":${body === "" ? "null" : body}}`);
  return answer
    .listOf(answer.fields().series, "the answer")
    .flatMap((series) => answer.listOf(answer.fieldsOf(series, "a series").datapoints, "datapoints"))
    .map((point) => pointValue(answer, point))
    .findLast((number) => number !== undefined);
}

/** `[value, time]`; both may be null or texts. */
function pointValue(answer: JsonAnswer, point: unknown): number | undefined {
  const wrong = (why: string) =>
    new MetricError(`error unmarshaling data point: ${why}: ${clean(JSON.stringify(point))}`);
  const pair = answer.listOf(point, "a data point");
  if (pair.length !== 2) throw wrong("it must have a value and a time");
  const [number, time] = pair.map((part) => (typeof part === "string" ? textNumber(part) : part));
  for (const part of [number, time]) {
    if (part !== null && (typeof part !== "number" || Number.isNaN(part))) throw wrong("it is not a number");
  }
  return typeof number === "number" ? number : undefined;
}

const textNumber = (text: string): number => (text.trim() === "" ? Number.NaN : Number(text));

/** A query over a span of time, for charts: what a check would have measured then. */
import { ask } from "../http.ts";
import { parseAnswer } from "../json.ts";
import { MetricError } from "../metric-error.ts";
import { outbound, type ProviderOptions } from "../provider.ts";
import { queryAddress, queryParameter } from "./address.ts";

export interface Span {
  /** Seconds since the epoch. */
  readonly from: number;
  readonly to: number;
  /** Seconds between two points. */
  readonly step: number;
}

/** Milliseconds since the epoch, and the value. */
export type Point = readonly [at: number, value: number];

export type RangeOptions = Pick<ProviderOptions, "type" | "address" | "dispatcher" | "clock">;

/** @returns the points of the only series; none when there is no data @throws MetricError */
export async function queryRange(
  options: RangeOptions,
  query: string,
  { from, to, step }: Span,
  signal: AbortSignal,
): Promise<readonly Point[]> {
  const { url, authorization } = queryAddress(options);
  const asked = {
    url: `${url.href}_range`,
    search: `${queryParameter(query)}&start=${from}&end=${to}&step=${step}`,
    headers: authorization === undefined ? {} : { Authorization: [authorization] },
  };
  const { status, statusLine, body, said } = await ask(asked, outbound(options, signal));
  if (status !== 200) throw new MetricError(`error response: Status ${statusLine}: ${said}`);
  return pointsOf(body);
}

function pointsOf(body: string): readonly Point[] {
  const answer = parseAnswer(body);
  const { result } = answer.fieldsOf(answer.fields().data, "data");
  const series = answer.listOf(result, "data.result");
  const last = answer.fieldsOf(series.at(-1), "an entry of data.result");
  return answer.listOf(last.values, "values").flatMap((pair): Point[] => {
    const [at, text] = Array.isArray(pair) ? pair : [];
    const value = Number(text);
    return typeof at === "number" && typeof text === "string" && Number.isFinite(value) ? [[at * 1000, value]] : [];
  });
}

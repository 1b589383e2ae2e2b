/** Reads the body of a query's answer: one number, or none. */
import { quote } from "../../go/format.ts";
import { clean, LONGEST_FOREIGN } from "../../net/show.ts";
import type { Measurement } from "../../ports/metric-source.ts";
import { type Fields, parseAnswer } from "../json.ts";
import { MetricError, MULTIPLE_VALUES, NO_VALUES } from "../metric-error.ts";

/**
 * The last element of the vector counts (M6). NaN and an empty vector are no data.
 * @throws MetricError for anything but a vector of numbers
 */
export function readAnswer(body: string): Measurement {
  const elements = vectorOf(body);
  if (elements.some((element) => element.values !== undefined)) throw new MetricError(MULTIPLE_VALUES);
  const texts = elements.flatMap(({ value }) => {
    const text: unknown = Array.isArray(value) ? value[1] : undefined;
    return typeof text === "string" ? [text] : [];
  });
  const values = texts.map(parseFloatOf);
  const value = values.at(-1);
  return value === undefined || Number.isNaN(value) ? { kind: "no-data", detail: NO_VALUES } : { kind: "value", value };
}

function vectorOf(body: string): readonly Fields[] {
  const answer = parseAnswer(body);
  const { result } = answer.fieldsOf(answer.fields().data, "data");
  return answer.listOf(result, "data.result").map((element) => {
    if (element === null) throw answer.wrong("data.result holds null where a series was expected");
    return answer.fieldsOf(element, "an entry of data.result");
  });
}

/** Go's ParseFloat for what Prometheus writes. @throws MetricError */
function parseFloatOf(text: string): number {
  if (/^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(text)) return Number(text);
  if (/^[-+]?nan$/i.test(text)) return Number.NaN;
  if (/^[-+]?inf(?:inity)?$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  // Cut before it is quoted: it may be a megabyte, and each character may become ten.
  const shown = clean(quote(text.slice(0, LONGEST_FOREIGN)));
  throw new MetricError(`strconv.ParseFloat: parsing ${shown}: invalid syntax`);
}

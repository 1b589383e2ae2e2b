/** Reads the body of a query's answer: one number, or none. */
import { quote } from "../../core/format.ts";
import type { Measurement } from "../../ports/metric-source.ts";
import { MetricError, MULTIPLE_VALUES, NO_VALUES } from "../metric-error.ts";

/**
 * The last element of the vector counts (M6); NaN and an empty vector are no data.
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

type Fields = Readonly<Record<string, unknown>>;

function vectorOf(body: string): readonly Fields[] {
  const failed = (why: string) => new MetricError(`error unmarshaling result: ${why}, '${body}'`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch (error) {
    throw failed(error instanceof Error ? error.message : String(error));
  }
  const answer = fieldsOf(parsed);
  if (answer === undefined) throw failed(`the answer is ${kindOf(parsed)}, not an object`);
  const data = fieldsOf(answer.data ?? {});
  if (data === undefined) throw failed(`data is ${kindOf(answer.data)}, not an object`);
  const result = data.result ?? [];
  if (!Array.isArray(result)) throw failed(`data.result is ${kindOf(result)}, not an array`);
  return result.map((element) => {
    const fields = fieldsOf(element);
    if (fields === undefined) throw failed(`data.result holds ${kindOf(element)} where a series was expected`);
    return fields;
  });
}

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}

/** Go's ParseFloat for what Prometheus writes. @throws MetricError */
function parseFloatOf(text: string): number {
  if (/^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(text)) return Number(text);
  if (/^[-+]?nan$/i.test(text)) return Number.NaN;
  if (/^[-+]?inf(?:inity)?$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  throw new MetricError(`strconv.ParseFloat: parsing ${quote(text)}: invalid syntax`);
}

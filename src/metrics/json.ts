/** Reads the JSON that metric servers answer, and checks it: a wrong type is a MetricError that names the field. */
import { errorText } from "../error-text.ts";
import { parseBounded } from "../json/bounded-json.ts";
import { clean } from "../net/show.ts";
import { MetricError } from "./metric-error.ts";

export type Fields = Readonly<Record<string, unknown>>;

export interface JsonAnswer {
  /** The whole body. @throws MetricError when it is no object */
  fields(): Fields;
  /** @param where as in "data.result". @throws MetricError when `value` is present and no object */
  fieldsOf(value: unknown, where: string): Fields;
  /** An absent list is empty. @throws MetricError when `value` is present and no array */
  listOf(value: unknown, where: string): readonly unknown[];
  /** null and absent are undefined. @throws MetricError when `value` is anything else than a number */
  numberOf(value: unknown, where: string): number | undefined;
  /** "error unmarshaling result: …, '<body>'" */
  wrong(why: string): MetricError;
}

/** @throws MetricError when `body` is no JSON, or JSON with too much in it */
export function parseAnswer(body: string): JsonAnswer {
  const wrong = (why: string) => new MetricError(`error unmarshaling result: ${clean(why)}, '${clean(body)}'`);
  const root = parsed(body, wrong);
  const fieldsOf = (value: unknown, where: string): Fields => {
    if (value === undefined || value === null) return {};
    if (typeof value !== "object" || Array.isArray(value)) throw wrong(`${where} is ${kindOf(value)}, not an object`);
    return value as Fields;
  };
  return {
    wrong,
    fieldsOf,
    fields() {
      if (root === null) throw wrong("the answer is null, not an object");
      return fieldsOf(root, "the answer");
    },
    listOf(value, where) {
      if (value === undefined || value === null) return [];
      if (!Array.isArray(value)) throw wrong(`${where} is ${kindOf(value)}, not an array`);
      return value;
    },
    numberOf(value, where) {
      if (value === undefined || value === null) return undefined;
      if (typeof value !== "number") throw wrong(`${where} is ${kindOf(value)}, not a number`);
      return value;
    },
  };
}

function parsed(body: string, wrong: (why: string) => MetricError): unknown {
  try {
    return parseBounded(body);
  } catch (error) {
    throw wrong(errorText(error));
  }
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}

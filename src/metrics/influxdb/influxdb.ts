/** InfluxDB 2: Flux, answered in annotated CSV. The first record must carry a floating-point `_value`. */
import { parse } from "csv-parse/sync";
import { errorText } from "../../error-text.ts";
import { clean } from "../../net/show.ts";
import { queryEscape } from "../escape.ts";
import { ask } from "../http.ts";
import { MetricError, NO_VALUES } from "../metric-error.ts";
import { credential, httpAddress, noData, outbound, type Provider, value } from "../provider.ts";

const TIMEOUT_MS = 15_000;
const ONLINE_QUERY = 'from(bucket: "default") |> range(start: -2h)';
const DIALECT = { annotations: ["datatype", "group", "default"], delimiter: ",", header: true };

export const influxdb: Provider = (options) => {
  const address = httpAddress(options);
  const missing = (what: string) => `${options.type} credentials does not contain an ${what}`;
  const secret = (key: string, what: string) =>
    options.credentials === undefined ? "" : credential(options, key, missing(what));
  const token = secret("token", "authentication token");
  const org = secret("org", "organisation");
  const headers = { "Content-Type": "application/json", Accept: "text/csv", Authorization: `Token ${token}` };
  const run = async (query: string, signal: AbortSignal) => {
    const failed = (why: string) => new MetricError(`error accessing influxdb query api: ${why}`);
    const url = `${address}/api/v2/query`;
    const body = JSON.stringify({ query, type: "flux", dialect: DIALECT });
    const limited = { method: "POST", timeoutMs: TIMEOUT_MS } as const;
    const asked = { ...limited, url, search: `org=${queryEscape(org)}`, shown: url, headers, body };
    const answer = await ask(asked, outbound(options, signal)).catch((error: unknown) => {
      throw error instanceof MetricError ? failed(error.message) : error;
    });
    if (answer.status >= 300) throw failed(`${answer.statusLine}: ${answer.said}`);
    return firstRecord(answer.body);
  };
  return {
    type: options.type,
    async measure(query, signal) {
      const record = await run(query, signal);
      // M8: an answer without records is not a zero.
      if (record === undefined) return noData(NO_VALUES);
      const text = record.fields.get("_value") ?? "";
      const shown = clean([...record.fields].map(([name, field]) => `${name}:${field}`).join(","));
      if (text === "") return noData(`invalid response: ${shown}: ${NO_VALUES}`);
      const number = Number(text.replace(/^([-+]?)inf(inity)?$/i, "$1Infinity"));
      if (record.valueType !== "double" || (Number.isNaN(number) && !/^nan$/i.test(text))) {
        throw new MetricError(`invalid response: ${shown}`);
      }
      return value(number);
    },
    async online(signal) {
      await run(ONLINE_QUERY, signal);
    },
  };
};

interface FluxRecord {
  readonly fields: ReadonlyMap<string, string>;
  /** As annotated: "double", "long", … */
  readonly valueType: string | undefined;
}

/**
 * An answer is a sequence of tables, each of which may be empty: annotations, a line of names, records. An error during
 * the answer is a table with a column `error`.
 * @throws MetricError for that, and when the answer is no CSV
 */
function firstRecord(body: string): FluxRecord | undefined {
  let annotations = new Map<string, readonly string[]>();
  let header: readonly string[] | undefined;
  for (const row of rowsOf(body)) {
    const [first = ""] = row;
    if (first.startsWith("#")) {
      if (header !== undefined) annotations = new Map();
      header = undefined;
      annotations.set(first.slice(1), row);
    } else if (header === undefined) header = row;
    else return recordOf(header, row, annotations);
  }
  return undefined;
}

function recordOf(
  header: readonly string[],
  row: readonly string[],
  annotations: ReadonlyMap<string, readonly string[]>,
): FluxRecord {
  const defaults = annotations.get("default") ?? [];
  // The first column holds the annotations.
  const columns = header.map((name, index) => [name, row[index] || (defaults[index] ?? "")] as const).slice(1);
  const fields = new Map(columns);
  const failure = fields.get("error");
  if (failure !== undefined && !fields.has("_value")) throw new MetricError(`query error: ${failure}`);
  return { fields, valueType: annotations.get("datatype")?.[header.indexOf("_value")] };
}

function rowsOf(body: string): readonly (readonly string[])[] {
  try {
    return parse(body, { relax_column_count: true, skip_empty_lines: true });
  } catch (error) {
    throw new MetricError(`query error: ${errorText(error)}: '${clean(body)}'`);
  }
}

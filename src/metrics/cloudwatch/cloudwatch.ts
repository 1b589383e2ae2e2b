/**
 * Amazon CloudWatch: GetMetricData, with the credentials that the AWS SDK finds (environment, files, IRSA, instance).
 */
import type { CloudWatchClient, GetMetricDataCommandOutput, MetricDataQuery } from "@aws-sdk/client-cloudwatch";
import type { Dispatcher } from "undici";
import { request } from "undici";
import { errorText } from "../../error-text.ts";
import { parseBounded } from "../../json/bounded-json.ts";
import { clean } from "../../net/show.ts";
import { MetricError, NO_VALUES } from "../metric-error.ts";
import {
  connection,
  noData,
  outbound,
  type Provider,
  type ProviderOptions,
  value,
  windowMs,
  within,
} from "../provider.ts";

const MAX_DATAPOINTS = 20;
/** The first attempt and three more. */
const ATTEMPTS = 4;
const BAD_REQUEST = 400;
/** For all attempts, including the search for credentials. */
const TIMEOUT_MS = 15_000;

export const cloudwatch: Provider = (options) => {
  if ((options.region ?? "") === "") throw new MetricError("region not specified");
  const window = windowMs(options);
  return {
    type: options.type,
    async measure(query, signal) {
      const queries = readQueries(query);
      const end = options.clock.now();
      const asked = { queries, start: new Date(end - window), end: new Date(end), points: MAX_DATAPOINTS };
      const answer = await getMetricData(options, asked, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        throw new MetricError(`error requesting cloudwatch: ${awsText(error)}`);
      });
      const results = answer.MetricDataResults ?? [];
      const shown = clean(JSON.stringify(results));
      const [first] = results;
      if (first === undefined) return noData(`invalid response: ${shown}: ${NO_VALUES}`);
      const [newest] = first.Values ?? [];
      // The typing error is Flagger's.
      return newest === undefined ? noData(`invalid reponse ${shown}: ${NO_VALUES}`) : value(newest);
    },
    async online(signal) {
      const nothing = { queries: [], start: new Date(0), end: new Date(0) };
      try {
        await getMetricData(options, nothing, signal);
      } catch (error) {
        signal.throwIfAborted();
        const status = statusOf(error);
        if (status === undefined) throw new MetricError(`unexpected error: ${awsText(error)}`);
        // A server that rejects an empty query is online.
        if (status !== BAD_REQUEST) throw new MetricError(`unexpected status code: ${awsText(error)}`);
      }
    },
  };
};

interface Asked {
  readonly queries: MetricDataQuery[];
  readonly start: Date;
  readonly end: Date;
  readonly points?: number;
}

async function getMetricData(
  options: ProviderOptions,
  { queries, start, end, points }: Asked,
  signal: AbortSignal,
): Promise<GetMetricDataCommandOutput> {
  // The log is JSON, line by line. A warning that is no JSON would break its readers.
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
  const { CloudWatchClient: Client, GetMetricDataCommand } = await loadSdk();
  const client: CloudWatchClient = new Client({
    region: options.region ?? "",
    maxAttempts: ATTEMPTS,
    requestHandler: handlerOver(connection(options)),
  });
  try {
    const command = new GetMetricDataCommand({
      MetricDataQueries: queries,
      StartTime: start,
      EndTime: end,
      ...(points === undefined ? {} : { MaxDatapoints: points }),
    });
    return await within(TIMEOUT_MS, outbound(options, signal), (limit) => client.send(command, { abortSignal: limit }));
  } finally {
    client.destroy();
  }
}

/** Amazon's SDK is large and optional, so it is loaded when a query needs it. */
async function loadSdk() {
  try {
    return await import("@aws-sdk/client-cloudwatch");
  } catch (error) {
    const why = errorText(error);
    const cure = "run `npm install @aws-sdk/client-cloudwatch` beside the operator, or use an image that has it";
    throw new MetricError(`cloudwatch needs the optional package @aws-sdk/client-cloudwatch: ${cure} (${why})`);
  }
}

interface SdkRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Record<string, string>;
  // biome-ignore lint/suspicious/noExplicitAny: the SDK's own types
  readonly body?: any;
}

/**
 * Sends the SDK's requests over the operator's connections, so that proxies and name resolution are the same for all.
 */
function handlerOver(dispatcher: Dispatcher) {
  return {
    async handle(sent: SdkRequest, { abortSignal }: { abortSignal?: unknown } = {}) {
      const { method, protocol, hostname, port, path, query = {}, headers, body } = sent;
      const url = new URL(`${protocol}//${hostname}${port === undefined ? "" : `:${port}`}${path}`);
      for (const [name, values] of Object.entries(query)) {
        for (const text of values === null ? [""] : [values].flat()) url.searchParams.append(name, String(text));
      }
      const signal = abortSignal instanceof AbortSignal ? { signal: abortSignal } : {};
      const response = await request(url, { method: method as "POST", headers, body, dispatcher, ...signal });
      return { response: { statusCode: response.statusCode, headers: flat(response.headers), body: response.body } };
    },
    destroy() {},
    updateHttpClientConfig() {},
    httpHandlerConfigs: () => ({}),
  };
}

function flat(headers: Dispatcher.ResponseData["headers"]): Record<string, string> {
  const entries = Object.entries(headers).filter(([, text]) => text !== undefined);
  return Object.fromEntries(entries.map(([name, text]) => [name, [text].flat().join(", ")]));
}

const KEYS = ["Id", "AccountId", "Expression", "Label", "ReturnData", "Period", "MetricStat", "Metric", "Namespace"];
const NAMES = new Map(
  [...KEYS, "MetricName", "Dimensions", "Name", "Value", "Stat", "Unit"].map((key) => [key.toLowerCase(), key]),
);

/**
 * A list of MetricDataQuery; the case of its keys does not matter.
 * @throws MetricError "error unmarshaling query: …"
 */
function readQueries(query: string): MetricDataQuery[] {
  const failed = (why: string) => new MetricError(`error unmarshaling query: ${why}`);
  let parsed: unknown;
  try {
    parsed = parseBounded(query);
  } catch (error) {
    throw failed(errorText(error));
  }
  if (!Array.isArray(parsed)) throw failed("it must be a list of MetricDataQuery objects");
  if (parsed.some((entry) => typeof entry !== "object" || entry === null)) {
    throw failed("every entry of the list must be an object");
  }
  return parsed.map((entry) => renamed(entry) as MetricDataQuery);
}

function renamed(given: unknown): unknown {
  if (Array.isArray(given)) return given.map(renamed);
  if (typeof given !== "object" || given === null) return given;
  return Object.fromEntries(
    Object.entries(given).map(([key, inner]) => [NAMES.get(key.toLowerCase()) ?? key, renamed(inner)]),
  );
}

/** undefined when there was no answer. */
function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode;
}

function awsText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.name === "Error" || error.message.startsWith(error.name)
    ? error.message
    : `${error.name}: ${error.message}`;
}

/** Google Cloud Monitoring: MQL over REST, as a service account's key or as whoever the process is (workload identity). */
import type { JWTInput } from "google-auth-library";
import { ask } from "../http.ts";
import { parseAnswer } from "../json.ts";
import { MetricError, NO_VALUES } from "../metric-error.ts";
import { connection, credential, noData, type Provider, type ProviderOptions, value, within } from "../provider.ts";

const ADDRESS = "https://monitoring.googleapis.com";
const SCOPE = "https://www.googleapis.com/auth/monitoring.read";
const TIMEOUT_MS = 30_000;

/** @param address of the API; Google's own but in tests */
export function stackdriverAt(address: string): Provider {
  return (options) => {
    const { credentials } = options;
    const missing = `${options.type} credentials does not contain a project id`;
    const project = credentials === undefined ? "" : `projects/${credential(options, "project", missing)}`;
    const key = keyOf(credentials?.get("serviceAccountKey"));
    const url = `${address}/v3/${project}/timeSeries:query`;
    return {
      type: options.type,
      async measure(query, signal) {
        const answer = await post(url, query, key, options, signal);
        if (answer.failure !== undefined) throw new MetricError(`error requesting stackdriver: ${answer.failure.text}`);
        const number = firstValue(answer.body);
        return number === undefined ? noData(`invalid response: ${answer.body.trim()}: ${NO_VALUES}`) : value(number);
      },
      async online(signal) {
        const { failure } = await post(url, "", key, options, signal).catch((error: unknown) => {
          throw error instanceof MetricError ? new MetricError(`unexpected error: ${error.message}`) : error;
        });
        // Whoever finds fault with an empty question is there.
        if (failure !== undefined && failure.code !== "InvalidArgument") {
          throw new MetricError(`unexpected status code: ${failure.code}`);
        }
      },
    };
  };
}

export const stackdriver = stackdriverAt(ADDRESS);

/** @throws MetricError when it is no JSON */
function keyOf(text: string | undefined): JWTInput | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // The text is a secret: it is not shown.
    throw new MetricError("the serviceAccountKey of the stackdriver credentials is no JSON");
  }
}

interface Answer {
  readonly body: string;
  readonly failure?: { readonly code: string; readonly text: string };
}

async function post(
  url: string,
  query: string,
  key: JWTInput | undefined,
  options: ProviderOptions,
  signal: AbortSignal,
): Promise<Answer> {
  const authorization = await within(TIMEOUT_MS, signal, () => authorize(url, key)).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new MetricError(`error requesting stackdriver: ${error instanceof Error ? error.message : String(error)}`);
  });
  const headers = { "Content-Type": "application/json", ...authorization };
  const asked = { method: "POST", url, headers, body: JSON.stringify({ query }), timeoutMs: TIMEOUT_MS } as const;
  const { status, statusLine, body } = await ask(asked, connection(options), signal);
  return status < 300 ? { body } : { body, failure: failureOf(statusLine, body) };
}

async function authorize(url: string, credentials: JWTInput | undefined): Promise<Readonly<Record<string, string>>> {
  // Loaded by those only who use it.
  const { GoogleAuth, JWT } = await import("google-auth-library");
  const auth = new GoogleAuth({ scopes: [SCOPE], ...(credentials === undefined ? {} : { credentials }) });
  const client = await auth.getClient();
  // Signed by the key itself: no token has to be asked for first.
  if (client instanceof JWT) client.useJWTAccessWithScope = true;
  return Object.fromEntries((await client.getRequestHeaders(url)).entries());
}

/** In gRPC's words, which Flagger's are: PERMISSION_DENIED is PermissionDenied. */
function failureOf(statusLine: string, body: string): { readonly code: string; readonly text: string } {
  const [, status] = /"status":\s*"([A-Z_]+)"/.exec(body) ?? [];
  if (status === undefined) return { code: statusLine, text: `${statusLine}: ${body}` };
  const code = status.toLowerCase().replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const answer = parseAnswer(body);
  const { message } = answer.fieldsOf(answer.fields().error, "error");
  return { code, text: `rpc error: code = ${code} desc = ${message}` };
}

/** First series, first point, first value; whole numbers are texts, and numbers all the same (M9). */
function firstValue(body: string): number | undefined {
  const answer = parseAnswer(body);
  const [series] = answer.listOf(answer.fields().timeSeriesData, "timeSeriesData");
  const [point] = answer.listOf(answer.fieldsOf(series, "timeSeriesData[0]").pointData, "pointData");
  const [first] = answer.listOf(answer.fieldsOf(point, "pointData[0]").values, "values");
  const { doubleValue, int64Value } = answer.fieldsOf(first, "values[0]");
  const number = doubleValue ?? (int64Value === undefined ? undefined : Number(int64Value));
  // "NaN" and "Infinity" are texts in JSON.
  return typeof number === "string" ? Number(number) : answer.numberOf(number, "values[0]");
}

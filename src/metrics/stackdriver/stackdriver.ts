/**
 * Google Cloud Monitoring: MQL over REST, as the service account of the Secret or as the process itself (workload
 * identity).
 */
import { errorText } from "../../error-text.ts";
import { clean } from "../../net/show.ts";
import { ask, sharedDispatcher } from "../http.ts";
import { parseAnswer } from "../json.ts";
import { MetricError, NO_VALUES } from "../metric-error.ts";
import { credential, noData, outbound, type Provider, type ProviderOptions, value, within } from "../provider.ts";
import { ownToken } from "./own-identity.ts";
import { readServiceAccount, type ServiceAccount, selfSignedToken } from "./service-account.ts";

const ADDRESS = "https://monitoring.googleapis.com";
const SCOPE = "https://www.googleapis.com/auth/monitoring.read";
const TIMEOUT_MS = 30_000;

/** @param address of the API; Google's own but in tests */
export function stackdriverAt(address: string): Provider {
  return (options) => {
    const { credentials } = options;
    const missing = `${options.type} credentials does not contain a project id`;
    const project = credentials === undefined ? "" : `projects/${credential(options, "project", missing)}`;
    const key = credentials?.get("serviceAccountKey");
    const account = key === undefined ? undefined : readServiceAccount(key);
    const url = `${address}/v3/${project}/timeSeries:query`;
    return {
      type: options.type,
      async measure(query, signal) {
        const answer = await post(url, query, account, options, signal);
        if (answer.failure !== undefined) throw new MetricError(`error requesting stackdriver: ${answer.failure.text}`);
        const number = firstValue(answer.body);
        return number === undefined
          ? noData(`invalid response: ${clean(answer.body.trim())}: ${NO_VALUES}`)
          : value(number);
      },
      async online(signal) {
        const { failure } = await post(url, "", account, options, signal).catch((error: unknown) => {
          throw error instanceof MetricError ? new MetricError(`unexpected error: ${error.message}`) : error;
        });
        // A server that refuses an empty query is online.
        if (failure !== undefined && failure.code !== "InvalidArgument") {
          throw new MetricError(`unexpected status code: ${failure.code}`);
        }
      },
    };
  };
}

export const stackdriver = stackdriverAt(ADDRESS);

interface Answer {
  readonly body: string;
  readonly failure?: { readonly code: string; readonly text: string };
}

async function post(
  url: string,
  query: string,
  account: ServiceAccount | undefined,
  options: ProviderOptions,
  signal: AbortSignal,
): Promise<Answer> {
  const token = await within(TIMEOUT_MS, outbound(options, signal), (limit) => tokenOf(account, options, limit)).catch(
    (error: unknown) => {
      signal.throwIfAborted();
      throw new MetricError(`error requesting stackdriver: ${errorText(error)}`);
    },
  );
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}` };
  // The project is a value of the Secret.
  const shown = url.replace(/\/projects\/.*\//, "/projects/…/");
  const asked = {
    method: "POST",
    url,
    shown,
    headers,
    body: JSON.stringify({ query }),
    timeoutMs: TIMEOUT_MS,
  } as const;
  const { status, statusLine, body } = await ask(asked, outbound(options, signal));
  return status < 300 ? { body } : { body, failure: failureOf(statusLine, body) };
}

/** The key signs for itself; a process without a key requests a token. */
async function tokenOf(
  account: ServiceAccount | undefined,
  options: ProviderOptions,
  signal: AbortSignal,
): Promise<string> {
  const now = options.clock.now();
  if (account !== undefined) return selfSignedToken(account, SCOPE, now);
  // Only the people who run the operator choose its own identity, e.g. a metadata server: the egress rules do not
  // apply.
  const ports = { clock: options.clock, dispatcher: sharedDispatcher(false), signal };
  return ownToken({ env: process.env, now, scope: SCOPE, ports });
}

/** In gRPC's words, which Flagger uses: PERMISSION_DENIED is PermissionDenied. */
function failureOf(statusLine: string, body: string): { readonly code: string; readonly text: string } {
  const [, status] = /"status":\s*"([A-Z_]+)"/.exec(body) ?? [];
  if (status === undefined) return { code: statusLine, text: `${statusLine}: ${clean(body)}` };
  const code = status.toLowerCase().replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const answer = parseAnswer(body);
  const { message } = answer.fieldsOf(answer.fields().error, "error");
  return { code, text: `rpc error: code = ${code} desc = ${message}` };
}

/** First series, first point, first value. Whole numbers come as texts, and count as numbers (M9). */
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

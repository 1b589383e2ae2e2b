/** One HTTP request to a metric server: redirects are followed, bodies bounded, failures are MetricErrors with Go's words. */
import { STATUS_CODES } from "node:http";
import { type Dispatcher, interceptors, request } from "undici";
import { createDispatcher } from "../net/dispatcher.ts";
import { withoutUserinfo } from "../net/userinfo.ts";
import { MetricError } from "./metric-error.ts";

export interface MetricRequest {
  /** GET when absent. */
  readonly method?: "GET" | "POST";
  /** Shown in events, but for its user and password; no other credentials belong into it. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  /** For the whole answer; 5 s when absent. */
  readonly timeoutMs?: number;
}

export interface MetricResponse {
  readonly status: number;
  /** "403 Forbidden" */
  readonly statusLine: string;
  readonly body: string;
}

const TIMEOUT_MS = 5000;
const MOST_REDIRECTS = 10;
/** A query that answers more than this is no check of one number. */
const LARGEST_BODY = 10 * 1024 * 1024;

/** @throws MetricError "request failed: …", "error reading body: …"; the signal's reason when that is aborted */
export async function ask(
  { method = "GET", url: address, headers = {}, body, timeoutMs = TIMEOUT_MS }: MetricRequest,
  dispatcher: Dispatcher,
  signal: AbortSignal,
): Promise<MetricResponse> {
  const url = withUserinfoSent(address);
  const timeout = AbortSignal.timeout(timeoutMs);
  const limits = AbortSignal.any([signal, timeout]);
  const failed = (doing: string, error: unknown): Error => {
    if (signal.aborted) return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason));
    const why = timeout.aborted ? `no answer within ${timeoutMs / 1000}s` : causeOf(error);
    return new MetricError(`${doing}: ${method === "GET" ? "Get" : "Post"} "${url.shown}": ${why}`);
  };
  const following = dispatcher.compose(interceptors.redirect({ maxRedirections: MOST_REDIRECTS }));
  let response: Dispatcher.ResponseData;
  try {
    const sent = { method, body: body ?? null, dispatcher: following, signal: limits };
    response = await request(url.shown, { ...sent, headers: { ...url.headers, ...mutable(headers) } });
  } catch (error) {
    throw failed("request failed", error);
  }
  try {
    const { statusCode: status } = response;
    return { status, statusLine: `${status} ${STATUS_CODES[status] ?? ""}`, body: await textOf(response.body) };
  } catch (error) {
    throw failed("error reading body", error);
  }
}

/** @throws MetricError when it is no URL */
function withUserinfoSent(address: string) {
  if (!URL.canParse(address)) throw new MetricError(`url.Parse failed: ${address} is not a valid URL`);
  const { url, authorization } = withoutUserinfo(new URL(address));
  return { shown: url.href, headers: authorization === undefined ? {} : { Authorization: authorization } };
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > LARGEST_BODY) throw new Error(`the answer is longer than ${LARGEST_BODY} bytes`);
  }
  return Buffer.concat(chunks).toString();
}

function mutable(headers: Readonly<Record<string, string | readonly string[]>>): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === "string" ? value : [...value]]),
  );
}

/** A failed connection carries its reason in `cause` or, tried on several addresses, in `errors`. */
export function causeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return causeOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  return error.message === "" && error.cause !== undefined ? causeOf(error.cause) : error.message;
}

const shared = new Map<boolean, Dispatcher>();

/** How to connect where nothing else is said. Providers are built anew for every question, connections are not. */
export function sharedDispatcher(insecure: boolean): Dispatcher {
  const known = shared.get(insecure) ?? createDispatcher(insecure ? { tls: { rejectUnauthorized: false } } : {});
  shared.set(insecure, known);
  return known;
}

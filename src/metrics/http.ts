/** One HTTP request to a metric server; failures are MetricErrors with Go's words. */
import { STATUS_CODES } from "node:http";
import type { Dispatcher } from "undici";
import { createDispatcher } from "../net/dispatcher.ts";
import type { Headers } from "../net/headers.ts";
import { httpUrl } from "../net/http-url.ts";
import { exchange, type OutboundAnswer, OutboundFailure, type OutboundPorts } from "../net/outbound.ts";
import { causeOf, clean, show } from "../net/show.ts";
import { MetricError } from "./metric-error.ts";

export interface MetricRequest {
  /** GET when absent. */
  readonly method?: "GET" | "POST";
  /** Address and path. Events show it without user, password and query. */
  readonly url: string;
  /** The part after the "?". Events show it, so it must not contain credentials. */
  readonly search?: string;
  /** What events show instead of `url` and `search`, where these hold a value of a Secret. */
  readonly shown?: string;
  readonly headers?: Headers;
  readonly body?: string;
  /** Time limit for the whole answer; 5 s when absent. */
  readonly timeoutMs?: number;
}

export interface MetricResponse {
  readonly status: number;
  /** "403 Forbidden" */
  readonly statusLine: string;
  readonly body: string;
  /** The body as messages show it: one line of at most 1,024 characters. */
  readonly said: string;
}

const TIMEOUT_MS = 5000;
/** A longer answer cannot be a check of one number. */
const LONGEST_BODY = 1024 * 1024;

/** @throws MetricError "request failed: …", "error reading body: …"; the signal's reason when that is aborted */
export async function ask(asked: MetricRequest, ports: OutboundPorts): Promise<MetricResponse> {
  const { method = "GET", search, headers, body, timeoutMs = TIMEOUT_MS } = asked;
  const query = search === undefined ? "" : `?${search}`;
  const url = httpUrl(`${asked.url}${query}`);
  if (url === undefined)
    throw new MetricError(`url.Parse failed: ${show(asked.shown ?? asked.url)} is not a valid URL`);
  const limits = { timeoutMs, longestBody: LONGEST_BODY, whenLonger: "fail", redirects: "own" } as const;
  let answer: OutboundAnswer;
  try {
    answer = await exchange({ url, method, headers, body, ...limits }, ports);
  } catch (error) {
    if (!(error instanceof OutboundFailure)) throw error;
    const why = error.kind === "time" ? `no answer within ${timeoutMs / 1000}s` : causeOf(error.cause ?? error);
    const doing = error.during === "sending" ? "request failed" : "error reading body";
    const where = asked.shown === undefined ? `${show(asked.url)}${query}` : show(asked.shown);
    throw new MetricError(`${doing}: ${method === "GET" ? "Get" : "Post"} "${where}": ${why}`);
  }
  const { status } = answer;
  const statusLine = `${status} ${STATUS_CODES[status] ?? ""}`;
  return { status, statusLine, body: answer.body, said: clean(answer.body) };
}

const shared = new Map<boolean, Dispatcher>();

/** The default connections. Providers are created for every query; connections are kept. */
export function sharedDispatcher(insecure: boolean): Dispatcher {
  const known = shared.get(insecure) ?? createDispatcher(insecure ? { tls: { rejectUnauthorized: false } } : {});
  shared.set(insecure, known);
  return known;
}

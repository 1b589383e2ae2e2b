/** One attempt to reach a webhook: POST, redirects as Go's HTTP client follows them, one time limit over all of it. */
import { type Dispatcher, request } from "undici";
import { withoutUserinfo } from "../net/userinfo.ts";
import { errorText, isCertificateError, withoutPassword } from "./wording.ts";

export interface Attempt {
  readonly url: string;
  readonly body: string;
  readonly dispatcher: Dispatcher | undefined;
  /** 0: no limit. */
  readonly timeoutMs: number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
}

export type AttemptResult =
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly body: string;
      readonly retryAfter: string | undefined;
    }
  /** The answer broke off while its body was read. */
  | { readonly kind: "unreadable"; readonly cause: string }
  | { readonly kind: "failed"; readonly cause: string; readonly mayRetry: boolean };

const MAX_REDIRECTS = 10;
/** The body becomes an event's text; nobody reads more than this. */
const MAX_BODY_BYTES = 64 * 1024;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

class OutOfTime extends Error {}

/** @throws the signal's reason when it is aborted */
export async function attemptPost(attempt: Attempt): Promise<AttemptResult> {
  const limit = new AbortController();
  const done = new AbortController();
  const follow = () => limit.abort(attempt.signal.reason);
  attempt.signal.throwIfAborted();
  attempt.signal.addEventListener("abort", follow, { once: true });
  if (attempt.timeoutMs > 0) {
    attempt.sleep(attempt.timeoutMs, done.signal).then(
      () => limit.abort(new OutOfTime()),
      () => undefined, // Answered in time.
    );
  }
  try {
    return await post(attempt, limit.signal);
  } finally {
    attempt.signal.removeEventListener("abort", follow);
    done.abort();
    attempt.signal.throwIfAborted();
  }
}

async function post(attempt: Attempt, limit: AbortSignal): Promise<AttemptResult> {
  let text = attempt.url;
  /** The last redirect as the server wrote it. */
  let location: string | undefined;
  let method: "POST" | "GET" = "POST";
  for (let hops = 0; ; hops += 1) {
    // Go names the method it began with, whatever redirects made of it.
    const failed = (cause: string, mayRetry: boolean, where = text): AttemptResult => {
      return { kind: "failed", cause: `Post "${withoutPassword(where, "***")}": ${cause}`, mayRetry };
    };
    if (hops >= MAX_REDIRECTS) return failed(`stopped after ${MAX_REDIRECTS} redirects`, false, location);
    const url = httpUrl(text);
    if (typeof url === "string") return failed(url, false);
    try {
      const response = await send(attempt, url, method, limit);
      const to = response.headers.location;
      if (!REDIRECTS.has(response.statusCode) || typeof to !== "string") return await answerOf(response, limit);
      response.body.on("error", () => undefined).destroy();
      if (response.statusCode < 307) method = "GET";
      location = to;
      text = new URL(to, url).href;
    } catch (error) {
      if (limit.reason instanceof OutOfTime) {
        return failed("context deadline exceeded (Client.Timeout exceeded while awaiting headers)", true);
      }
      return failed(errorText(error, url), !isCertificateError(error));
    }
  }
}

/** @returns the URL, or why it cannot be one */
function httpUrl(text: string): URL | string {
  const [, scheme = ""] = /^([a-z][a-z0-9+.-]*):/i.exec(text) ?? [];
  const isHttp = /^https?$/i.test(scheme);
  if (!isHttp) return `unsupported protocol scheme "${scheme.toLowerCase()}"`;
  return URL.canParse(text) ? new URL(text) : "invalid URL";
}

function send(
  attempt: Attempt,
  url: URL,
  method: "POST" | "GET",
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  const { authorization } = withoutUserinfo(url);
  const headers = {
    "user-agent": "aviary",
    ...(method === "POST" ? { "content-type": "application/json" } : {}),
    ...(authorization === undefined ? {} : { authorization }),
  };
  return request(url, {
    method,
    headers,
    body: method === "POST" ? attempt.body : null,
    signal,
    ...(attempt.dispatcher === undefined ? {} : { dispatcher: attempt.dispatcher }),
  });
}

async function answerOf(response: Dispatcher.ResponseData, limit: AbortSignal): Promise<AttemptResult> {
  const { "retry-after": retryAfter } = response.headers;
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= MAX_BODY_BYTES) break;
    }
  } catch (error) {
    if (limit.reason instanceof OutOfTime) {
      const cause = "context deadline exceeded (Client.Timeout or context cancellation while reading body)";
      return { kind: "unreadable", cause };
    }
    const cause = errorText(error, undefined);
    return { kind: "unreadable", cause: cause === "EOF" ? "unexpected EOF" : cause };
  }
  const body = Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES).toString("utf8");
  return {
    kind: "answered",
    status: response.statusCode,
    body,
    retryAfter: typeof retryAfter === "string" ? retryAfter : undefined,
  };
}

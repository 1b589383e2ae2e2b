/** One attempt to reach a webhook: POST, redirects as Go's HTTP client follows them, one time limit over all of it. */
import { httpUrl } from "../net/http-url.ts";
import { exchange, OutboundFailure, type OutboundPorts } from "../net/outbound.ts";
import { clean, show } from "../net/show.ts";
import { SIGNATURE_HEADER, signatureOf } from "../net/signature.ts";
import { errorText, isCertificateError } from "./wording.ts";

export interface Attempt {
  readonly url: string;
  readonly body: string;
  /** For the whole attempt. */
  readonly timeoutMs: number;
  readonly ports: OutboundPorts;
  /** Signs the request; undefined: no signature. */
  readonly key?: string | undefined;
}

export type AttemptResult =
  | {
      readonly kind: "answered";
      readonly status: number;
      /** As events show it: one line of at most 1,024 characters. */
      readonly body: string;
      readonly retryAfter: string | undefined;
    }
  /** The answer broke off while its body was read. */
  | { readonly kind: "unreadable"; readonly cause: string }
  | { readonly kind: "failed"; readonly cause: string; readonly mayRetry: boolean };

/** Four times the shown length: a character has up to four bytes. */
const LONGEST_BODY = 4096;
const ELSEWHERE = "(the answer of another server, to which the webhook redirects, is not shown)";

/** @throws the signal's reason when it is aborted */
export async function attemptPost({ url: text, body, timeoutMs, ports, key }: Attempt): Promise<AttemptResult> {
  const url = httpUrl(text);
  if (url === undefined) return failed(text, whyNoUrl(text), false);
  const signed = { host: url.host, path: `${url.pathname}${url.search}`, body };
  const signature = key === undefined ? {} : { [SIGNATURE_HEADER]: signatureOf(key, signed, ports.clock.now()) };
  const headers = { "content-type": "application/json", ...signature };
  const limits = { timeoutMs, longestBody: LONGEST_BODY, whenLonger: "cut", redirects: "any" } as const;
  try {
    const answer = await exchange({ url, method: "POST", headers, body, ...limits }, ports);
    const { "retry-after": retryAfter } = answer.headers;
    const said = answer.foreign && answer.body !== "" ? ELSEWHERE : clean(answer.body);
    const asked = typeof retryAfter === "string" ? { retryAfter } : { retryAfter: undefined };
    return { kind: "answered", status: answer.status, body: said, ...asked };
  } catch (error) {
    if (!(error instanceof OutboundFailure)) throw error;
    return error.during === "reading" ? unreadable(error) : unsent(error, text, url);
  }
}

// Go names the method of the first request, also after redirects that changed it.
function failed(where: string, cause: string, mayRetry: boolean): AttemptResult {
  return { kind: "failed", cause: `Post "${show(where)}": ${cause}`, mayRetry };
}

function unsent(error: OutboundFailure, text: string, url: URL): AttemptResult {
  const where = error.address === url.href ? text : error.address;
  switch (error.kind) {
    case "time":
      return failed(where, "context deadline exceeded (Client.Timeout exceeded while awaiting headers)", true);
    case "redirect":
    case "refused":
      return failed(where, error.message, false);
    default: {
      const at = URL.canParse(error.address) ? new URL(error.address) : url;
      return failed(where, clean(errorText(error.cause, at)), !isCertificateError(error.cause));
    }
  }
}

function unreadable(error: OutboundFailure): AttemptResult {
  if (error.kind === "time") {
    const cause = "context deadline exceeded (Client.Timeout or context cancellation while reading body)";
    return { kind: "unreadable", cause };
  }
  const cause = clean(errorText(error.cause, undefined));
  return { kind: "unreadable", cause: cause === "EOF" ? "unexpected EOF" : cause };
}

function whyNoUrl(text: string): string {
  const [, scheme = ""] = /^([a-z][a-z0-9+.-]*):/i.exec(text) ?? [];
  return /^https?$/i.test(scheme) ? "invalid URL" : `unsupported protocol scheme "${scheme.toLowerCase()}"`;
}

/**
 * The one way out for HTTP: metric servers, webhooks and alert providers are called here. Time comes from the clock,
 * bodies are bounded, redirects follow one rule, and only harmless headers go to an origin that the caller did not
 * name.
 */
import { type Dispatcher, request } from "undici";
import { type Deadline, deadline, TimeIsUp } from "../async/deadline.ts";
import { errorText } from "../error-text.ts";
import type { Clock } from "../ports/clock.ts";
import { EgressRefused } from "./egress.ts";
import { HARMLESS, type Headers, harmless, mutable } from "./headers.ts";
import { withoutSent } from "./sent-secrets.ts";
import { withoutUserinfo } from "./userinfo.ts";

const MOST_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export interface Outgoing {
  /** User and password in it are sent as Basic authorization, unless `headers` contain an authorization. */
  readonly url: URL;
  readonly method: "GET" | "POST";
  readonly headers?: Headers | undefined;
  readonly body?: string | undefined;
  /** The time limit for everything: connections, redirects, the body. */
  readonly timeoutMs: number;
  /** Bytes. A longer body is cut, or fails when `whenLonger` says so. */
  readonly longestBody: number;
  readonly whenLonger: "cut" | "fail";
  /** "own": within the origin, or from http to https of the same host. "any": as Go's HTTP client does. */
  readonly redirects: "own" | "any";
}

export interface OutboundPorts {
  readonly clock: Clock;
  readonly dispatcher: Dispatcher | undefined;
  readonly signal: AbortSignal;
}

export interface OutboundAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
  /** Whether a redirect led to another origin. The author of the address must not see such a body. */
  readonly foreign: boolean;
}

export class OutboundFailure extends Error {
  override readonly name = "OutboundFailure";
  constructor(
    /** The action that failed. */
    readonly during: "sending" | "reading",
    readonly kind: "time" | "refused" | "too-long" | "redirect" | "network",
    /** The last requested address, as it was written. */
    readonly address: string,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

/** @throws OutboundFailure; the signal's reason when it is aborted */
export async function exchange(outgoing: Outgoing, ports: OutboundPorts): Promise<OutboundAnswer> {
  ports.signal.throwIfAborted();
  const limit = deadline(ports.clock, outgoing.timeoutMs, ports.signal);
  try {
    return await follow(outgoing, ports.dispatcher, limit);
  } catch (error) {
    ports.signal.throwIfAborted();
    throw error;
  } finally {
    limit.clear();
  }
}

interface Hop {
  readonly url: URL;
  readonly method: "GET" | "POST";
  readonly body: string | null;
  readonly headers: Headers;
}

async function follow(outgoing: Outgoing, dispatcher: Dispatcher | undefined, limit: Deadline) {
  const { headers = {}, body = null } = outgoing;
  let hop: Hop = { url: outgoing.url, method: outgoing.method, body, headers };
  let foreign = false;
  for (let hops = 1; ; hops += 1) {
    const response = await send(hop, dispatcher, limit);
    const { location } = response.headers;
    if (!REDIRECTS.has(response.statusCode) || typeof location !== "string") {
      const text = await textOf(response, outgoing, hop, limit);
      const said = withoutSent(text, outgoing.url, headers, HARMLESS);
      return { status: response.statusCode, headers: response.headers, body: said, foreign };
    }
    response.body.on("error", () => undefined).destroy();
    if (hops >= MOST_REDIRECTS) {
      throw new OutboundFailure("sending", "redirect", location, `stopped after ${MOST_REDIRECTS} redirects`);
    }
    const next = nextUrl(location, hop.url);
    if (outgoing.redirects === "own" && !isOwn(hop.url, next)) {
      const why = `it redirects to another origin, ${next.origin}, which is not followed: write the address that answers`;
      throw new OutboundFailure("sending", "redirect", hop.url.href, why);
    }
    foreign ||= next.origin !== outgoing.url.origin;
    hop = nextHop(hop, next, response.statusCode);
  }
}

/** @throws OutboundFailure when it is no http(s) URL */
function nextUrl(location: string, from: URL): URL {
  const [, scheme = ""] = /^([a-z][a-z0-9+.-]*):/i.exec(location) ?? [];
  const wrong = (why: string) => new OutboundFailure("sending", "redirect", location, why);
  if (scheme !== "" && !/^https?$/i.test(scheme)) throw wrong(`unsupported protocol scheme "${scheme.toLowerCase()}"`);
  if (!URL.canParse(location, from.href)) throw wrong("invalid URL");
  return new URL(location, from.href);
}

function isOwn(from: URL, to: URL): boolean {
  if (from.origin === to.origin) return true;
  return from.protocol === "http:" && to.protocol === "https:" && from.hostname === to.hostname;
}

/** As Go's client: after 301 to 303 the method is GET, after 307 and 308 it is unchanged. */
function nextHop(hop: Hop, url: URL, status: number): Hop {
  const headers = isOwn(hop.url, url) ? hop.headers : harmless(hop.headers);
  if (status >= 307) return { ...hop, url, headers };
  const { "content-type": _dropped, ...rest } = headers;
  return { url, method: "GET", body: null, headers: rest };
}

async function send(hop: Hop, dispatcher: Dispatcher | undefined, limit: Deadline): Promise<Dispatcher.ResponseData> {
  const { url, authorization } = withoutUserinfo(hop.url);
  const given = Object.keys(hop.headers).some((name) => name.toLowerCase() === "authorization");
  const own: Headers = authorization === undefined || given ? {} : { authorization };
  const headers = { "user-agent": "aviary", ...mutable(own), ...mutable(hop.headers) };
  try {
    const { method, body } = hop;
    return await request(url, { method, headers, body, signal: limit.signal, ...(dispatcher && { dispatcher }) });
  } catch (error) {
    throw failureOf("sending", error, hop.url, limit);
  }
}

/** At most `most` bytes of a body as text. @throws Error when it is longer, or ends early */
export async function textWithin(body: AsyncIterable<Buffer>, most: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > most) throw new Error(`the answer is longer than ${most} bytes`);
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function textOf(
  response: Dispatcher.ResponseData,
  { longestBody, whenLonger }: Outgoing,
  { url }: Hop,
  limit: Deadline,
): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > longestBody) break;
    }
  } catch (error) {
    throw failureOf("reading", error, url, limit);
  }
  if (size > longestBody && whenLonger === "fail") {
    throw new OutboundFailure("reading", "too-long", url.href, `the answer is longer than ${longestBody} bytes`);
  }
  return Buffer.concat(chunks).subarray(0, longestBody).toString("utf8");
}

function failureOf(during: "sending" | "reading", error: unknown, url: URL, limit: Deadline): OutboundFailure {
  const kind =
    limit.signal.reason instanceof TimeIsUp ? "time" : error instanceof EgressRefused ? "refused" : "network";
  const message = errorText(error);
  return new OutboundFailure(during, kind, url.href, message, error);
}

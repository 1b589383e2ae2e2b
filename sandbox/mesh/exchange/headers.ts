/** What a proxy changes in the headers on their way. Headers are Node's raw lists: name, value, name, value. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { editHeaders, type HeaderEdits, removeHeaders } from "../routes/header-edits.ts";

/** They belong to one connection, not to the request. The proxy reads the body, so it answers Expect. */
const REQUEST_HOPS = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "expect",
  "host",
  "http2-settings",
]);
const RESPONSE_HOPS = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);

/**
 * Headers for the next hop, without Host.
 * @param meshed adds what sidecars add @param forwarded adds X-Forwarded-For, too, as the ingress gateway does
 */
export function requestHeaders(request: IncomingMessage, meshed: boolean, forwarded: boolean): string[] {
  const { rawHeaders } = request;
  const headers: string[] = [];
  const hops = hopsOf(rawHeaders, REQUEST_HOPS);
  let identified = false;
  let proto = false;
  let forwardedFor = "";
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    const lower = name.toLowerCase();
    const value = rawHeaders[i + 1] ?? "";
    if (hops.has(lower)) continue;
    if (forwarded && lower === "x-forwarded-for") {
      forwardedFor = forwardedFor === "" ? value : `${forwardedFor},${value}`;
      continue;
    }
    if (lower === "x-request-id") identified = true;
    else if (lower === "x-forwarded-proto") proto = true;
    headers.push(name, value);
  }
  if (!meshed) return headers;
  if (!identified) headers.push("x-request-id", randomUUID());
  if (!proto) headers.push("x-forwarded-proto", "http");
  if (forwarded) {
    const address = request.socket.remoteAddress ?? "";
    headers.push("x-forwarded-for", forwardedFor === "" ? address : `${forwardedFor},${address}`);
  }
  return headers;
}

/** Headers for the caller. */
export function responseHeaders(rawHeaders: readonly string[]): string[] {
  const headers: string[] = [];
  const hops = hopsOf(rawHeaders, RESPONSE_HOPS);
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (!hops.has(name.toLowerCase())) headers.push(name, rawHeaders[i + 1] ?? "");
  }
  return headers;
}

/** The fixed ones and those that the Connection header names. */
function hopsOf(rawHeaders: readonly string[], fixed: ReadonlySet<string>): ReadonlySet<string> {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (name.length !== 10 || name.toLowerCase() !== "connection") continue;
    const value = (rawHeaders[i + 1] ?? "").toLowerCase();
    if (value === "keep-alive" || value === "close") continue;
    return new Set([...fixed, ...value.split(",").map((word) => word.trim())]);
  }
  return fixed;
}

/** Those of the rule, then those of the destination. */
export function editTwice(headers: string[], a: HeaderEdits | undefined, b: HeaderEdits | undefined): void {
  editHeaders(headers, a);
  editHeaders(headers, b);
}

/** Sets one header, replacing what is there. @param name in lower case */
export function setHeader(headers: string[], name: string, value: string): void {
  removeHeaders(headers, new Set([name]));
  headers.push(name, value);
}

/** The first value of a header, by lower case name. */
export function headerOf(headers: readonly string[], name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if ((headers[i] ?? "").toLowerCase() === name) return headers[i + 1];
  }
  return undefined;
}

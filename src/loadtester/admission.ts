/**
 * Who may call the load tester. It runs commands and opens gates, so it refuses every request that a web page could
 * make. With a token it accepts only requests that prove who sends them:
 *
 *   Authorization: Bearer TOKEN          people and scripts
 *   http://:TOKEN@flagger-loadtester/    a webhook of any operator (sent as Basic)
 *   X-Aviary-Signature                   a webhook of an operator with -webhook-key-file; its Canary needs no token
 */
import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import { isSame, isSignedBy, SIGNATURE_HEADER } from "../net/signature.ts";
import type { Reply } from "./doors.ts";

export interface Asked {
  readonly headers: IncomingHttpHeaders;
  readonly path: string;
  readonly body: string;
}

/** A content type that a browser cannot send to another site without a preflight, and the one that `curl -d` sends. */
const TYPES = /^application\/(?:json|x-www-form-urlencoded)\s*(?:;|$)/i;

/** @param token "" for none @returns the refusal; undefined when the request may go on */
export function refusalOf({ headers, path, body }: Asked, token: string, now: number): Reply | undefined {
  if (headers.origin !== undefined || isFromPage(headers)) {
    return { status: 403, body: "requests of web pages are refused" };
  }
  const type = headers["content-type"];
  if (type !== undefined && !TYPES.test(type)) {
    return { status: 415, body: `Content-Type ${JSON.stringify(type)} is refused: send application/json` };
  }
  const host = headers.host ?? "";
  if (token === "") {
    if (isServiceName(host)) return undefined;
    return { status: 403, body: "the Host is neither an address nor the name of a Service: use one, or a token" };
  }
  const signature = headers[SIGNATURE_HEADER];
  if (typeof signature === "string" && isSignedBy(token, signature, { host, path, body }, now)) return undefined;
  if (proofsIn(headers.authorization ?? "").some((proof) => isSame(proof, token))) return undefined;
  return {
    status: 401,
    body: "a token is needed: Authorization: Bearer TOKEN, or http://:TOKEN@HOST as the webhook's url",
  };
}

/** Browsers say where a request comes from; "none" is a person who types an address. */
function isFromPage(headers: IncomingHttpHeaders): boolean {
  const site = headers["sec-fetch-site"];
  return site !== undefined && site !== "none";
}

/**
 * An address, or SERVICE[.NAMESPACE[.svc[.cluster.local]]]: except those of two labels, no page's owner can register
 * such a name.
 */
function isServiceName(host: string): boolean {
  const name = host.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  return isIP(name) !== 0 || /^[a-z0-9-]+(?:\.[a-z0-9-]+(?:\.svc(?:\.[a-z0-9.-]+)?)?)?\.?$/i.test(name);
}

function proofsIn(authorization: string): string[] {
  const [, scheme = "", value = ""] = /^(\S+)\s+(\S+)$/.exec(authorization) ?? [];
  if (/^bearer$/i.test(scheme)) return [value];
  if (!/^basic$/i.test(scheme)) return [];
  const text = Buffer.from(value, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? [] : [text.slice(0, colon), text.slice(colon + 1)].filter((part) => part !== "");
}

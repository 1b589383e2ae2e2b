/** The texts of session affinity: which cookie a response sets, and how a request that carries it is recognised. */

import { intervalOrDefault } from "../core/spec/interval.ts";
import type { SessionAffinity } from "../core/spec/spec.ts";
import type { Canary } from "../core/status/canary.ts";

/** `Set-Cookie` of the canary, attributes in the order of the contract and only those that are set. */
export function cookieText(cookie: string, affinity: SessionAffinity): string {
  const parts = [
    cookie,
    `Max-Age=${affinity.maxAge}`,
    affinity.domain === undefined ? undefined : `Domain=${affinity.domain}`,
    affinity.httpOnly ? "HttpOnly" : undefined,
    affinity.partitioned ? "Partitioned" : undefined,
    affinity.path === undefined ? undefined : `Path=${affinity.path}`,
    affinity.sameSite === undefined ? undefined : `SameSite=${affinity.sameSite}`,
    affinity.secure ? "Secure" : undefined,
  ];
  return parts.filter((part) => part !== undefined).join("; ");
}

/** `Set-Cookie` of the primary. It lives as long as the interval that the user wrote, not the bounded one. */
export function primaryCookieText({ spec, status }: Canary): string {
  const seconds = Math.floor(intervalOrDefault(spec.analysis.interval) / 1000);
  return `${status.cookies.primary}; Max-Age=${seconds}`;
}

/** `Set-Cookie` that makes a browser forget the cookie of the last run. */
export function expiredCookieText(previous: string, { cookieName }: SessionAffinity): string {
  return `${previous === "" ? `${cookieName}=` : previous}; Max-Age=-1`;
}

/** Matches the `Cookie` header of a browser that carries the cookie. @param cookie "name=value" */
export function cookieRegex(cookie: string): string {
  const at = cookie.indexOf("=");
  return `.*${cookie.slice(0, at)}.*${cookie.slice(at + 1)}.*`;
}

/**
 * How a receiver verifies that the operator sent a webhook: a header with a time and a code that only a holder of the
 * key can make.
 *
 *   X-Aviary-Signature: t=1700000000000,v1=<HMAC-SHA256 of time, host, path and body, in hexadecimal>
 *
 * The key itself is never sent, so the receiver of a webhook cannot sign others. The host is signed, so that a request
 * to one receiver cannot open the gate of another.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

export const SIGNATURE_HEADER = "x-aviary-signature";

export interface Signed {
  /** As in the Host header. */
  readonly host: string;
  /** With the query. */
  readonly path: string;
  readonly body: string;
}

/** How far the clocks of sender and receiver may differ, either way. */
const WINDOW_MS = 300_000;

/** The header's value. @param now milliseconds since the epoch */
export function signatureOf(key: string, signed: Signed, now: number): string {
  const time = String(Math.trunc(now));
  return `t=${time},v1=${code(key, time, signed)}`;
}

export function isSignedBy(key: string, header: string, signed: Signed, now: number): boolean {
  const [, time, given] = /^t=(\d{1,15}),v1=([0-9a-f]{64})$/.exec(header) ?? [];
  if (time === undefined || given === undefined || Math.abs(now - Number(time)) > WINDOW_MS) return false;
  return isSame(given, code(key, time, signed));
}

/** Takes the same time for any two texts, so that the time reveals nothing. */
export function isSame(given: string, known: string): boolean {
  const digest = (text: string) => createHmac("sha256", "compare").update(text).digest();
  return timingSafeEqual(digest(given), digest(known));
}

function code(key: string, time: string, { host, path, body }: Signed): string {
  return createHmac("sha256", key).update([time, host.toLowerCase(), path, body].join("\n")).digest("hex");
}

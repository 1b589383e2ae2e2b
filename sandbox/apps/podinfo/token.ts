/** podinfo's JSON web tokens: HS256, valid for one minute. */
import { createHmac, timingSafeEqual } from "node:crypto";

const LIFETIME_S = 60;

export interface IssuedToken {
  readonly token: string;
  /** RFC 3339 */
  readonly expires_at: string;
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** @param user the posted text */
export function issueToken(user: string, secret: string, nowMs: number): IssuedToken {
  const exp = Math.floor(nowMs / 1000) + LIFETIME_S;
  const content = `${encode({ alg: "HS256", typ: "JWT" })}.${encode({ name: user, iss: "podinfo", exp })}`;
  return { token: `${content}.${signature(content, secret)}`, expires_at: new Date(exp * 1000).toISOString() };
}

/** Who the token was issued to; or why it is not accepted. */
export function validateToken(
  token: string,
  secret: string,
  nowMs: number,
):
  | { readonly kind: "valid"; readonly name: string; readonly expiresAt: string }
  | { readonly kind: "refused"; readonly why: string } {
  const [head = "", body = "", signed = ""] = token.split(".");
  const expected = Buffer.from(signature(`${head}.${body}`, secret));
  const actual = Buffer.from(signed);
  if (expected.length !== actual.length || !timingSafeEqual(expected, actual)) {
    return { kind: "refused", why: "signature is invalid" };
  }
  const { name, exp } = JSON.parse(Buffer.from(body, "base64url").toString("utf8"));
  if (exp * 1000 <= nowMs) return { kind: "refused", why: "token is expired" };
  return { kind: "valid", name, expiresAt: new Date(exp * 1000).toISOString() };
}

function signature(content: string, secret: string): string {
  return createHmac("sha256", secret).update(content).digest("base64url");
}

/** Takes out of an answer what was sent as a proof: a server that repeats it would put it into events and logs. */
import type { Headers } from "./headers.ts";
import { withoutUserinfo } from "./userinfo.ts";

/** Shorter ones are words, and would be found by chance. */
const SHORTEST = 6;

export function withoutSent(text: string, url: URL, headers: Headers, harmless: ReadonlySet<string>): string {
  const { authorization } = withoutUserinfo(url);
  const values = Object.entries(headers).flatMap(([name, value]) => (harmless.has(name.toLowerCase()) ? [] : value));
  const proofs = [...values, ...(authorization === undefined ? [] : [authorization])].flatMap(partsOf);
  const secrets = proofs.filter((secret) => secret.length >= SHORTEST).sort((a, b) => b.length - a.length);
  return secrets.reduce((left, secret) => left.replaceAll(secret, "…"), text);
}

/**
 * The names of schemes are tokens of HTTP, as in "Api-Token abc". "Basic dTpw" also holds "dTpw", "u:p", "u" and "p".
 */
function partsOf(value: string): readonly string[] {
  const [, scheme = "", proof = ""] = /^([!#$%&'*+.^`|~\w-]+) +(.+)$/.exec(value) ?? [];
  if (proof === "") return [value];
  if (scheme.toLowerCase() !== "basic") return [value, proof];
  const pair = Buffer.from(proof, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  return [value, proof, pair, pair.slice(0, colon), pair.slice(colon + 1)];
}

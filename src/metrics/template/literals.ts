/** Constants as Go writes them: strings with escapes, numbers in any base. */
import { unescapeGo } from "../../go/escapes.ts";
import type { Token } from "./lexer.ts";
import { TemplateFault } from "./lexer.ts";
import type { Value } from "./tree.ts";

/** The text of a quoted or raw string token. @throws TemplateFault on an unknown escape */
export function unquote(token: Token): string {
  const inner = token.text.slice(1, -1);
  return token.kind === "raw" ? inner.replaceAll("\r", "") : unescaped(inner, token, '"');
}

function unescaped(text: string, token: Token, quote: string): string {
  const plain = unescapeGo(text, quote);
  if (plain === undefined) throw new TemplateFault("invalid syntax", token.at);
  return plain;
}

/** An int when it is written as one, else a float. @throws TemplateFault */
export function numberOf(token: Token): Value {
  const bad = () => new TemplateFault(`bad number syntax: "${token.text}"`, token.at);
  const sign = token.text.startsWith("-") ? -1n : 1n;
  const digits = token.text.replace(/^[-+]/, "");
  if (digits.includes("_") && !/^(?:0[xXbBoO]?_?)?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*$/.test(digits)) throw bad();
  const plain = digits.replaceAll("_", "");
  if (/^(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|[1-9]\d*|0)$/.test(plain)) return int(sign * BigInt(plain), token);
  if (/^0[0-7]+$/.test(plain)) return int(sign * BigInt(`0o${plain.slice(1)}`), token);
  if (!/^(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(plain) || /^0\d+$/.test(plain)) throw bad();
  return Number(sign) * Number(plain);
}

function int(value: bigint, token: Token): bigint {
  if (BigInt.asIntN(64, value) !== value) throw new TemplateFault(`integer overflow: "${token.text}"`, token.at);
  return value;
}

/** A character constant is an int, its code point. @throws TemplateFault */
export function charOf(token: Token): bigint {
  const [char, ...more] = unescaped(token.text.slice(1, -1), token, "'");
  if (char === undefined || more.length > 0)
    throw new TemplateFault(`malformed character constant: ${token.text}`, token.at);
  return BigInt(char.codePointAt(0) ?? 0);
}

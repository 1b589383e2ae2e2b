/** Numbers and strings as PromQL writes them. */
import { QueryError } from "./errors.ts";

/** Without sign. @throws QueryError */
export function numberLiteral(text: string): number {
  if (/^0x[0-9a-f]+$/i.test(text) || /^(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(text)) {
    // A leading zero makes an integer octal, as in Go.
    return /^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number(text);
  }
  if (/^inf$/i.test(text)) return Number.POSITIVE_INFINITY;
  if (/^nan$/i.test(text)) return Number.NaN;
  throw new QueryError(`parse error: bad number or duration syntax: "${text}"`);
}

const SIMPLE: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
};
const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/gsu;

/** With its quotes: "…", '…' or `…`. @throws QueryError */
export function stringLiteral(text: string): string {
  const quote = text.charAt(0);
  const inner = text.slice(1, -1);
  if (text.length < 2 || !text.endsWith(quote)) throw new QueryError("parse error: unterminated quoted string");
  if (quote === "`") return inner;
  return inner.replace(ESCAPE, (_, x?: string, u?: string, U?: string, octal?: string, char?: string) => {
    const hex = x ?? u ?? U;
    const code = hex === undefined ? Number.parseInt(octal ?? "", 8) : Number.parseInt(hex, 16);
    if (char === undefined && code <= 0x10ffff) return String.fromCodePoint(code);
    const known = char === quote ? quote : SIMPLE[char ?? ""];
    if (known === undefined) throw new QueryError(`parse error: unknown escape sequence in ${text}`);
    return known;
  });
}

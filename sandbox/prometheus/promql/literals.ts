/** Numbers and strings as PromQL writes them. */
import { unescapeGo } from "../../../src/go/escapes.ts";
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

/** With its quotes: "…", '…' or `…`. @throws QueryError */
export function stringLiteral(text: string): string {
  const quote = text.charAt(0);
  const inner = text.slice(1, -1);
  if (text.length < 2 || !text.endsWith(quote)) throw new QueryError("parse error: unterminated quoted string");
  if (quote === "`") return inner;
  const plain = unescapeGo(inner, quote);
  if (plain === undefined) throw new QueryError(`parse error: unknown escape sequence in ${text}`);
  return plain;
}

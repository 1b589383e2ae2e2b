/** Escapes in strings, as Go and PromQL write them: "\\n", "\\x41", "\\u00e9", "\\101". */

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
const LAST_CODE = 0x10ffff;

/**
 * @param text between the quotes
 * @param quote may be escaped, other quotes may not
 * @returns undefined when an escape is not known
 */
export function unescapeGo(text: string, quote: string): string | undefined {
  let isKnown = true;
  const plain = text.replace(ESCAPE, (_, x?: string, u?: string, U?: string, octal?: string, char?: string) => {
    const hex = x ?? u ?? U;
    const code = hex === undefined ? Number.parseInt(octal ?? "", 8) : Number.parseInt(hex, 16);
    if (char === undefined && code <= LAST_CODE) return String.fromCodePoint(code);
    const found = char === quote ? quote : SIMPLE[char ?? ""];
    isKnown &&= found !== undefined;
    return found ?? "";
  });
  return isKnown ? plain : undefined;
}

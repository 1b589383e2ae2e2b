/**
 * RE2's syntax, as Envoy understands it, on JavaScript's engine. Envoy matches the whole value, and refuses look-around
 * and back references, which RE2 does not have: a rule that works here must also work there.
 */

/** Either a regular expression that matches whole values, or why RE2 would refuse the text. */
export type Re2 =
  | { readonly kind: "regex"; readonly regex: RegExp }
  | { readonly kind: "problem"; readonly text: string };

const POSIX: Readonly<Record<string, string>> = {
  alpha: "A-Za-z",
  digit: "0-9",
  alnum: "0-9A-Za-z",
  upper: "A-Z",
  lower: "a-z",
  space: "\\s",
  punct: "!-\\/:-@\\[-`{-~",
  word: "\\w",
  xdigit: "0-9A-Fa-f",
};

/** @param ignoreCase as if the text began with (?i) */
export function re2(text: string, ignoreCase = false): Re2 {
  const inline = /^\(\?([ims]+)\)/.exec(text);
  const flags = new Set([...(inline?.[1] ?? ""), ...(ignoreCase ? ["i"] : [])]);
  const body = text.slice(inline?.[0].length ?? 0);
  if (/(?<!\\)\(\?(?:[=!]|<[=!])/.test(body)) return refused(text, "look-around is not supported");
  if (/(?<!\\)(?:\\\\)*\\[1-9]/.test(body)) return refused(text, "back references are not supported");
  const translated = body
    .replace(/\[:(\w+):\]/g, (whole, name: string) => POSIX[name] ?? whole)
    .replace(/\(\?P</g, "(?<")
    .replace(/\\A/g, "^")
    .replace(/\\z/g, "$");
  try {
    return { kind: "regex", regex: new RegExp(`^(?:${translated})$`, [...flags].join("")) };
  } catch (error) {
    return refused(text, error instanceof Error ? error.message : String(error));
  }
}

function refused(text: string, why: string): Re2 {
  return { kind: "problem", text: `regex "${text}": ${why} (Envoy's regular expressions are RE2)` };
}

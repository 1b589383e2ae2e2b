/** Regular expressions as Go (RE2) reads them, in JavaScript's engine. What would mean something else is refused. */
import { QueryError } from "./errors.ts";

const CLASSES: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  digit: "0-9",
  lower: "a-z",
  space: "\\t\\n\\v\\f\\r ",
  upper: "A-Z",
  word: "0-9A-Za-z_",
  xdigit: "0-9A-Fa-f",
};

const cache = new Map<string, RegExp>();
const CACHE_SIZE = 500;

/** A pattern that must match the whole text. @throws QueryError */
export function wholeMatch(pattern: string): RegExp {
  const known = cache.get(pattern);
  if (known !== undefined) return known;
  const made = compile(pattern);
  if (cache.size >= CACHE_SIZE) cache.clear();
  cache.set(pattern, made);
  return made;
}

function compile(pattern: string): RegExp {
  const refuse = (why: string) => new QueryError(`error parsing regexp: ${why}: \`${pattern}\``);
  const flags = /^\(\?([is]+)\)/.exec(pattern);
  const body = pattern.slice(flags?.[0].length ?? 0);
  if (/(?<!\\)(?:\\\\)*\(\?(?:[=!]|<[=!])/.test(body)) throw refuse("invalid or unsupported Perl syntax");
  if (/(?<!\\)(?:\\\\)*\\[1-9]/.test(body)) throw refuse("invalid escape sequence");
  if (/(?<!\\)(?:\\\\)*\(\?[-a-zA-Z]*[-imsU]/.test(body.replaceAll("(?P<", "")))
    throw refuse("flags within are not supported here");
  const translated = body
    .replaceAll("(?P<", "(?<")
    .replace(/\[:(\w+):\]/g, (whole, name: string) => CLASSES[name] ?? whole)
    .replace(/\\A/g, "^")
    .replace(/\\z/g, "$")
    // RE2 lets any punctuation be escaped, JavaScript's unicode mode only some.
    .replace(/\\([^\w\s])/gu, (whole, char: string) => (/[\^$\\.*+?()[\]{}|/-]/.test(char) ? whole : char));
  try {
    return new RegExp(`^(?:${translated})$`, `u${flags?.[1] ?? ""}`);
  } catch {
    // Outside unicode mode a lone "-", "{" or "]" is a character of its own, as it is for RE2.
    try {
      return new RegExp(`^(?:${translated})$`, flags?.[1] ?? "");
    } catch (error) {
      throw refuse(error instanceof Error ? error.message.replace(/^.*: /s, "") : String(error));
    }
  }
}

/**
 * The parts of an address and of a foreign text that may appear in logs, events and terminals. Every text that does not
 * come from Aviary's own code passes one of these two functions.
 */

/** Longest foreign text in a message, in characters. */
export const LONGEST_FOREIGN = 1024;

/**
 * An address without the parts that may be secret: user, password, query and fragment. Without such parts it is
 * unchanged.
 */
export function show(address: string | URL): string {
  const text = String(address);
  if (PLAIN.test(text)) return text;
  if (/^https?:\/\/\S*$/i.test(text) && URL.canParse(text)) {
    const { origin, pathname, search } = new URL(text);
    // An unescaped slash in a password makes part of the password look like a path.
    const path = pathname.includes("@") ? "/…" : pathname;
    return clean(`${origin}${path}${search === "" ? "" : "?…"}`);
  }
  // Not a valid address: only the part that cannot be a secret is shown.
  const [head = ""] = text.split(/[?#]/);
  return clean(`${head.includes("@") ? `…${head.slice(head.lastIndexOf("@"))}` : head}${head === text ? "" : "…"}`);
}

/** For an address that is a secret as a whole, like those of chat services: its host. */
export function showHost(address: string): string {
  const [, head = "", rest = ""] = /^((?:[a-z]+:\/\/)?[^/]*)(.*)$/is.exec(show(address)) ?? [];
  return rest.length > 1 ? `${head}/…` : head;
}

const PLAIN = /^https?:\/\/[A-Za-z0-9.[\]:_-]+(?:\/[^\s?#@\\\p{C}]*)?$/iu;

/**
 * One line without control characters, of at most `longest` characters. White space becomes a space. Control
 * characters, and characters that change the direction of writing, become escapes.
 */
export function clean(text: string, longest = LONGEST_FOREIGN): string {
  const cut = text.length > longest ? text.slice(0, longest) : text;
  const line = cut
    .replace(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, " ")
    .replace(UNSAFE, escaped)
    .slice(0, longest);
  return cut === text ? line : `${line.replace(/[\ud800-\udbff]$/, "")}… (${text.length} characters in all)`;
}

/** Control and format characters, and unpaired surrogates. */
const UNSAFE = /\p{Cc}|\p{Cf}|\p{Cs}/gu;

function escaped(char: string): string {
  // The joiners of emoji and of Indic and Persian writing stay.
  if (char === "\u200c" || char === "\u200d") return char;
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code < 0x1_0000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\u{${code.toString(16)}}`;
}

/** A text of any length and with its lines, for a terminal: what a terminal would obey becomes an escape. */
export function visible(text: string): string {
  return text.replace(OBEYED, escaped);
}

/** As UNSAFE, without the line feed and the tab. */
const OBEYED = /[^\P{Cc}\n\t]|\p{Cf}|\p{Cs}/gu;

/**
 * Why an attempt failed, in one line. A failed connection has its reason in `cause` or, after several addresses, in
 * `errors`.
 */
export function causeOf(error: unknown): string {
  return clean(causeText(error));
}

function causeText(error: unknown): string {
  const first = firstCause(error);
  if (!(first instanceof Error)) return String(first);
  if (first.message !== "") return first.message;
  return first.cause === undefined ? ((first as NodeJS.ErrnoException).code ?? first.name) : causeText(first.cause);
}

/** The error of the first address. */
export function firstCause(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length > 0 ? firstCause(error.errors[0]) : error;
}

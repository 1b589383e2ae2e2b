/**
 * What of an address and of a stranger's text may be logged, said in an event or shown on a terminal. Everything that did not come
 * from Aviary's own code passes one of these two.
 */

/** Longest foreign text in a message, in characters. */
export const LONGEST_FOREIGN = 1024;

/**
 * An address without what may be secret: user, password, query and fragment. An address without those is shown as it was written.
 */
export function show(address: string | URL): string {
  const text = String(address);
  if (PLAIN.test(text)) return text;
  if (/^https?:\/\/\S*$/i.test(text) && URL.canParse(text)) {
    const { origin, pathname, search } = new URL(text);
    // An unescaped slash in a password makes a path of it.
    const path = pathname.includes("@") ? "/…" : pathname;
    return clean(`${origin}${path}${search === "" ? "" : "?…"}`);
  }
  // No address that can be asked: the part that cannot be a secret.
  const [head = ""] = text.split(/[?#]/);
  return clean(`${head.includes("@") ? `…${head.slice(head.lastIndexOf("@"))}` : head}${head === text ? "" : "…"}`);
}

/** Of an address that is a secret itself, as those of chat services are: the host. */
export function showHost(address: string): string {
  const [, head = "", rest = ""] = /^((?:[a-z]+:\/\/)?[^/]*)(.*)$/is.exec(show(address)) ?? [];
  return rest.length > 1 ? `${head}/…` : head;
}

const PLAIN = /^https?:\/\/[A-Za-z0-9.[\]:_-]+(?:\/[^\s?#@\\\p{C}]*)?$/iu;

/**
 * One line without control characters, of at most `longest` characters. White space becomes a space; what a terminal would obey, and
 * what would turn the direction of writing, becomes its escape.
 */
export function clean(text: string, longest = LONGEST_FOREIGN): string {
  const cut = text.length > longest ? text.slice(0, longest) : text;
  const line = cut
    .replace(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, " ")
    .replace(UNSAFE, escaped)
    .slice(0, longest);
  return cut === text ? line : `${line.replace(/[\ud800-\udbff]$/, "")}… (${text.length} characters in all)`;
}

/** Control and format characters, and halves of characters. */
const UNSAFE = /\p{Cc}|\p{Cf}|\p{Cs}/gu;

function escaped(char: string): string {
  // The joiners of emoji and of Indic and Persian writing.
  if (char === "\u200c" || char === "\u200d") return char;
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code < 0x1_0000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\u{${code.toString(16)}}`;
}

/** Why an attempt failed, in one line. A failed connection carries its reason in `cause` or, tried on several addresses, in `errors`. */
export function causeOf(error: unknown): string {
  return clean(causeText(error));
}

function causeText(error: unknown): string {
  const first = firstCause(error);
  if (!(first instanceof Error)) return String(first);
  if (first.message !== "") return first.message;
  return first.cause === undefined ? ((first as NodeJS.ErrnoException).code ?? first.name) : causeText(first.cause);
}

/** The error of the first address that was tried. */
export function firstCause(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length > 0 ? firstCause(error.errors[0]) : error;
}

/**
 * Cuts a Go text/template into tokens: text between actions, and the words within `{{ }}`. Trim markers are settled
 * here (the parser never sees them). White space within an action is kept as a token, because `a .b` and `a.b` differ.
 */

export type TokenKind =
  | "text"
  | "open"
  | "close"
  | "space"
  | "word"
  | "field"
  | "dot"
  | "variable"
  | "string"
  | "raw"
  | "char"
  | "number"
  | "pipe"
  | "declare"
  | "assign"
  | "comma"
  | "("
  | ")"
  | "end-of-text";

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** The position of its start in the template. */
  readonly at: number;
}

/** What is wrong with a template, and where. */
export class TemplateFault extends Error {
  constructor(
    message: string,
    readonly at: number,
  ) {
    super(message);
    this.name = "TemplateFault";
  }
}

const TERMINATOR = /^(?:[ \t\r\n.,|:()]|}}|$)/;
const ALPHANUMERIC = "[_\\p{L}\\p{Nd}]";

/** Tokens within an action, tried in this order. `follows`: only a separator may follow. */
const SHAPES: readonly { readonly kind: TokenKind; readonly shape: RegExp; readonly follows?: true }[] = [
  { kind: "space", shape: /^[ \t\r\n]+/ },
  { kind: "declare", shape: /^:=/ },
  { kind: "assign", shape: /^=/ },
  { kind: "pipe", shape: /^\|/ },
  { kind: "comma", shape: /^,/ },
  { kind: "(", shape: /^\(/ },
  { kind: ")", shape: /^\)/ },
  { kind: "string", shape: /^"(?:[^"\\\n]|\\[^\n])*"/ },
  { kind: "raw", shape: /^`[^`]*`/ },
  { kind: "char", shape: /^'(?:[^'\\\n]|\\[^\n])*'/ },
  { kind: "variable", shape: new RegExp(`^\\$${ALPHANUMERIC}*`, "u"), follows: true },
  { kind: "number", shape: /^[-+]?\.?[0-9](?:[eEpP][-+]|[_\p{L}\p{Nd}.])*/u },
  { kind: "field", shape: new RegExp(`^\\.${ALPHANUMERIC}+`, "u"), follows: true },
  { kind: "dot", shape: /^\./, follows: true },
  { kind: "word", shape: new RegExp(`^${ALPHANUMERIC}+`, "u"), follows: true },
];

/** A query is a line of text with a few names in it. As many words as this are read in a few milliseconds. */
const MOST_TOKENS = 10_000;

/** @throws TemplateFault, also for a template of too many words */
export function tokenize(template: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let trimNext = false;
  while (at < template.length) {
    const open = template.indexOf("{{", at);
    const end = open < 0 ? template.length : open;
    const trimHere = open >= 0 && /^-[ \t\r\n]/.test(template.slice(open + 2, open + 4));
    pushText(tokens, template.slice(at, end), at, trimNext, trimHere);
    if (open < 0) break;
    if (tokens.length > MOST_TOKENS) throw tooMany(open);
    const start = open + (trimHere ? 4 : 2);
    const close = template.startsWith("/*", start) ? comment(template, start) : action(template, open, start, tokens);
    at = close.next;
    trimNext = close.trim;
  }
  tokens.push({ kind: "end-of-text", text: "EOF", at: template.length });
  return tokens;
}

const tooMany = (at: number) => new TemplateFault(`more than ${MOST_TOKENS} words`, at);

interface Close {
  readonly next: number;
  /** White space behind the action goes. */
  readonly trim: boolean;
}

function pushText(tokens: Token[], raw: string, at: number, trimStart: boolean, trimEnd: boolean): void {
  let [start, end] = [0, raw.length];
  while (trimStart && start < end && isSpace(raw, start)) start += 1;
  while (trimEnd && end > start && isSpace(raw, end - 1)) end -= 1;
  if (end > start) tokens.push({ kind: "text", text: raw.slice(start, end), at });
}

const isSpace = (text: string, at: number): boolean => " \t\r\n".includes(text.charAt(at));

function closeAt(template: string, at: number): Close | undefined {
  if (template.startsWith("}}", at)) return { next: at + 2, trim: false };
  return /^[ \t\r\n]-}}/.test(template.slice(at, at + 4)) ? { next: at + 4, trim: true } : undefined;
}

function comment(template: string, start: number): Close {
  const end = template.indexOf("*/", start + 2);
  if (end < 0) throw new TemplateFault("unclosed comment", start);
  const close = closeAt(template, end + 2);
  if (close === undefined) throw new TemplateFault("comment ends before closing delimiter", start);
  return close;
}

function action(template: string, open: number, start: number, tokens: Token[]): Close {
  tokens.push({ kind: "open", text: "{{", at: open });
  let at = start;
  let depth = 0;
  for (;;) {
    const close = closeAt(template, at);
    if (close !== undefined) {
      if (depth > 0) throw new TemplateFault("unclosed left paren", at);
      tokens.push({ kind: "close", text: "}}", at });
      return close;
    }
    const token = tokenAt(template, at);
    if (token.kind === "(") depth += 1;
    if (token.kind === ")") depth -= 1;
    if (depth < 0) throw new TemplateFault("unexpected right paren", at);
    tokens.push(token);
    if (tokens.length > MOST_TOKENS) throw tooMany(at);
    at += token.text.length;
  }
}

function tokenAt(template: string, at: number): Token {
  const rest = template.slice(at);
  if (rest === "") throw new TemplateFault("unclosed action", at);
  for (const { kind, shape, follows } of SHAPES) {
    let text = shape.exec(rest)?.[0];
    if (text === undefined) continue;
    // The last white space before "-}}" belongs to the trim marker.
    if (kind === "space" && text.length > 1 && rest.startsWith("-}}", text.length)) text = text.slice(0, -1);
    if (follows && !TERMINATOR.test(rest.slice(text.length))) throw badCharacter(rest.slice(text.length), at);
    return { kind, text, at };
  }
  const opening = { '"': "quoted string", "`": "raw quoted string", "'": "character constant" }[rest.charAt(0)];
  if (opening !== undefined) throw new TemplateFault(`unterminated ${opening}`, at);
  if (rest.startsWith(":")) throw new TemplateFault("expected :=", at);
  if (/^[-+]/.test(rest)) throw new TemplateFault(`illegal number syntax: "${rest.charAt(0)}"`, at);
  if (/^[!-~]/.test(rest)) throw new TemplateFault(`unexpected "${rest.charAt(0)}" in command`, at);
  throw new TemplateFault(`unrecognized character in action: ${codePoint(rest)}`, at);
}

function badCharacter(rest: string, at: number): TemplateFault {
  return new TemplateFault(`bad character ${codePoint(rest)}`, at);
}

/** "U+002B '+'" */
function codePoint(text: string): string {
  const char = String.fromCodePoint(text.codePointAt(0) ?? 0);
  return `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")} '${char}'`;
}

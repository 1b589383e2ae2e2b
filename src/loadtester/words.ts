/**
 * Reads the simplest command lines as a POSIX shell would: words, quotes, backslashes, comments and `|`. Everything
 * that needs a real shell (variables, redirections, lists, loops) is recognised and named, never half understood.
 */

export type CommandLine =
  /** Each command of the pipeline as its words; a single command is a pipeline of one. */
  | { readonly kind: "pipeline"; readonly commands: readonly (readonly string[])[] }
  /** `because` names the construct, e.g. "a variable or command substitution ($)". */
  | { readonly kind: "needs-shell"; readonly because: string };

const OPERATORS: Readonly<Record<string, string>> = {
  "&": "a list (&& or &)",
  ";": "a list (;)",
  "(": "a subshell",
  ")": "a subshell",
  "<": "a redirection (<)",
  ">": "a redirection (>)",
  "`": "a command substitution (`)",
  $: "a variable or command substitution ($)",
};

const RESERVED = new Set(["!", "{", "}", "case", "do", "done", "elif", "else", "esac", "fi", "for"]);
for (const word of ["function", "if", "in", "select", "then", "time", "until", "while", "[["]) RESERVED.add(word);

/** Thrown inside this file only: reading stops at the first construct that needs a shell. */
class NeedsShell extends Error {}

interface Reader {
  readonly text: string;
  at: number;
  /** undefined between words: an empty quoted word is a word, a space is not. */
  word: string | undefined;
  readonly commands: string[][];
}

export function readCommandLine(text: string): CommandLine {
  const reader: Reader = { text: text.trim(), at: 0, word: undefined, commands: [[]] };
  try {
    while (reader.at < reader.text.length) readNext(reader);
    endWord(reader);
    reader.commands.forEach(refuseUnlessSimple);
  } catch (error) {
    if (error instanceof NeedsShell) return { kind: "needs-shell", because: error.message };
    throw error;
  }
  return { kind: "pipeline", commands: reader.commands };
}

function readNext(reader: Reader): void {
  const char = reader.text.charAt(reader.at);
  reader.at += 1;
  if (char === "\n") throw new NeedsShell("more than one line");
  if (/\s/.test(char)) endWord(reader);
  else if (char === "#" && reader.word === undefined) skipComment(reader);
  else if (char === "|") nextCommand(reader);
  else if (char === "\\") escaped(reader);
  else if (char === "'") singleQuoted(reader);
  else if (char === '"') doubleQuoted(reader);
  else if (char === "~" && reader.word === undefined) throw new NeedsShell("a home directory (~)");
  else plain(reader, char);
}

function plain(reader: Reader, char: string): void {
  const operator = OPERATORS[char];
  if (operator !== undefined) throw new NeedsShell(operator);
  reader.word = (reader.word ?? "") + char;
}

function endWord(reader: Reader): void {
  if (reader.word !== undefined) reader.commands.at(-1)?.push(reader.word);
  reader.word = undefined;
}

function skipComment(reader: Reader): void {
  const end = reader.text.indexOf("\n", reader.at);
  reader.at = end === -1 ? reader.text.length : end;
}

function nextCommand(reader: Reader): void {
  if (reader.text.charAt(reader.at) === "|") throw new NeedsShell("a list (||)");
  if (reader.text.charAt(reader.at) === "&") throw new NeedsShell("a redirection (|&)");
  endWord(reader);
  reader.commands.push([]);
}

function escaped(reader: Reader): void {
  const char = reader.text.charAt(reader.at);
  reader.at += 1;
  // A backslash at the end of a line joins it with the next one.
  if (char !== "\n") reader.word = (reader.word ?? "") + char;
}

function singleQuoted(reader: Reader): void {
  const end = reader.text.indexOf("'", reader.at);
  if (end === -1) throw new NeedsShell("a quote without its end (')");
  reader.word = (reader.word ?? "") + reader.text.slice(reader.at, end);
  reader.at = end + 1;
}

function doubleQuoted(reader: Reader): void {
  let value = reader.word ?? "";
  for (;;) {
    const char = reader.text.charAt(reader.at);
    reader.at += 1;
    if (char === "") throw new NeedsShell('a quote without its end (")');
    if (char === '"') break;
    if (char === "$" || char === "`") throw new NeedsShell(OPERATORS[char] ?? char);
    if (char !== "\\") {
      value += char;
      continue;
    }
    const next = reader.text.charAt(reader.at);
    reader.at += 1;
    if (next !== "\n") value += '$`"\\'.includes(next) ? next : `\\${next}`;
  }
  reader.word = value;
}

function refuseUnlessSimple(words: readonly string[]): void {
  const [first] = words;
  if (first === undefined) throw new NeedsShell("an empty command");
  if (RESERVED.has(first)) throw new NeedsShell(`the shell's "${first}"`);
  if (/^\w+=/.test(first)) throw new NeedsShell("a variable assignment");
}

/** grep at the end of a pipeline: it checks whether the answer contains the word. */
import { runInNewContext } from "node:vm";
import { errorText } from "../error-text.ts";
import { type Program, refused } from "./program.ts";

const MATCHED = 0;
const UNMATCHED = 1;
const FAILED = 2;
/** Some patterns take endless time on some lines, and this process has one thread. */
const LONGEST_MS = 1000;

interface GrepOptions {
  readonly letters: ReadonlySet<string>;
  readonly pattern: string;
}

const LETTERS = new Set(["q", "i", "v", "c", "F", "E", "w", "s"]);
const LONG: Readonly<Record<string, string>> = {
  ...{ "--quiet": "q", "--silent": "q", "--ignore-case": "i", "--invert-match": "v", "--count": "c" },
  ...{ "--fixed-strings": "F", "--extended-regexp": "E", "--word-regexp": "w", "--no-messages": "s" },
};

export const grep: Program = (args) => {
  const options = readArguments(args);
  if (typeof options === "string") return refused(`grep: ${options}`);
  const matches = matcher(options);
  if (typeof matches === "string") return refused(`grep: ${matches}`);
  const { letters } = options;
  return {
    kind: "ready",
    run: ({ stdin }) => {
      const lines = stdin.toString("utf8").replace(/\n$/, "").split("\n");
      const found = stdin.length === 0 ? [] : timed(() => lines.filter((line) => matches(line) !== letters.has("v")));
      if (found === undefined) {
        const stderr = `grep: the pattern takes more than ${LONGEST_MS / 1000} s\n`;
        return Promise.resolve({ exitCode: FAILED, stdout: Buffer.alloc(0), stderr });
      }
      const text = letters.has("c") ? `${found.length}\n` : found.map((line) => `${line}\n`).join("");
      return Promise.resolve({
        exitCode: found.length > 0 ? MATCHED : UNMATCHED,
        stdout: Buffer.from(letters.has("q") ? "" : text),
        stderr: "",
      });
    },
  };
};

/** @returns undefined when it takes too long */
function timed<T>(work: () => T): T | undefined {
  try {
    return runInNewContext("work()", { work }, { timeout: LONGEST_MS }) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return undefined;
    throw error;
  }
}

function readArguments(args: readonly string[]): GrepOptions | string {
  const letters = new Set<string>();
  let pattern: string | undefined;
  let flagsOver = false;
  const queue = [...args];
  for (let arg = queue.shift(); arg !== undefined; arg = queue.shift()) {
    if (!flagsOver && arg === "--") {
      flagsOver = true;
    } else if (!flagsOver && arg === "-e" && pattern === undefined) {
      pattern = queue.shift();
    } else if (!flagsOver && arg.length > 1 && arg.startsWith("-")) {
      for (const letter of LONG[arg] ?? arg.slice(1)) {
        if (!LETTERS.has(letter)) return `option ${arg} is not supported here`;
        letters.add(letter);
      }
    } else if (pattern === undefined) {
      pattern = arg;
    } else {
      return `files (${arg}) are not supported here`;
    }
  }
  return pattern === undefined ? "no pattern given" : { letters, pattern };
}

function matcher({ letters, pattern }: GrepOptions): ((line: string) => boolean) | string {
  const source = letters.has("F")
    ? pattern.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")
    : letters.has("E")
      ? pattern
      : basicToModern(pattern);
  try {
    const bounded = letters.has("w") ? `(?<!\\w)(?:${source})(?!\\w)` : source;
    const expression = new RegExp(posixClasses(bounded), letters.has("i") ? "i" : "");
    return (line) => expression.test(line);
  } catch (error) {
    return `pattern "${pattern}": ${errorText(error)}`;
  }
}

/**
 * In a basic regular expression `+ ? | ( ) { }` are plain, and special after a backslash: the opposite of JavaScript's.
 */
function basicToModern(pattern: string): string {
  return pattern.replaceAll(/\\?[+?|(){}]/g, (found) => (found.startsWith("\\") ? found.slice(1) : `\\${found}`));
}

function posixClasses(source: string): string {
  const classes: Readonly<Record<string, string>> = { digit: "0-9", alpha: "A-Za-z", alnum: "A-Za-z0-9", space: "\\s" };
  return source.replaceAll(/\[:(digit|alpha|alnum|space):\]/g, (found, name: string) => classes[name] ?? found);
}

import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { readCommandLine } from "./words.ts";

const SIMPLE = [
  "hey -z 1m -q 10 -c 2 http://podinfo-canary.test:9898/",
  `hey -H 'Cookie: user=test' -H "X: \\"y\\" \\$z" http://x/?a=b`,
  `curl -sd 'test' http://x/token | grep token`,
  `a"b c"'d e'\\ f "" ''`,
  `say "it's" 'a "b"' "tab\\tback\\\\slash"`,
  "one   two\tthree # a comment",
  "joined \\\n  lines",
  "it#is not-a-#comment",
  `"a\\\nb"`,
];

/** Words separated by NUL, commands by a line feed: the real shell's result for the same text. */
function wordsOfRealShell(text: string): string[][] {
  const script = `say() { printf '%s\\0' "$@"; }; for c in "$@"; do eval "say $c"; echo; done`;
  const pipeline = text.split(" | ");
  const { stdout } = spawnSync("sh", ["-c", script, "sh", ...pipeline], { encoding: "utf8" });
  const lines = stdout.split("\0\n").slice(0, -1);
  return lines.map((line) => line.split("\0"));
}

describe("reading a command line", () => {
  it.each(SIMPLE)("splits like the real shell: %s", (text) => {
    expect(readCommandLine(text)).toEqual({ kind: "pipeline", commands: wordsOfRealShell(text) });
  });

  it.each([
    ["hey http://a && hey http://b", "a list (&& or &)"],
    ["a; b", "a list (;)"],
    ["a || b", "a list (||)"],
    ["hey $URL", "a variable or command substitution ($)"],
    ['hey "$URL"', "a variable or command substitution ($)"],
    ["echo `id`", "a command substitution (`)"],
    ["hey x > /dev/null", "a redirection (>)"],
    ["a\nb", "more than one line"],
    ["URL=x hey", "a variable assignment"],
    ["if true", `the shell's "if"`],
    ["hey 'x", "a quote without its end (')"],
    ["a | ", "an empty command"],
    ["ls ~/x", "a home directory (~)"],
  ])("leaves to a shell: %s", (text, because) => {
    expect(readCommandLine(text)).toEqual({ kind: "needs-shell", because });
  });
});

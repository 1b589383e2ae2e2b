import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { commandWords, editImageFile, followImageFile, readImageFile } from "./image-file.ts";

let dir: string;
let file: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "images-"));
  file = join(dir, "images.yaml");
});
afterEach(() => rmSync(dir, { recursive: true }));

describe("images.yaml", () => {
  it("is written and read, and seen at once by a sandbox that follows it", () => {
    const programs = followImageFile(file);
    expect([...programs()]).toEqual([]);
    editImageFile(file, "me/shop", { command: "node server.js", workingDir: "/srv", env: { A: "1" } });
    expect(programs().get("me/shop")).toEqual({ command: "node server.js", workingDir: "/srv", env: { A: "1" } });
    expect(editImageFile(file, "me/shop", undefined)).toBe(true);
    expect(editImageFile(file, "me/shop", undefined)).toBe(false);
    expect([...programs()]).toEqual([]);
  });

  it("takes a command alone, and numbers as values of variables", () => {
    writeFileSync(file, "images:\n  a: node a.js\n  b: { command: node b.js, env: { N: 1 } }\n");
    const images = readImageFile(file);
    expect(images.get("a")).toEqual({ command: "node a.js" });
    expect(images.get("b")?.env).toEqual({ N: "1" });
  });

  it.each([
    ["no YAML", "images: [", "this is not valid YAML"],
    ["something else", "- a", 'expected "images:"'],
    ["a misspelt heading", "image: {}", '"image" is not known'],
    ["no command", "images: { a: {} }", 'images["a"].command: expected a command line'],
    ["an empty command", "images: { a: ' ' }", 'images["a"].command: expected a command line'],
    ["a misspelt field", "images: { a: { cmd: x } }", 'images["a"].cmd is not known: use command, workingDir or env'],
  ])("with %s names the file, the place and the cure", (_, text, message) => {
    writeFileSync(file, text);
    expect(() => readImageFile(file)).toThrow(`${file}: `);
    expect(() => readImageFile(file)).toThrow(message);
  });
});

it.each([
  ["node server.js", ["node", "server.js"]],
  ["  sh -c 'a b' \"c d\" e\\ f ", ["sh", "-c", "a b", "c d", "e f"]],
  ['node --title="my app" a', ["node", "--title=my app", "a"]],
  ["", []],
])("the words of %s", (line, words) => {
  expect(commandWords(line)).toEqual(words);
});

import { expect, it } from "vitest";
import { unescapeGo } from "./escapes.ts";

it.each([
  ["plain", "plain"],
  [String.raw`a\tb\n\\`, "a\tb\n\\"],
  [String.raw`\x41\101\u00e9\U0001F600`, "AAé😀"],
  [String.raw`\"`, '"'],
])("%s is read", (text, expected) => {
  expect(unescapeGo(text, '"')).toBe(expected);
});

it.each([String.raw`\'`, String.raw`\q`, String.raw`\U00110000`, String.raw`\x4`])("%s is refused", (text) => {
  expect(unescapeGo(text, '"')).toBeUndefined();
});

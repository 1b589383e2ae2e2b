import { readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { providersTable } from "./document.ts";

const BEGIN = "<!-- providers: made by src/routers/document.ts -->";
const END = "<!-- /providers -->";

it.each(["README.md", "docs/reference/providers.md"])("%s shows what the routers can do", (name) => {
  const file = new URL(`../../${name}`, import.meta.url);
  const text = readFileSync(file, "utf8");
  const [before = "", rest = ""] = text.split(BEGIN);
  const [, after = ""] = rest.split(END);
  const wanted = `${before}${BEGIN}\n${providersTable()}\n${END}${after}`;
  if (process.env["UPDATE_DOCS"] !== undefined) writeFileSync(file, wanted);
  expect(readFileSync(file, "utf8")).toBe(wanted);
});

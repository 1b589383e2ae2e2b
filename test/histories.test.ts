/**
 * Journals that a release recorded (test/histories/*.jsonl) must lead to the same decisions in every later one, or an ADR says
 * why not. New ones are recorded by `RECORD_HISTORIES=1 npx vitest run test/histories.test.ts`, which never touches old ones.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type AdvanceInput, decide, type Transition } from "../src/core/advance.ts";
import { recordHistory } from "../src/simulate/history.ts";
import { STORIES } from "../src/simulate/stories.ts";

const FOLDER = new URL("histories/", import.meta.url);
const RELEASE = "0.1.0";

const CHOSEN = [
  "a good release",
  "a release with errors",
  "a promotion that fails, with its configuration",
  "an A/B test",
  "gates",
  "a newer release in the middle",
  "deleted in the middle",
];

if (process.env["RECORD_HISTORIES"] !== undefined) {
  for (const story of CHOSEN) {
    const file = new URL(`${RELEASE}-${story.replace(/[^a-zA-Z]+/g, "-").toLowerCase()}.jsonl`, FOLDER);
    const scenario = STORIES[story];
    if (scenario === undefined) throw new Error(`there is no story "${story}"`);
    if (!existsSync(file)) writeFileSync(file, `${(await recordHistory(scenario, 1)).join("\n")}\n`);
  }
}

const files = readdirSync(FOLDER).filter((name) => name.endsWith(".jsonl"));

describe("recorded histories lead to the same decisions", () => {
  it("has some", () => expect(files.length).toBeGreaterThanOrEqual(CHOSEN.length));

  it.each(files)("%s", (name) => {
    const lines = readFileSync(new URL(name, FOLDER), "utf8").trim().split("\n");
    expect(lines.length).toBeGreaterThan(3);
    for (const [i, line] of lines.entries()) {
      const { input, transition }: { input: AdvanceInput; transition: Transition } = JSON.parse(line);
      const again = JSON.parse(JSON.stringify(decide(input)));
      expect(again, `turn ${i + 1} of ${name}`).toEqual(transition);
    }
  });
});

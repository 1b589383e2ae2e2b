/** docs/reference/commands.md, which README points to, knows every command, every option and every field. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { scenarioFrom } from "../simulate/ask.ts";
import { createTimeline } from "../simulate/timeline.ts";
import { run } from "../simulate/universe.ts";
import { CALM } from "../simulate/weather.ts";
import { aWireCanary } from "../testing/canary.ts";
import { planned } from "./canaries.ts";
import { runCommandLine } from "./run.ts";
import { COMMANDS } from "./table.ts";

const TEXT = readFileSync(new URL("../../docs/reference/commands.md", import.meta.url), "utf8");

it("the list of commands has its summaries in one column", async () => {
  const said: string[] = [];
  const out = (more: string) => said.push(more);
  await runCommandLine({ argv: ["--help"], env: {}, out, err: out, signal: new AbortController().signal });
  const lines = said.join("").split("\n");
  const columns = COMMANDS.map(({ name, summary }) => {
    const line = lines.find((one) => one.trimStart().startsWith(`${name} `) && one.endsWith(summary));
    return line?.indexOf(summary);
  });
  expect(new Set(columns).size).toBe(1);
});

describe("docs/reference/commands.md", () => {
  it.each(COMMANDS.map((row) => [row.name, row] as const))("%s", async (name, row) => {
    const line = TEXT.split("\n").find((text) => text.startsWith(`| \`${name}\` |`)) ?? "";
    const { help } = await row.load();
    const options = [...help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, option]) => option);
    expect([...line.matchAll(/`(--[a-z-]+)`/g)].map(([, option]) => option).sort()).toEqual(options.sort());
    expect(line).not.toBe("");
  });

  it("the fields of what is printed for tools", async () => {
    const timeline = createTimeline();
    await run({ scenario: scenarioFrom({}, [], {}), weather: CALM, seed: 1, watchers: [timeline.watch] });
    const { plan } = planned(aWireCanary(), "istio");
    const { name: _name, ...planFields } = plan;
    const told = timeline.read();
    const objects = [planFields, plan.steps[0], told, told.entries[0], told.end];
    const named = objects.flatMap((object) => Object.keys(object ?? {}));
    expect(named.filter((field) => !TEXT.includes(`\`${field}\``))).toEqual([]);
  });
});

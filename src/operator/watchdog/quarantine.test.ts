import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Log, SILENT_LOG } from "../../ports/log.ts";
import { addStrike, createQuarantine, readQuarantine, writeQuarantine } from "./quarantine.ts";
import { underWay } from "./under-way.ts";

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 0, 1);

let folder: string;
let file: string;
let warnings: string[];
const log: Log = { ...SILENT_LOG, warn: (_, message) => warnings.push(message) };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "quarantine-"));
  file = join(folder, "list.json");
  warnings = [];
});

afterEach(() => rmSync(folder, { recursive: true }));

describe("the quarantine", () => {
  it("outlives the process, for its owner only, and counts strikes", () => {
    expect(readQuarantine(file, log)).toEqual([]);
    const once = addStrike([], "test/poison", "render", NOW);
    writeQuarantine(file, addStrike(once, "test/poison", "render", NOW + HOUR));
    expect(readQuarantine(file, log)).toEqual([{ canary: "test/poison", where: "render", at: NOW + HOUR, strikes: 2 }]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(warnings).toEqual([]);
  });

  it.each(["not JSON", "{}", "[1, null, {}]"])("that says %j is empty", (text) => {
    writeFileSync(file, text);
    expect(readQuarantine(file, log)).toEqual([]);
  });

  it("holds a Canary until its time is over, longer for each strike", () => {
    const twice = addStrike(addStrike([], "test/poison", "render", NOW), "test/poison", "render", NOW);
    const quarantine = createQuarantine(twice);
    expect(quarantine.held("test/quiet", "u 1", NOW)).toBeUndefined();
    expect(quarantine.held("test/poison", "u 1", NOW + HOUR)).toEqual({ until: NOW + 2 * HOUR, where: "render" });
    expect(quarantine.held("test/poison", "u 1", NOW + 2 * HOUR)).toBeUndefined();
    expect(quarantine.size).toBe(0);
  });

  it("lets a Canary go that was changed, and one that a clock set back would hold for ever", () => {
    const entries = addStrike([], "test/poison", "render", NOW);
    const changed = createQuarantine(entries);
    expect(changed.held("test/poison", "u 1", NOW)).toBeDefined();
    expect(changed.held("test/poison", "u 2", NOW)).toBeUndefined();
    expect(changed.held("test/poison", "u 2", NOW)).toBeUndefined();
    expect(createQuarantine(entries).held("test/poison", "u 1", NOW - 2 * HOUR)).toBeUndefined();
  });

  it("knows whose turn is under way, also after a wait and beside others", async () => {
    const ask = (globalThis as unknown as { aviaryUnderWay(): string }).aviaryUnderWay;
    const turn = (canary: string) =>
      underWay(canary, async () => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        return ask();
      });
    expect(await Promise.all([turn("a/x"), turn("b/y")])).toEqual(["a/x", "b/y"]);
    expect(ask()).toBe("");
  });
});

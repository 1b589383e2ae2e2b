import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Log, SILENT_LOG } from "../../ports/log.ts";
import type { Turn } from "../../ports/recorder.ts";
import { createJournal } from "./recorder.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "aviary-journal-"));
});

afterEach(() => rm(folder, { recursive: true }));

const turn = { input: { status: {} }, transition: { status: {}, events: [] } } as unknown as Turn;

it("only the owner of the journal's file can read it", async () => {
  const file = join(folder, "journal.jsonl");
  const journal = createJournal(file, SILENT_LOG);
  journal.record(turn);
  await journal.flush();
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readFile(file, "utf8")).toContain('"input"');
});

it("a full disk is reported, and nothing else fails", async () => {
  const errors: string[] = [];
  const log: Log = { ...SILENT_LOG, error: (_, message) => errors.push(message) };
  const journal = createJournal("/dev/full", log);
  journal.record(turn);
  await journal.flush();
  expect(errors).toEqual(["the journal cannot be written, turns are not recorded there"]);
});

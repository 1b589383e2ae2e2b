import { chmodSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { stateFolder } from "./sandbox-state.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sandbox-state-"));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

it("a state folder is made for its owner alone", () => {
  const { dir } = stateFolder(join(folder, "a", "b"));
  expect(statSync(dir).mode & 0o777).toBe(0o700);
});

it("a state folder into which each user may write names no programs for the sandbox", () => {
  chmodSync(folder, 0o777);
  expect(() => stateFolder(folder)).toThrow(/each user of the machine may write into it.*chmod o-w/);
  chmodSync(folder, 0o755);
  expect(stateFolder(folder).dir).toBe(folder);
});

it("a state folder of another user names no programs for the sandbox", () => {
  const { uid } = statSync(folder);
  vi.spyOn(process, "getuid").mockReturnValue(uid + 1);
  expect(() => stateFolder(folder)).toThrow("it belongs to another user");
});

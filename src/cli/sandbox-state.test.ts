import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { forgetState, lockedBy, stateFolder, takeLock } from "./sandbox-state.ts";

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

describe("the lock of a state folder", () => {
  const place = () => stateFolder(folder);

  it("has one holder: of two sandboxes that start at once, one does not start", async () => {
    // A sandbox is recognised by its command line.
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)", "sandbox"], { stdio: "ignore" });
    try {
      await once(child, "spawn");
      writeFileSync(place().lock, String(child.pid));
      expect([lockedBy(place()), takeLock(place())]).toEqual([child.pid, false]);
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    expect([lockedBy(place()), takeLock(place())]).toEqual([undefined, true]);
    expect(readFileSync(place().lock, "utf8")).toBe(String(process.pid));
    forgetState(place());
    expect(() => readFileSync(place().lock)).toThrow("ENOENT");
  });

  it("is taken over when no process holds it", () => {
    writeFileSync(place().lock, "text");
    expect([lockedBy(place()), takeLock(place())]).toEqual([undefined, true]);
  });
});

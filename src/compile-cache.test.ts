import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { useCompileCache } from "./compile-cache.ts";

let cache: string;
let used: string[];
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), "aviary-cache-"));
  used = [];
});
afterEach(() => rmSync(cache, { recursive: true, force: true }));

const use = (env: Readonly<Record<string, string>> = {}) =>
  useCompileCache({ XDG_CACHE_HOME: cache, ...env }, (folder) => used.push(folder));

describe("the compile cache", () => {
  it("is kept in a folder that only its user can read and write", () => {
    use();
    const folder = join(cache, "aviary/compiled");
    expect(used).toEqual([folder]);
    expect(lstatSync(folder).mode & 0o777).toBe(0o700);
    expect(lstatSync(join(cache, "aviary")).mode & 0o777).toBe(0o700);
  });

  it("is not used where another user could write it", () => {
    mkdirSync(join(cache, "aviary"), { recursive: true });
    chmodSync(join(cache, "aviary"), 0o777);
    use();
    expect(used).toEqual([]);
  });

  it("is not used when a link stands in its place", () => {
    mkdirSync(join(cache, "aviary"), { mode: 0o700 });
    mkdirSync(join(cache, "other"));
    symlinkSync(join(cache, "other"), join(cache, "aviary/compiled"));
    use();
    expect(used).toEqual([]);
  });

  it("is left to Node when the user has chosen a folder", () => {
    use({ NODE_COMPILE_CACHE: "/somewhere" });
    expect(used).toEqual([]);
  });

  it("does nothing where no folder can be made, and where Node has none", () => {
    use({ XDG_CACHE_HOME: "/dev/null" });
    useCompileCache({ XDG_CACHE_HOME: cache }, undefined);
    expect(used).toEqual([]);
  });
});

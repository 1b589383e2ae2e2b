/** Before tests that start the program, vitest builds it once, when a source is newer than the build. */
import { execFileSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { PROJECT_ROOT } from "../src/project-root.ts";
import { PROGRAM } from "./program.ts";

const SOURCES = ["src", "sandbox", "console"];
const FILES = ["package.json", "tsconfig.build.json", "scripts/build.mjs", "scripts/bundle.mjs"];

export function setup(): void {
  // The caller has built this one.
  if (process.env["AVIARY_PROGRAM"] !== undefined) return;
  if (changedAt(PROGRAM) > Math.max(...sources().map(changedAt))) return;
  execFileSync("npm", ["run", "--silent", "build"], { cwd: PROJECT_ROOT, stdio: "inherit" });
}

function sources(): string[] {
  const found = SOURCES.flatMap((folder) =>
    readdirSync(join(PROJECT_ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.(ts|tsx|css|html)$/.test(name) && !/\.test\.tsx?$/.test(name))
      .map((name) => join(folder, name)),
  );
  return [...found, ...FILES].map((name) => join(PROJECT_ROOT, name));
}

/** 0 for a file that does not exist. */
const changedAt = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

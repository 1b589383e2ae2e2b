/** Where programs of this machine are. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Paths of the programs. @param option names their folder @throws Error that names those that are missing */
export function findAll<const T extends readonly string[]>(
  names: T,
  programs: string | undefined,
  path = process.env["PATH"] ?? "",
  option = "--mesh-programs",
): { readonly [K in keyof T]: string } {
  const dirs = [...(programs === undefined ? [] : [programs]), ...path.split(delimiter)].filter((dir) => dir !== "");
  const found = names.map((name) => dirs.map((dir) => join(dir, name)).find(isProgram));
  const missing = names.filter((_, i) => found[i] === undefined);
  if (missing.length > 0) {
    const where = programs === undefined ? "on the PATH" : `in ${programs} or on the PATH`;
    throw new Error(`not found ${where}: ${missing.join(", ")}; install them, or name their folder with ${option}`);
  }
  return found as unknown as { readonly [K in keyof T]: string };
}

/** Why `findAll` would throw; undefined when all of them are there. */
export function whatIsMissing(...given: Parameters<typeof findAll>): string | undefined {
  try {
    findAll(...given);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

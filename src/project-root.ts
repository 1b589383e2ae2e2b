/** Finds the folder that holds the package: the same one from the sources and from the build in `dist/`. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The absolute path of the package's folder, without a slash at the end. It may hold spaces and other odd characters.
 */
export const PROJECT_ROOT = findRoot(dirname(fileURLToPath(import.meta.url)));

function findRoot(folder: string): string {
  if (existsSync(join(folder, "package.json"))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error("the package's folder was not found: no package.json lies above this file");
  return findRoot(parent);
}

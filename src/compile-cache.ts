/**
 * Node 22.1 and later keep the compiled form of what they load, which saves a command about a third of its start. Node
 * runs what it finds there, so the folder must be one that only its user can write: Node's own choice, below /tmp, is
 * not.
 */
import { lstatSync, mkdirSync } from "node:fs";
import nodeModule from "node:module";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;
/** Absent in Node 20. */
type Enable = (folder: string) => unknown;

/** Does nothing where it is not possible or not safe: the program starts more slowly, and works. */
export function useCompileCache(env: Environment, enable: Enable | undefined = enabler()): void {
  if (enable === undefined || env["NODE_COMPILE_CACHE"]) return;
  const folder = cacheFolder(env);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (isPrivate(folder) && isPrivate(dirname(folder))) enable(folder);
  } catch {
    // No home, or one that cannot be written, as in the image.
  }
}

function enabler(): Enable | undefined {
  const { enableCompileCache } = nodeModule as { enableCompileCache?: Enable };
  return enableCompileCache;
}

function cacheFolder(env: Environment): string {
  const { XDG_CACHE_HOME: chosen = "" } = env;
  return join(isAbsolute(chosen) ? chosen : join(homedir(), ".cache"), "aviary", "compiled");
}

/** A real folder of this user, which no other user can write. Windows keeps a user's home to the user. */
function isPrivate(folder: string): boolean {
  const { uid, mode } = lstatSync(folder);
  if ((mode & 0o170000) !== 0o040000) return false;
  return process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0);
}

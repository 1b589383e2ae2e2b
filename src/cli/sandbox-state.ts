/** What a running sandbox leaves in its state folder, so that other commands find it. */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { errorText } from "../error-text.ts";
import { UserError } from "./command.ts";

export interface SandboxState {
  readonly pid: number;
  readonly url: string;
  readonly ingressUrl: string;
  readonly nameserver: string;
  /** Port N of a Service, when N is below 1024, is served at N + this; absent where this user may open such ports. */
  readonly portShift?: number;
  readonly kubeconfig: string;
  /** Whose API server it is: Kubernetes' own, or the sandbox's imitation. */
  readonly kubernetes: "real" | "imitation";
  /** Where the sandbox serves Git repositories; absent when this machine has no git. */
  readonly gitUrl?: string;
  /** Whose Flux deploys from these repositories: Flux's own programs, or the sandbox's imitation. */
  readonly flux?: "real" | "imitation";
  /** RFC 3339 */
  readonly startedAt: string;
}

export const DEFAULT_STATE_DIR = ".aviary";

export interface StateFolder {
  readonly dir: string;
  readonly kubeconfig: string;
  readonly log: string;
  /** Held by the process that is the sandbox, from before it starts until its end. */
  readonly lock: string;
}

/** The folder, made if need be. Only its owner may look: the kubeconfig holds a token. @throws UserError */
export function stateFolder(dir: string): StateFolder {
  const folder = placeOf(dir);
  try {
    makeFolder(folder.dir);
    const found = statSync(folder.dir);
    if (!found.isDirectory()) throw new Error("it is a file");
    accessSync(folder.dir, constants.W_OK | constants.X_OK);
    refuseStrangers(folder.dir, found);
  } catch (cause) {
    const why = errorText(cause);
    const what = `cannot make the state folder ${folder.dir}: ${why}; choose another with --state-dir`;
    throw new UserError(what, 1, { cause });
  }
  return folder;
}

/**
 * What stands in the folder is run: `images.yaml` names programs. So no other user may write there, for example in
 * /tmp. The administrator works in the folders of others. @throws Error
 */
function refuseStrangers(dir: string, { uid, mode }: Stats): void {
  const own = process.getuid?.() ?? uid;
  if (own !== 0 && uid !== own)
    throw new Error("it belongs to another user, who could choose the programs that the sandbox runs");
  if ((mode & 0o002) !== 0) {
    throw new Error(
      `each user of the machine may write into it, and choose the programs that the sandbox runs (chmod o-w ${dir})`,
    );
  }
}

/** Where `aviary sandbox image` writes. */
export const imageFileOf = (dir: string): string => join(dir, "images.yaml");

/** Where things are, or would be. */
export function placeOf(dir: string): StateFolder {
  const path = resolve(dir);
  return { dir: path, kubeconfig: join(path, "kubeconfig"), log: join(path, "sandbox.log"), lock: join(path, "lock") };
}

/** Each on its own: asked for all at once, Node goes round in circles where none can be made (/proc). */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

export function writeState({ dir }: StateFolder, state: SandboxState): void {
  const file = join(dir, "sandbox.json");
  writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** The sandbox that runs with this folder; undefined when there is none (any more). @throws UserError */
export function readState(dir: string): SandboxState | undefined {
  const file = join(resolve(dir), "sandbox.json");
  const text = textOf(file);
  if (text === undefined) return undefined;
  const state = parsed(text);
  return state !== undefined && isAlive(state.pid) ? state : undefined;
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    const why = errorText(cause);
    throw new UserError(`cannot read the sandbox's state: ${why}; it may be of another user`, 1, { cause });
  }
}

/** A file that was cut off or edited tells of no sandbox. */
function parsed(text: string): SandboxState | undefined {
  try {
    return (JSON.parse(text) as SandboxState | null) ?? undefined;
  } catch {
    return undefined;
  }
}

/** The process that is the sandbox of this folder, or is about to be; undefined when there is none. */
export function lockedBy({ lock }: StateFolder): number | undefined {
  try {
    const pid = Number(readFileSync(lock, "utf8"));
    return pid > 0 && isAlive(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** @returns false when another process is the sandbox of this folder */
export function takeLock(folder: StateFolder): boolean {
  for (;;) {
    try {
      writeFileSync(folder.lock, String(process.pid), { flag: "wx", mode: 0o600 });
      return true;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
      if (lockedBy(folder) !== undefined) return false;
      // Its process is gone.
      rmSync(folder.lock, { force: true });
    }
  }
}

export function forgetState({ dir, kubeconfig, lock }: StateFolder): void {
  const files = ["sandbox.json", "sandbox.json.new", "webhook-token"].map((name) => join(dir, name));
  for (const file of [...files, kubeconfig, lock]) rmSync(file, { force: true });
}

/** The pid may have been given to another program since: only a sandbox has this command line. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // The process of another user may not be signalled, but it is there.
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return false;
  }
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("sandbox");
  } catch {
    return false;
  }
}

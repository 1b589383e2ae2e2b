/** What a running sandbox leaves in its state folder, so that other commands find it. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { UserError } from "./command.ts";

export interface SandboxState {
  readonly pid: number;
  readonly url: string;
  readonly ingressUrl: string;
  readonly nameserver: string;
  readonly kubeconfig: string;
  /** RFC 3339 */
  readonly startedAt: string;
}

export const DEFAULT_STATE_DIR = ".aviary";

export interface StateFolder {
  readonly dir: string;
  readonly kubeconfig: string;
  readonly log: string;
}

/** The folder, made if need be. Only its owner may look: the kubeconfig holds a token. */
export function stateFolder(dir: string): StateFolder {
  const folder = placeOf(dir);
  try {
    makeFolder(folder.dir);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const what = `cannot make the state folder ${folder.dir}: ${why}; choose another with --state-dir`;
    throw new UserError(what, 1, { cause });
  }
  return folder;
}

/** Where things are, or would be. */
export function placeOf(dir: string): StateFolder {
  const path = resolve(dir);
  return { dir: path, kubeconfig: join(path, "kubeconfig"), log: join(path, "sandbox.log") };
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

/** The sandbox that runs with this folder; undefined when there is none (any more). */
export function readState(dir: string): SandboxState | undefined {
  const file = join(resolve(dir), "sandbox.json");
  if (!existsSync(file)) return undefined;
  const state = parsed(readFileSync(file, "utf8"));
  return state !== undefined && isAlive(state.pid) ? state : undefined;
}

/** A file that was cut off or edited tells of no sandbox. */
function parsed(text: string): SandboxState | undefined {
  try {
    return (JSON.parse(text) as SandboxState | null) ?? undefined;
  } catch {
    return undefined;
  }
}

export function forgetState({ dir, kubeconfig }: StateFolder): void {
  rmSync(join(dir, "sandbox.json"), { force: true });
  rmSync(kubeconfig, { force: true });
}

/** The pid may have been given to another program since: only one of ours has the sandbox's command line. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("sandbox");
  } catch {
    return false;
  }
}

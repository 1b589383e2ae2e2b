/**
 * Programs of this machine as the programs of containers: child processes, whose lines are the container's log. They
 * end with the sandbox, however the sandbox ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { RunningApp } from "../apps.ts";

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** All of the environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly log: (line: string) => void;
  /** What is done when the program has ended: its files are removed. */
  readonly ended?: () => void;
}

export interface ChildProgram extends RunningApp {
  readonly pid: number;
}

/** Time between asking a program to end and ending it. */
const KILL_AFTER_MS = 10_000;

/**
 * Waits until its stdin is closed, as it is when the sandbox is gone; then it ends the program with the given process
 * id.
 */
const GUARD = `
while read -r _; do :; done
kill -TERM "$1" 2>/dev/null || exit 0
for _ in 1 2 3 4 5 6 7 8 9 10; do
  sleep "$2"
  kill -0 "$1" 2>/dev/null || exit 0
done
kill -KILL "$1" 2>/dev/null
`;

/** The words that start a guard. Its stdin must be a pipe. */
export const guardOf = (pid: number, patienceMs = KILL_AFTER_MS): readonly [string, ...string[]] => [
  ...(["sh", "-c", GUARD, "sh"] as const),
  ...[String(pid), String(patienceMs / 10_000)],
];

/** A guard is told to go when its program has ended: another program may get the process id. */
function guard(child: ChildProcess): void {
  const [command, ...args] = guardOf(child.pid ?? 0);
  // In a group of its own: a terminal's interrupt ends the sandbox, and the guard not before it.
  const watcher = spawn(command, args, { stdio: ["pipe", "ignore", "ignore"], detached: true });
  // Without a shell there is no guard, and the program is the same.
  watcher.on("error", () => {});
  watcher.stdin.on("error", () => {});
  watcher.unref();
  child.once("exit", () => watcher.kill("SIGKILL"));
}

/** @throws Error when the program cannot be started */
export async function startChild(options: ChildOptions): Promise<ChildProgram> {
  const { command, args, env, cwd, log } = options;
  // A pipe as stdin: a program that reads it sees its end when the sandbox is gone, however the sandbox ended.
  const child = spawn(command, [...args], { env, stdio: ["pipe", "pipe", "pipe"], ...(cwd !== undefined && { cwd }) });
  child.stdin.on("error", () => {});
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", log);
  const exited = new Promise<number>((resolve) => {
    child.once("exit", (code, signal) => {
      options.ended?.();
      resolve(code ?? (signal === "SIGTERM" ? 143 : 137));
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error: NodeJS.ErrnoException) => {
      options.ended?.();
      reject(error.code === "ENOENT" ? new Error(`the program ${command} was not found on this machine`) : error);
    });
  });
  if (child.exitCode === null && child.signalCode === null) guard(child);
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    const insist = setTimeout(() => child.kill("SIGKILL"), KILL_AFTER_MS);
    await exited.finally(() => clearTimeout(insist));
  };
  return { exited, stop, pid: child.pid ?? 0 };
}

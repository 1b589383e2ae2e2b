/** Real programs as child processes: their whole process group ends with the signal, their output is bounded. */
import { spawn } from "node:child_process";

/** Longer output is truncated: the beginning is dropped, because errors come last. */
const MAX_OUTPUT_BYTES = 1024 * 1024;

export interface CommandOutcome {
  /** stdout and stderr, in the order in which they came. */
  readonly output: string;
  /** "" when it succeeded; else in Go's words, e.g. "exit status 1" or "signal: killed". */
  readonly error: string;
}

/** Never rejects: a program that cannot be started is an outcome, too. */
export function runChild(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<CommandOutcome> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve({ output: "", error: "signal: killed" });
    const output = boundedOutput();
    // A process group of its own, so that programs started by the shell end with the shell.
    const child = spawn(file, args, { env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.on("data", output.add);
    child.stderr.on("data", output.add);
    const kill = () => {
      killGroup(child.pid);
      // A grandchild in another group may keep the pipes open: its output is not awaited.
      child.stdout.destroy();
      child.stderr.destroy();
    };
    signal.addEventListener("abort", kill, { once: true });
    const finish = (error: string) => {
      signal.removeEventListener("abort", kill);
      resolve({ output: output.text(), error });
    };
    child.once("error", (error) => finish(error.message));
    child.once("close", (code, killedBy) => finish(exitText(code, killedBy)));
  });
}

function exitText(code: number | null, killedBy: NodeJS.Signals | null): string {
  if (code === 0) return "";
  if (killedBy === null) return `exit status ${code}`;
  const names: Readonly<Record<string, string>> = { SIGKILL: "killed", SIGTERM: "terminated", SIGINT: "interrupt" };
  return `signal: ${names[killedBy] ?? killedBy}`;
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    // The group has ended by itself in the meantime.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function boundedOutput() {
  const chunks: Buffer[] = [];
  let kept = 0;
  let left = 0;
  return {
    add: (chunk: Buffer): void => {
      chunks.push(chunk);
      kept += chunk.length;
      while (kept > MAX_OUTPUT_BYTES && chunks.length > 1) {
        const size = chunks.shift()?.length ?? 0;
        kept -= size;
        left += size;
      }
    },
    text: (): string => {
      const text = Buffer.concat(chunks).toString("utf8");
      return left === 0 ? text : `(the first ${left} bytes are left out)\n${text}`;
    },
  };
}

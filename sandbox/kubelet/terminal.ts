/**
 * Terminals for `kubectl exec -t`. Node.js has none of its own: `script` (util-linux) makes them, `stty` sets their
 * size.
 */
import { spawn } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";

/** The command line that runs a command on a new terminal. */
export function onTerminal(command: readonly string[]): readonly string[] {
  return ["script", "--quiet", "--return", "--command", `exec ${command.map(quoted).join(" ")}`, "/dev/null"];
}

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** @param pid of `script`. A terminal that is not there yet, or no more, keeps the size that it has. */
export function resizeTerminal(pid: number, columns: number, rows: number): void {
  const terminal = terminalOf(pid);
  if (terminal === undefined) return;
  const size = ["cols", String(columns), "rows", String(rows)];
  spawn("stty", ["-F", terminal, ...size], { stdio: "ignore" }).on("error", () => {});
}

function terminalOf(pid: number): string | undefined {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
    const terminal = readlinkSync(`/proc/${child}/fd/0`);
    return terminal.startsWith("/dev/pts/") ? terminal : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
}

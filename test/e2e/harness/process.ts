/** The operator as a separate process, so that it can be killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROGRAM } from "../../program.ts";
import { createJournal, type LogLine } from "./operator.ts";

export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface OperatorProcess {
  readonly lines: readonly LogLine[];
  logged(text: string): Promise<LogLine>;
  /** kill -9. Resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM. Resolves with its exit code. */
  stop(): Promise<number | null>;
}

const FLAGS = ["-port=0", "-interval-floor=100ms", "-metrics-server=http://127.0.0.1:1", "-allow-local-egress"];

export async function startOperatorProcess(
  kubeconfig: string,
  flags: readonly string[] = [],
): Promise<OperatorProcess> {
  const folder = mkdtempSync(join(tmpdir(), "operator-"));
  const file = join(folder, "kubeconfig");
  writeFileSync(file, kubeconfig);
  const journal = createJournal();
  const child = launch([PROGRAM, "operator", `-kubeconfig=${file}`, ...FLAGS, ...flags], {});
  let rest = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith("{")) journal.write(line);
  });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  void ended.then(() => rmSync(folder, { recursive: true, force: true }));
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal);
    return ended;
  };
  await journal.logged("Starting HTTP server");
  return {
    lines: journal.lines,
    logged: journal.logged,
    kill: async () => void (await end("SIGKILL")),
    stop: () => end("SIGTERM"),
  };
}

/** Runs a command to its end. @param as the name under which it is called; its own when absent */
export async function runProgram(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  as?: string,
): Promise<Finished> {
  const folder = mkdtempSync(join(tmpdir(), "program-"));
  try {
    const program = as === undefined ? PROGRAM : join(folder, as);
    if (as !== undefined) symlinkSync(PROGRAM, program);
    const child = launch([program, ...argv], { HOME: folder, ...env });
    let out = "";
    let err = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      out += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      err += text;
    });
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    return { code, out, err };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Node runs the compiled program. */
export function launch(argv: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  const own = { PATH: process.env["PATH"] ?? "", AVIARY_LISTEN_ADDRESS: "127.0.0.1", ...env };
  return spawn(process.execPath, [...argv], { env: own, stdio: ["ignore", "pipe", "pipe"] });
}

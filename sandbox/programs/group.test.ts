/** A program on a leash ends with the sandbox, however the sandbox ends. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import { leashed } from "./group.ts";

/** Says its process id, then waits for ever. */
const PROGRAM = `console.log(process.pid); setInterval(() => {}, 1000);`;

function start(script: string) {
  const [command, ...args] = leashed(process.execPath, ["-e", script]);
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  return {
    child,
    pid: new Promise<number>((resolve) => lines.once("line", (line) => resolve(Number(line)))),
    exited: new Promise<number | null>((resolve) => child.once("exit", resolve)),
    /** The program's output ends with the program. */
    silent: new Promise<void>((resolve) => lines.once("close", () => resolve())),
  };
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe("a program on a leash", () => {
  it("ends when the pipe of its parent is closed, as it is when the parent was killed", async () => {
    const { child, pid, exited, silent } = start(PROGRAM);
    const program = await pid;
    child.stdin.end();
    await Promise.all([exited, silent]);
    expect(isAlive(program)).toBe(false);
  });

  it("ends when it is told to, with the time that it needs", async () => {
    const script = `process.once("SIGTERM", () => setImmediate(() => process.exit(7)));${PROGRAM}`;
    const { child, pid, exited } = start(script);
    const program = await pid;
    child.kill("SIGTERM");
    expect(await exited).toBe(7);
    expect(isAlive(program)).toBe(false);
    child.stdin.destroy();
  });

  it("ends by itself with its own code", async () => {
    const { child, exited } = start("process.exit(3)");
    expect(await exited).toBe(3);
    child.stdin.destroy();
  });

  it("gets its words as they are", async () => {
    const [command, ...args] = leashed("printf", ["%s|", "a b", "$HOME", "'"]);
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    await new Promise((resolve) => child.once("close", resolve));
    expect(text).toBe("a b|$HOME|'|");
    child.stdin.destroy();
  });
});

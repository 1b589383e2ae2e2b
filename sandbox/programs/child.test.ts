/** A program of this machine ends with the sandbox, however the sandbox ends. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { guardOf, startChild } from "./child.ts";

const REST = "setInterval(() => {}, 1000);";

/** A program whose first line is awaited, and its guard. */
async function guarded(script: string, patienceMs?: number) {
  const program = spawn(process.execPath, ["-e", `${script} console.log("up");`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<string>((resolve) => program.once("exit", (code, signal) => resolve(signal ?? `${code}`)));
  await new Promise((resolve) => program.stdout.once("data", resolve));
  const [command, ...args] = guardOf(program.pid ?? 0, patienceMs);
  const guard = spawn(command, args, { stdio: ["pipe", "ignore", "inherit"] });
  const gone = new Promise<void>((resolve) => guard.once("exit", () => resolve()));
  return { program, guard, ended, gone };
}

const parentOf = (pid: number): number =>
  Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);

describe("a guard", () => {
  it("ends its program when the pipe of the sandbox is closed, as it is when the sandbox was killed", async () => {
    const { guard, ended } = await guarded(REST);
    guard.stdin?.end();
    expect(await ended).toBe("SIGTERM");
    guard.kill("SIGKILL");
  });

  it("kills a program that leaves the signal unheeded", async () => {
    const { guard, ended, gone } = await guarded(`process.on("SIGTERM", () => {}); ${REST}`, 100);
    guard.stdin?.end();
    expect(await ended).toBe("SIGKILL");
    await gone;
  });

  it("goes when the program has ended before", async () => {
    const { program, guard, ended, gone } = await guarded(REST);
    program.kill("SIGTERM");
    await ended;
    guard.stdin?.end();
    await gone;
  });
});

describe("a child program", () => {
  const start = (script: string) => {
    const lines: string[] = [];
    const log = (line: string) => void lines.push(line);
    const started = startChild({ command: process.execPath, args: ["-e", script], env: process.env, log });
    return { started, lines };
  };

  it("is the sandbox's own child: signals and its exit code are its own", async () => {
    const { started } = start(REST);
    const child = await started;
    expect(parentOf(child.pid)).toBe(process.pid);
    await child.stop();
    expect(await child.exited).toBe(143);
    expect(await (await start("process.exit(3)").started).exited).toBe(3);
  });

  it("that is not on this machine is reported by name", async () => {
    const missing = startChild({ command: "no-such-program", args: [], env: process.env, log: () => {} });
    await expect(missing).rejects.toThrow("the program no-such-program was not found on this machine");
  });
});

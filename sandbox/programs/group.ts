/** Programs of this machine that run beside the cluster: control planes, proxies, controllers. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { type ChildProgram, startChild } from "./child.ts";

/** Child processes that belong together, in a folder of their own. */
export interface ProgramGroup {
  /** Is removed by `stop`. */
  readonly dir: string;
  /** @throws Error when the program cannot be started */
  start(
    command: string,
    args: readonly string[],
    env?: Readonly<Record<string, string | undefined>>,
  ): Promise<ChildProgram>;
  /**
   * Waits until the program is ready: a URL answers 200, or a question is answered with true.
   * @throws Error when the program ends before, or needs longer than `withinMs`
   */
  ready(program: ChildProgram, ask: string | (() => Promise<boolean>), withinMs?: number): Promise<void>;
  /** Stops the programs, the latest first. */
  stop(): Promise<void>;
}

/** A busy machine takes its time; `sandbox up` waits no longer than a minute. */
const READY_TIMEOUT_MS = 45_000;
const LOOK_AGAIN_MS = 250;
const SEE_LOG = "the sandbox's log has its words";

/** Of one question. */
export const ANSWER_TIMEOUT_MS = 2_000;

const answers = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) }).then(
    async (response) => {
      await response.arrayBuffer();
      return response.ok;
    },
    () => false,
  );

export function programGroup(name: string, log: (line: string) => void): ProgramGroup {
  const dir = mkdtempSync(join(tmpdir(), `aviary-${name}-`));
  const started: ChildProgram[] = [];
  return {
    dir,
    start: async (command, args, env = {}) => {
      const program = await startChild({ command, args, env: { ...process.env, ...env }, cwd: dir, log });
      started.push(program);
      void program.exited.then((code) => log(`${basename(command)} has ended with code ${code}`));
      return program;
    },
    ready: async (program, ask, withinMs = READY_TIMEOUT_MS) => {
      const isReady = typeof ask === "string" ? () => answers(ask) : ask;
      const late = AbortSignal.timeout(withinMs);
      let ended: number | undefined;
      void program.exited.then((code) => {
        ended = code;
      });
      while (!(await isReady())) {
        if (ended !== undefined) throw new Error(`a program of ${name} has ended (code ${ended}); ${SEE_LOG}`);
        if (late.aborted) throw new Error(`${name} was not ready after ${withinMs / 1000} s; ${SEE_LOG}`);
        await setTimeout(LOOK_AGAIN_MS);
      }
    },
    stop: async () => {
      for (const program of started.splice(0).toReversed()) await program.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

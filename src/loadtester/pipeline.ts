/** A command line of built-in programs only, as one program. */
import { curl } from "./curl/curl.ts";
import { grep } from "./grep.ts";
import { grpcHealthProbe } from "./grpc-health.ts";
import { hey } from "./hey/hey.ts";
import { type Program, type ProgramResult, refused, type Understood } from "./program.ts";

/** By the name of the command, without its folder. */
export const PROGRAMS: Readonly<Record<string, Program>> = {
  hey,
  curl,
  grep,
  grpc_health_probe: grpcHealthProbe,
};

/** For messages: the programs that can run without a shell. */
export const POSSIBLE = "hey, curl (one URL, simple flags), curl … | grep WORD and grpc_health_probe are built in";

/** "/usr/bin/hey" -> "hey" */
export function baseName(word: string): string {
  return word.slice(word.lastIndexOf("/") + 1);
}

export function isOurs(word: string): boolean {
  return Object.hasOwn(PROGRAMS, baseName(word));
}

/** The exit code is the last command's, as in a shell without pipefail; all commands share stderr. */
export function understand(commands: readonly (readonly string[])[]): Understood {
  const ready: Extract<Understood, { kind: "ready" }>[] = [];
  for (const [name = "", ...args] of commands) {
    const program = PROGRAMS[baseName(name)];
    if (program === undefined) return refused(`${name} is not built in`);
    const understood = program(args);
    if (understood.kind === "refused") return understood;
    ready.push(understood);
  }
  return {
    kind: "ready",
    run: async (context) => {
      let last: ProgramResult = { exitCode: 0, stdout: context.stdin, stderr: "" };
      let stderr = "";
      for (const program of ready) {
        last = await program.run({ ...context, stdin: last.stdout });
        stderr += last.stderr;
      }
      return { ...last, stderr };
    },
  };
}

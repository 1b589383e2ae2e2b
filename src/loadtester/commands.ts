/**
 * How a command line is run:
 *
 *   hey, curl, curl | grep   the real program, where it is installed and host names are the machine's own;
 *                            else built in (in a sandbox names resolve only through our own HTTP client)
 *   anything else            sh or bash, where the tools are installed
 *   what cannot work         refused at once, with the reason and what is possible
 */
import type { Dispatcher } from "undici";
import type { Clock } from "../ports/clock.ts";
import { type CommandOutcome, runChild } from "./children.ts";
import { baseName, isOurs, POSSIBLE, understand } from "./pipeline.ts";
import type { LoadLimits, Understood } from "./program.ts";
import { readCommandLine } from "./words.ts";

export type Shell = "sh" | "bash";

export type Command =
  | { readonly kind: "ready"; readonly run: (signal: AbortSignal) => Promise<CommandOutcome> }
  | { readonly kind: "refused"; readonly reason: string };

export interface CommandWorld {
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly monotonicMs: () => number;
  readonly limits: LoadLimits;
  /** PATH finds the programs; AVIARY_NAMESERVER says that host names are not the machine's own. */
  readonly env: NodeJS.ProcessEnv;
}

/** Programs that talk to hosts by name. */
const NETWORK_TOOLS = ["hey", "wrk", "curl", "wget", "ghz", "grpc_health_probe", "nc", "ab", "k6", "vegeta", "http"];
const NETWORK_WORD = new RegExp(`(?:^|[\\s;|&(\`/])(${NETWORK_TOOLS.join("|")})(?=\\s|$)`, "m");

/** A command line for `sh -c` or `bash -c`. */
export async function shellCommand(world: CommandWorld, shell: Shell, text: string): Promise<Command> {
  const line = readCommandLine(text);
  const real: Command = { kind: "ready", run: (signal) => runChild(shell, ["-c", text], world.env, signal) };
  if (line.kind === "needs-shell") {
    const tool = isSandboxed(world) ? NETWORK_WORD.exec(text)?.[1] : undefined;
    if (tool !== undefined) {
      return refuse(`${tool} cannot resolve the sandbox's host names, and ${line.because} needs a real shell`);
    }
    const [first] = /^[\w./+-]+(?![\w./+=-])/.exec(text.trim()) ?? [];
    return (await whyMissing(world, shell, first === undefined ? [] : [first])) ?? real;
  }
  const names = line.commands.map(([name = ""]) => name);
  const foreign = isSandboxed(world) ? names.find((name) => NETWORK_TOOLS.includes(baseName(name))) : undefined;
  if (names.every(isOurs)) {
    const installed = foreign === undefined && (await whyMissing(world, shell, names)) === undefined;
    return installed ? real : native(world, understand(line.commands));
  }
  if (foreign !== undefined) {
    const reason = `${baseName(foreign)} cannot resolve the sandbox's host names`;
    const strange = names.find((name) => !isOurs(name)) ?? foreign;
    return refuse(strange === foreign ? reason : `${reason}, and ${strange} is not built in`);
  }
  return (await whyMissing(world, shell, names)) ?? real;
}

/** A program with its arguments, without a shell. */
export async function toolCommand(world: CommandWorld, tool: string, args: readonly string[]): Promise<Command> {
  const missing = await whyMissing(world, undefined, [tool]);
  return missing ?? { kind: "ready", run: (signal) => runChild(tool, args, world.env, signal) };
}

function isSandboxed(world: CommandWorld): boolean {
  return (world.env.AVIARY_NAMESERVER ?? "") !== "";
}

function refuse(reason: string): Command {
  return { kind: "refused", reason: `${reason}; ${POSSIBLE}` };
}

async function whyMissing(
  world: CommandWorld,
  shell: Shell | undefined,
  names: readonly string[],
): Promise<Command | undefined> {
  const wanted = new Set([...(shell === "bash" ? ["bash"] : []), ...names]);
  for (const name of wanted) {
    // The shell itself knows best: it finds its builtins and functions, too.
    const finder = shell === "bash" && name !== "bash" ? "bash" : "sh";
    const never = new AbortController().signal;
    const found = await runChild(finder, ["-c", 'command -v -- "$1"', finder, name], world.env, never);
    if (found.error !== "") return refuse(`${name} is not installed`);
  }
  return undefined;
}

function native(world: CommandWorld, understood: Understood): Command {
  if (understood.kind === "refused") return refuse(understood.reason);
  return {
    kind: "ready",
    run: async (signal) => {
      const { dispatcher, clock, monotonicMs, limits } = world;
      const context = { dispatcher, clock, monotonicMs, limits, signal, stdin: Buffer.alloc(0) };
      const result = await understood.run(context);
      const output = result.stdout.toString("utf8") + result.stderr;
      if (signal.aborted) return { output, error: "signal: killed" };
      return { output, error: result.exitCode === 0 ? "" : `exit status ${result.exitCode}` };
    },
  };
}

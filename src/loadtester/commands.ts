/**
 * How a command line is run:
 *
 *   hey, curl, curl | grep, grpc_health_probe
 *                            the real program, where it is installed and the machine resolves the host names;
 *                            else the built-in one (in a sandbox only the built-in clients resolve names)
 *   anything else            sh or bash, where the tools are installed; in a sandbox they get an HTTP proxy that
 *                            knows the names
 *   what cannot work         refused at once, with the reason and what is possible
 */
import type { Dispatcher } from "undici";
import { lookupVia } from "../net/name-lookup.ts";
import type { Clock } from "../ports/clock.ts";
import { type CommandOutcome, runChild } from "./children.ts";
import { isOurs, POSSIBLE, understand } from "./pipeline.ts";
import type { LoadLimits, Understood } from "./program.ts";
import { readCommandLine } from "./words.ts";

type Ready = Extract<Understood, { readonly kind: "ready" }>;

export type Shell = "sh" | "bash";

export type Command =
  | { readonly kind: "ready"; readonly run: (signal: AbortSignal) => Promise<CommandOutcome> }
  | { readonly kind: "refused"; readonly reason: string };

export interface CommandPorts {
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly monotonicMs: () => number;
  readonly limits: LoadLimits;
  /** PATH finds the programs; AVIARY_NAMESERVER says that the machine does not resolve the host names. */
  readonly env: NodeJS.ProcessEnv;
  /** URL of an HTTP proxy that resolves the sandbox's host names. */
  readonly proxyUrl: () => Promise<string>;
}

/** Programs that connect to hosts by name and ignore `http_proxy`. */
const PROXYLESS = ["hey", "wrk", "ghz", "grpc_health_probe", "nc", "ab"];
/** One of these programs as a command, or as an argument of a program that runs another one. */
const PROXYLESS_WORD = new RegExp(
  "(?:^|[;|&(`]|-c\\s+['\"]|\\b(?:time|timeout \\S+|nohup|exec|xargs)\\s)" +
    `\\s*(?:[\\w./-]*/)?(${PROXYLESS.join("|")})(?=\\s|$)`,
  "m",
);

/** A command line for `sh -c` or `bash -c`. */
export async function shellCommand(ports: CommandPorts, shell: Shell, text: string): Promise<Command> {
  const line = readCommandLine(text);
  const understood = line.kind === "pipeline" && line.commands.every(([name = ""]) => isOurs(name));
  const builtIn = understood ? understand(line.commands) : undefined;
  if (builtIn?.kind === "ready" && isSandboxed(ports)) return native(ports, builtIn.run);
  const stranded = isSandboxed(ports) ? PROXYLESS_WORD.exec(text)?.[1] : undefined;
  if (stranded !== undefined) {
    if (builtIn?.kind === "refused") return refuse(builtIn.reason);
    const because = line.kind === "needs-shell" ? line.because : "this command line";
    return refuse(`${stranded} cannot resolve the sandbox's host names, and ${because} needs a real shell`);
  }
  const missing = await whyMissing(ports, shell, line.kind === "pipeline" ? namesIn(line.commands) : firstWord(text));
  if (missing === undefined) {
    return { kind: "ready", run: async (signal) => runChild(shell, ["-c", text], await childEnv(ports), signal) };
  }
  if (builtIn?.kind === "ready") return native(ports, builtIn.run);
  return builtIn?.kind === "refused" ? refuse(builtIn.reason) : missing;
}

function namesIn(commands: readonly (readonly string[])[]): string[] {
  return commands.map(([name = ""]) => name);
}

/**
 * Nothing when the line does not begin with a plain word, but with an assignment, a function or a word that continues
 * in quotes: the shell reports what is wrong.
 */
function firstWord(text: string): string[] {
  const [first] = /^(?!\d+[<>])[\w./+-]+(?=[\s;&|<>]|$)(?!\s*\()/.exec(text.trim()) ?? [];
  return first === undefined ? [] : [first];
}

async function childEnv(ports: CommandPorts): Promise<NodeJS.ProcessEnv> {
  if (!isSandboxed(ports)) return ports.env;
  const proxy = await ports.proxyUrl();
  const { no_proxy: _lower, NO_PROXY: _upper, ...rest } = ports.env;
  return { ...rest, http_proxy: proxy, HTTP_PROXY: proxy };
}

/** A program with its arguments, without a shell. */
export async function toolCommand(ports: CommandPorts, tool: string, args: readonly string[]): Promise<Command> {
  const missing = await whyMissing(ports, undefined, [tool]);
  const run = async (signal: AbortSignal) => runChild(tool, args, await childEnv(ports), signal);
  return missing ?? { kind: "ready", run };
}

function isSandboxed(ports: CommandPorts): boolean {
  return (ports.env.AVIARY_NAMESERVER ?? "") !== "";
}

function refuse(reason: string): Command {
  return { kind: "refused", reason: `${reason}; ${POSSIBLE}` };
}

async function whyMissing(
  ports: CommandPorts,
  shell: Shell | undefined,
  names: readonly string[],
): Promise<Command | undefined> {
  const wanted = new Set([...(shell === "bash" ? ["bash"] : []), ...names]);
  for (const name of wanted) {
    // The shell decides: it finds its builtins and functions, too.
    const finder = shell === "bash" && name !== "bash" ? "bash" : "sh";
    const notAborted = new AbortController().signal;
    const found = await runChild(finder, ["-c", 'command -v -- "$1"', finder, name], ports.env, notAborted);
    if (found.error !== "") return refuse(`${name} is not installed`);
  }
  return undefined;
}

function native(ports: CommandPorts, runProgram: Ready["run"]): Command {
  return {
    kind: "ready",
    run: async (signal) => {
      const { dispatcher, clock, monotonicMs, limits, env } = ports;
      const lookup = lookupVia(env.AVIARY_NAMESERVER, env.AVIARY_SEARCH);
      const known = { dispatcher, clock, monotonicMs, limits, ...(lookup !== undefined && { lookup }) };
      const result = await runProgram({ ...known, signal, stdin: Buffer.alloc(0) });
      const output = result.stdout.toString("utf8") + result.stderr;
      if (signal.aborted) return { output, error: "signal: killed" };
      return { output, error: result.exitCode === 0 ? "" : `exit status ${result.exitCode}` };
    },
  };
}

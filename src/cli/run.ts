/** Finds the command that the first words name and runs it; help and errors look the same for all of them. */
import { basename } from "node:path";
import { didYouMean } from "../core/spec/nearest.ts";
import { visible } from "../net/show.ts";
import { AVIARY_VERSION, FLAGGER_VERSION } from "../version.ts";
import { alignColumns } from "./columns.ts";
import { type CommandContext, type CommandRow, type ExitCode, UserError } from "./command.ts";
import { COMMANDS } from "./table.ts";

/** Names under which the program is a single command, as in Flagger's images: `./flagger -log-level=info`. */
const CALLED: Readonly<Record<string, string>> = { flagger: "operator", loadtester: "loadtester" };

/**
 * The words of the command line, with the command that the program's own name stands for in front.
 * @param program path under which the command was called
 */
export function wordsOf(program: string, argv: readonly string[]): readonly string[] {
  const command = CALLED[basename(program)];
  const [first = "-"] = argv;
  return command === undefined || !first.startsWith("-") ? argv : [command, ...argv];
}

export async function runCommandLine(context: CommandContext): Promise<ExitCode> {
  const { argv, out, err } = context;
  const row = findCommand(argv);
  if (row === undefined) return listCommands(context);
  const rest = argv.slice(row.name.split(" ").length);
  const command = await row.load();
  // The operator and the load tester read Go's flags, which know -h and -help, too.
  if (rest.some((word) => word === "--help" || word === "-h" || word === "-help")) {
    out(`aviary ${row.name}: ${row.summary}\n\n${command.help}\n`);
    return 0;
  }
  try {
    return await command.run({ ...context, argv: rest });
  } catch (error) {
    if (context.signal.aborted && !(error instanceof UserError)) {
      err(`aviary ${row.name}: stopped\n`);
      return 130;
    }
    const trouble = machineTrouble(error);
    if (trouble !== undefined) {
      err(`aviary ${row.name}: ${trouble}\n`);
      return 1;
    }
    if (!(error instanceof UserError)) throw error;
    err(
      error.message
        .split("\n")
        .map((line) => `aviary ${row.name}: ${visible(line)}\n`)
        .join(""),
    );
    return error.exitCode;
  }
}

/** Troubles of the machine that a person can mend, by the code of the system's error. */
const TROUBLES: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full: free some space, and call the command again",
  EDQUOT: "the disk quota is used up: free some space, and call the command again",
  EROFS: "the file system can only be read: choose another folder",
  EMFILE: "too many files are open: raise the limit (ulimit -n), and call the command again",
};

/** @returns one line instead of a stack; undefined for every other error */
export function machineTrouble(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof UserError) return undefined;
  const { code = "", path } = error as NodeJS.ErrnoException;
  const text = Object.hasOwn(TROUBLES, code) ? TROUBLES[code] : undefined;
  return text === undefined || path === undefined ? text : `${path}: ${text}`;
}

function findCommand(argv: readonly string[]): CommandRow | undefined {
  const matching = COMMANDS.filter(({ name }) => name.split(" ").every((word, i) => argv[i] === word));
  return matching.sort((a, b) => b.name.length - a.name.length)[0];
}

function listCommands({ argv, out, err }: CommandContext): ExitCode {
  const [first] = argv;
  if (first === "--version" || first === "version") {
    out(`aviary ${AVIARY_VERSION} (Flagger ${FLAGGER_VERSION})\n`);
    return 0;
  }
  const group = COMMANDS.filter(({ name }) => name.startsWith(`${first} `));
  const shown = group.length > 0 ? group : COMMANDS;
  const rows = alignColumns(shown.map(({ name, summary }) => `  ${name}\t${summary}`));
  const text = `Aviary: progressive delivery for Kubernetes\n\nUsage: aviary COMMAND [OPTIONS]\n\n${rows}\n\nEach has --help.\n`;
  if (first === undefined || first === "--help" || first === "-h" || first === "help") {
    out(text);
    return 0;
  }
  const words = argv.join(" ");
  const hint =
    didYouMean(
      words,
      COMMANDS.map(({ name }) => name),
    ) ||
    didYouMean(
      first,
      COMMANDS.map(({ name }) => name),
    );
  // The suggestion would scroll out of sight above the list.
  const more = hint === "" ? `\n${text}` : "`aviary --help` lists all commands\n";
  err(
    group.length > 0 ? text : `aviary: there is no command "${visible(hint === "" ? words : first)}"${hint}\n${more}`,
  );
  return 2;
}

/** Commands are data: help, completion and documentation are made from the same table that runs them. */

export interface CommandContext {
  /** Words after the command's name, options included. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Aborted by SIGINT and SIGTERM; a second signal ends the process. */
  readonly signal: AbortSignal;
}

/** 0 done, 1 failed, 2 the command line is wrong, 3 to 7 as `aviary status` says, 130 interrupted. */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 130;

/** A row of the table: what help lists, and where the rest is found when it is needed. */
export interface CommandRow {
  /** Words, e.g. "sandbox up". */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

export interface Command {
  /** Everything below the usage line in `--help`. */
  readonly help: string;
  readonly run: (context: CommandContext) => Promise<ExitCode>;
}

/** Something the user did or has to do: printed without a stack. */
export class UserError extends Error {
  constructor(
    message: string,
    readonly exitCode: ExitCode = 1,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "UserError";
  }
}

/** Options of our own commands: `--name value`, `--name=value`, `-o json`. Node's parser, with errors for people. */
import { type ParseArgsConfig, parseArgs } from "node:util";
import { didYouMean } from "../core/spec/nearest.ts";
import { errorText } from "../error-text.ts";
import { parseDuration } from "../go/duration.ts";
import { UserError } from "./command.ts";

export interface OptionSpec {
  readonly type: "string" | "boolean";
  readonly short?: string;
  readonly preset?: string;
  /** May be given several times. */
  readonly multiple?: true;
  readonly help: string;
}

/** For commands that print a text of their own, or JSON. */
export const OUTPUT = {
  output: { type: "string", short: "o", preset: "text", help: "text or json" },
} as const satisfies Record<string, OptionSpec>;

/** For commands that print a table, or JSON. */
export const TABLE_OUTPUT = {
  output: { type: "string", short: "o", preset: "table", help: "table or json" },
} as const satisfies Record<string, OptionSpec>;

export interface ReadOptions {
  readonly text: (name: string) => string | undefined;
  /** Every value of an option that may be given several times. */
  readonly texts: (name: string) => readonly string[];
  readonly flag: (name: string) => boolean;
  readonly words: readonly string[];
}

/** @throws UserError (exit code 2) for what is not in the table */
export function readOptions(argv: readonly string[], table: Readonly<Record<string, OptionSpec>>): ReadOptions {
  const options: ParseArgsConfig["options"] = Object.fromEntries(
    Object.entries(table).map(([name, { type, short, multiple = false }]) => [
      name,
      { type, multiple, ...(short === undefined ? {} : { short }) },
    ]),
  );
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    const [message = ""] = errorText(error).split(/\.\s/);
    const dashed = /Option '(.*)' argument is ambiguous/.exec(message)?.[1];
    const unknown = /Unknown option '--?([^']*)'/.exec(message)?.[1];
    const hint = unknown === undefined ? "" : didYouMean(unknown, Object.keys(table));
    throw new UserError(
      `${dashed === undefined ? message : `${dashed} needs a value that does not begin with -`}${hint}; see --help`,
      2,
    );
  }
  return {
    text: (name) => {
      const value = parsed.values[name];
      return typeof value === "string" ? value : table[name]?.preset;
    },
    texts: (name) => {
      const value = parsed.values[name];
      return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
    },
    flag: (name) => parsed.values[name] === true,
    words: parsed.positionals,
  };
}

/** @returns milliseconds, above 0 @param example "90s or 5m" @throws UserError (exit code 2) */
export function durationOf(text: string, name: string, example: string): number {
  const ms = parseDuration(text);
  if (typeof ms === "number" && ms > 0) return ms;
  throw new UserError(`--${name} must be a duration such as ${example}, found "${text}"`, 2);
}

/** @throws UserError (exit code 2) when a value is none of those that the option knows */
export function oneOf<T extends string>({ text }: ReadOptions, name: string, values: readonly T[]): T {
  const found = values.find((value) => value === text(name));
  if (found === undefined) throw new UserError(`--${name} must be ${values.join(" or ")}, found "${text(name)}"`, 2);
  return found;
}

/** @throws UserError (exit code 2) when there are words, of a command that takes none */
export function refuseWords({ words }: ReadOptions): void {
  if (words.length > 0) throw new UserError(`takes options only, found "${words.join(" ")}"; see --help`, 2);
}

/** A line per option, for `--help`. */
export function describeOptions(table: Readonly<Record<string, OptionSpec>>): string {
  return Object.entries(table)
    .map(([name, { type, short, preset, help }]) => {
      const value = type === "string" ? " VALUE" : "";
      const names = `${short === undefined ? "" : `-${short}, `}--${name}${value}`;
      return `  ${names.padEnd(28)} ${help}${preset === undefined ? "" : ` (default ${preset})`}`;
    })
    .join("\n");
}

/** @throws UserError (exit code 2) */
export function portOf(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new UserError(`${option} must be a port number from 0 to 65535, found "${text}"`, 2);
  }
  return port;
}

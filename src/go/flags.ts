/** Command lines as Go's `flag` package reads them: one or two dashes, `-f v` or `-f=v`, booleans without a value. */

import { parseDuration } from "./duration.ts";
import { quote } from "./format.ts";

export type FlagKind = "text" | "int" | "number" | "bool" | "duration";
export type FlagTable = Readonly<Record<string, FlagKind>>;

export interface GivenFlags {
  /**
   * Values by name, in the order given (a flag may be repeated). Booleans are "true" or "false"; numbers are checked.
   */
  readonly values: ReadonlyMap<string, readonly string[]>;
  /** What follows the flags. */
  readonly rest: readonly string[];
}

export type FlagsResult =
  | { readonly kind: "flags"; readonly flags: GivenFlags }
  | { readonly kind: "help" }
  /** Text in the words of Go's package, e.g. "flag provided but not defined: -x". */
  | { readonly kind: "wrong"; readonly message: string };

const BOOLS: Readonly<Record<string, boolean>> = {
  ...{ "1": true, t: true, T: true, true: true, TRUE: true, True: true },
  ...{ "0": false, f: false, F: false, false: false, FALSE: false, False: false },
};

/** Go's strconv.ParseBool; undefined when the text is none of its twelve spellings. */
export function parseBool(text: string): boolean | undefined {
  return Object.hasOwn(BOOLS, text) ? BOOLS[text] : undefined;
}

export function readGoFlags(argv: readonly string[], table: FlagTable): FlagsResult {
  const values = new Map<string, string[]>();
  let at = 0;
  for (; at < argv.length; at += 1) {
    const arg = argv[at] ?? "";
    if (arg === "--") return { kind: "flags", flags: { values, rest: argv.slice(at + 1) } };
    if (arg.length < 2 || !arg.startsWith("-")) break;
    const body = arg.slice(arg.startsWith("--") ? 2 : 1);
    if (body === "" || /^[-=]/.test(body)) return { kind: "wrong", message: `bad flag syntax: ${arg}` };
    const equals = body.indexOf("=");
    const name = equals === -1 ? body : body.slice(0, equals);
    const kind = Object.hasOwn(table, name) ? table[name] : undefined;
    if (kind === undefined) {
      if (name === "h" || name === "help") return { kind: "help" };
      return { kind: "wrong", message: `flag provided but not defined: -${name}` };
    }
    let value = equals === -1 ? undefined : body.slice(equals + 1);
    if (value === undefined && kind === "bool") value = "true";
    if (value === undefined) {
      at += 1;
      value = argv[at];
    }
    if (value === undefined) return { kind: "wrong", message: `flag needs an argument: -${name}` };
    if (!fits(value, kind)) {
      const what = kind === "bool" ? `boolean value ${quote(value)} for` : `value ${quote(value)} for flag`;
      return { kind: "wrong", message: `invalid ${what} -${name}: parse error` };
    }
    values.set(name, [...(values.get(name) ?? []), kind === "bool" ? String(parseBool(value)) : value]);
  }
  return { kind: "flags", flags: { values, rest: argv.slice(at) } };
}

function fits(value: string, kind: FlagKind): boolean {
  if (kind === "int") return /^[+-]?\d{1,15}$/.test(value);
  if (kind === "number") return value.trim() === value && value !== "" && Number.isFinite(Number(value));
  if (kind === "bool") return parseBool(value) !== undefined;
  if (kind === "duration") return typeof parseDuration(value) === "number";
  return true;
}

/** The value that counts: the last one given. */
export function lastOf(flags: GivenFlags, name: string): string | undefined {
  return flags.values.get(name)?.at(-1);
}

/** A flag of kind "duration" in milliseconds; `presetMs` when it was not given. */
export function durationOf(flags: GivenFlags, name: string, presetMs: number): number {
  const given = lastOf(flags, name);
  const parsed = given === undefined ? presetMs : parseDuration(given);
  return typeof parsed === "number" ? parsed : presetMs;
}

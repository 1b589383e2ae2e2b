/** Go's fmt for the values a template can hold: `%v`, print, println and printf. */
import { formatFixed, quote, shortest } from "../../go/format.ts";
import type { Value } from "./tree.ts";

export function typeName(value: Value): string {
  switch (typeof value) {
    case "string":
      return "string";
    case "bigint":
      return "int";
    case "number":
      return "float64";
    case "boolean":
      return "bool";
    default:
      return value === null ? "<nil>" : "map[string]string";
  }
}

/** From this exponent on a float is printed with one: 999999.5, but 1e+06. */
const LARGEST_PLAIN = 6;

/** `%v`. */
export function printed(value: Value): string {
  if (typeof value === "number")
    return Number.isFinite(value) ? shortest(value, -4, LARGEST_PLAIN) : formatFixed(value, 0);
  if (value === null) return "<nil>";
  if (typeof value !== "object") return String(value);
  const entries = [...value].sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, item]) => `${key}:${item}`).join(" ")}]`;
}

/** fmt.Sprint: a space between two values when neither is a string. */
export function sprint(values: readonly Value[]): string {
  return values.reduce<string>((text, value, i) => {
    const before = values[i - 1];
    const space = i > 0 && typeof value !== "string" && typeof before !== "string" ? " " : "";
    return text + space + printed(value);
  }, "");
}

/** fmt.Sprintln. */
export function sprintln(values: readonly Value[]): string {
  return `${values.map(printed).join(" ")}\n`;
}

/** Go's limit is a million. A query needs ten. */
const WIDEST = 1_000;
/** The limit of one rendering. */
const LONGEST = 262_144;

const VERB = /%([-+# 0]*)(\d*)(?:\.(\d*))?(\*|\[|[^\d.]|$)/gsu;

interface Verb {
  readonly flags: string;
  readonly precision: number | undefined;
  readonly letter: string;
}

/** fmt.Sprintf, with Go's marks for wrong arguments: `%!d(string=x)`, `%!s(MISSING)`, `%!(EXTRA int=1)`. */
export function sprintf(format: string, values: readonly Value[]): string {
  let used = 0;
  let made = 0;
  const text = format.replace(
    VERB,
    (_, flags: string, width: string, precision: string | undefined, letter: string) => {
      if (letter === "%") return "%";
      if (letter === "") return "%!(NOVERB)";
      if (letter === "*" || letter === "[") throw new Error(`printf: %${letter} is not supported in metric templates`);
      if (Math.max(Number(width), Number(precision ?? 0)) > WIDEST) {
        throw new Error(`printf: a width or precision of more than ${WIDEST} is not supported in metric templates`);
      }
      const value = values[used];
      used += 1;
      if (value === undefined) return `%!${letter}(MISSING)`;
      const places = precision === undefined ? undefined : Number(precision);
      const body = formatted(value, { flags, precision: places, letter });
      const filled = padded(body, flags, Number(width), value);
      made += filled.length;
      if (made > LONGEST) throw new Error("printf: the text is longer than 256 KiB");
      return filled;
    },
  );
  const extra = values.slice(used).map((value) => (value === null ? "<nil>" : `${typeName(value)}=${printed(value)}`));
  return extra.length === 0 ? text : `${text}%!(EXTRA ${extra.join(", ")})`;
}

function padded(text: string, flags: string, width: number, value: Value): string {
  const missing = width - [...text].length;
  if (missing <= 0) return text;
  if (flags.includes("-")) return text + " ".repeat(missing);
  if (!flags.includes("0")) return " ".repeat(missing) + text;
  const sign = typeof value === "string" ? "" : (/^[-+ ]/.exec(text)?.[0] ?? "");
  return sign + "0".repeat(missing) + text.slice(sign.length);
}

function formatted(value: Value, verb: Verb): string {
  if (verb.letter === "T") return typeName(value);
  const text =
    typeof value === "string"
      ? ofString(value, verb)
      : typeof value === "bigint"
        ? ofInt(value, verb)
        : typeof value === "number"
          ? ofFloat(value, verb)
          : verb.letter === "v" || (verb.letter === "t" && typeof value === "boolean")
            ? printed(value)
            : verb.letter === "s" && value !== null && typeof value === "object"
              ? printed(value)
              : undefined;
  if (text !== undefined) return text;
  return value === null ? `%!${verb.letter}(<nil>)` : `%!${verb.letter}(${typeName(value)}=${printed(value)})`;
}

function ofString(value: string, { letter, precision, flags }: Verb): string | undefined {
  const cut = precision === undefined ? value : [...value].slice(0, precision).join("");
  switch (letter) {
    case "v":
      return flags.includes("#") ? quote(cut) : cut;
    case "s":
      return cut;
    case "q":
      return flags.includes("#") && !/[`\p{Cc}]/u.test(cut.replaceAll("\t", "")) ? `\`${cut}\`` : quote(cut);
    case "x":
      return Buffer.from(cut).toString("hex");
    case "X":
      return Buffer.from(cut).toString("hex").toUpperCase();
    default:
      return undefined;
  }
}

const BASES: Readonly<Record<string, number>> = { b: 2, o: 8, d: 10, v: 10, x: 16, X: 16 };

function ofInt(value: bigint, { letter, flags, precision }: Verb): string | undefined {
  const base = BASES[letter];
  if (base !== undefined) {
    const digits = (value < 0n ? -value : value).toString(base).padStart(precision ?? 0, "0");
    const prefix = flags.includes("#") ? ({ b: "0b", o: "0", x: "0x", X: "0X" }[letter] ?? "") : "";
    return signOf(value < 0n, flags) + prefix + (letter === "X" ? digits.toUpperCase() : digits);
  }
  const code = Number(value);
  const char = code >= 0 && code <= 0x10ffff ? String.fromCodePoint(code) : "\uFFFD";
  if (letter === "c") return char;
  if (letter === "q") return char === "'" ? "'\\''" : `'${char === '"' ? '"' : quote(char).slice(1, -1)}'`;
  return letter === "U" ? `U+${value.toString(16).toUpperCase().padStart(4, "0")}` : undefined;
}

function ofFloat(value: number, { letter, flags, precision }: Verb): string | undefined {
  const body = Number.isFinite(value) ? floatBody(value, letter, precision) : formatFixed(value, 0);
  if (body === undefined) return undefined;
  return /^[-+]/.test(body) ? body : signOf(false, flags) + body;
}

function floatBody(value: number, letter: string, precision: number | undefined): string | undefined {
  switch (letter) {
    case "f":
    case "F":
      return formatFixed(value, precision ?? 6);
    case "e":
    case "E": {
      const text = value.toExponential(precision ?? 6).replace(/e([-+])(\d)$/, "e$10$2");
      return letter === "E" ? text.toUpperCase() : text;
    }
    case "v":
    case "g":
    case "G": {
      if (precision === undefined) return shortest(value, -4, LARGEST_PLAIN);
      const rounded = Number(value.toPrecision(Math.max(precision, 1)));
      return shortest(rounded, -4, Math.max(precision, 1));
    }
    default:
      return undefined;
  }
}

function signOf(negative: boolean, flags: string): string {
  if (negative) return "-";
  if (flags.includes("+")) return "+";
  return flags.includes(" ") ? " " : "";
}

/**
 * Durations as Go writes and reads them: "1m30s". In memory a duration is a number of milliseconds, down to the
 * nanosecond.
 */

/** Why a text is no duration; `message` is Go's text, which events contain. */
export interface DurationError {
  readonly kind: "duration-error";
  readonly message: string;
}

const NANOSECONDS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n, // U+00B5, micro sign
  μs: 1_000n, // U+03BC, Greek mu
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const LONGEST = (1n << 63n) - 1n;

/** "1m30s", "1.5h", "-2s", "0". @returns milliseconds, possibly fractional and negative, or the error as a value */
export function parseDuration(text: string): number | DurationError {
  const failed = (message: string): DurationError => ({ kind: "duration-error", message: `time: ${message}` });
  const invalid = () => failed(`invalid duration ${quoted(text)}`);
  const sign = /^[-+]/.exec(text)?.[0] ?? "";
  let rest = text.slice(sign.length);
  if (rest === "0") return 0;
  if (rest === "") return invalid();
  let total = 0n;
  while (rest !== "") {
    const [number = "", whole = "", fraction = ""] = /^(\d*)(?:\.(\d*))?/.exec(rest) ?? [];
    if (whole === "" && fraction === "") return invalid();
    rest = rest.slice(number.length);
    const name = /^[^.\d]*/.exec(rest)?.[0] ?? "";
    if (name === "") return failed(`missing unit in duration ${quoted(text)}`);
    const unit = NANOSECONDS[name];
    if (unit === undefined) return failed(`unknown unit ${quoted(name)} in duration ${quoted(text)}`);
    rest = rest.slice(name.length);
    total += BigInt(whole || "0") * unit + nanoseconds(fraction, unit);
    if (total > LONGEST) return invalid();
  }
  return (Number(total) / 1e6) * (sign === "-" && total !== 0n ? -1 : 1);
}

/**
 * Go reads the digits after the point as floats do: "0.333…h" with 19 digits is twenty minutes, not a nanosecond less.
 */
function nanoseconds(fraction: string, unit: bigint): bigint {
  const digits = fraction.slice(0, BigInt(fraction.slice(0, 19) || "0") > LONGEST ? 18 : 19);
  return BigInt(Math.trunc(Number(digits) * (Number(unit) / 10 ** digits.length)));
}

/** Milliseconds as Go prints a duration: "0s", "500ms", "1.515s", "1m0s", "1h0m0s". */
export function formatDuration(milliseconds: number): string {
  const total = BigInt(Math.round(Math.abs(milliseconds) * 1e6));
  if (total === 0n) return "0s";
  const sign = milliseconds < 0 ? "-" : "";
  if (total < 1_000n) return `${sign}${total}ns`;
  if (total < 1_000_000n) return `${sign}${decimal(total, 3)}µs`;
  if (total < 1_000_000_000n) return `${sign}${decimal(total, 6)}ms`;
  const minutes = total / 60_000_000_000n;
  const seconds = `${decimal(total % 60_000_000_000n, 9)}s`;
  if (minutes === 0n) return sign + seconds;
  return minutes < 60n ? `${sign}${minutes}m${seconds}` : `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

/** `value` / 10^places without trailing zeros. */
function decimal(value: bigint, places: number): string {
  const digits = String(value).padStart(places + 1, "0");
  const fraction = digits.slice(-places).replace(/0+$/, "");
  return digits.slice(0, -places) + (fraction === "" ? "" : `.${fraction}`);
}

/** Go's package time quotes in its own way: every byte beyond printable ASCII as \xNN. */
function quoted(text: string): string {
  const escaped = (char: string): string => {
    if (char === '"' || char === "\\") return `\\${char}`;
    if (char >= "\x80") return encodeURIComponent(char).toLowerCase().replaceAll("%", "\\x");
    return char < " " ? `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}` : char;
  };
  return `"${[...text.replace(/[\uD800-\uDFFF]/gu, "\uFFFD")].map(escaped).join("")}"`;
}

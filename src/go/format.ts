/** Values in messages, written as Go's fmt writes them: users grep for these texts. */

/** `%v` of a float: the shortest digits that read back the same; exponents only below 1e-4 and from 1e21 on. */
export function formatFloat(value: number): string {
  return special(value) ?? shortest(value, -4, 21);
}

/** `%.2f`. JavaScript's own toFixed rounds ties up and gives up at 1e21; Go rounds ties to even. */
export function formatFixed2(value: number): string {
  return formatFixed(value, 2);
}

/** `%.Nf`: `decimals` digits after the point, rounded on the exact binary value, ties to even. */
export function formatFixed(value: number, decimals: number): string {
  const name = special(value);
  if (name !== undefined) return name;
  const { mantissa, exponent } = parts(value);
  const scaled = mantissa * 10n ** BigInt(decimals);
  const digits = String(exponent >= 0 ? scaled << BigInt(exponent) : divideToEven(scaled, BigInt(-exponent)));
  const padded = digits.padStart(decimals + 1, "0");
  const sign = isNegative(value) ? "-" : "";
  return decimals === 0 ? sign + padded : `${sign}${padded.slice(0, -decimals)}.${padded.slice(-decimals)}`;
}

/** Shortest digits, with an exponent when it is below `from` or at least `to`: "1e-05", "1e+21". */
export function shortest(value: number, from: number, to: number): string {
  const [digits = "0", power = "0"] = Math.abs(value).toExponential().split("e");
  const exponent = Number(power);
  const sign = isNegative(value) ? "-" : "";
  if (exponent < from || exponent >= to) {
    return `${sign}${digits}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  const plain = digits.replace(".", "");
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${plain}`;
  const whole = plain.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const fraction = plain.slice(exponent + 1);
  return sign + whole + (fraction === "" ? "" : `.${fraction}`);
}

/** `%v` of a list of strings: "[a b c]". */
export function formatList(items: readonly string[]): string {
  return `[${items.join(" ")}]`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  '"': '\\"',
  "\\": "\\\\",
};

/** `%q`: in double quotes; characters that do not print are escaped. */
export function quote(text: string): string {
  const escaped = (char: string): string => {
    const known = ESCAPES[char];
    if (known !== undefined) return known;
    if (/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(char)) return char;
    const code = char.codePointAt(0) ?? 0;
    if (code >= 0xd800 && code <= 0xdfff) return "\uFFFD";
    const hex = code.toString(16);
    if (code < 0x80) return `\\x${hex.padStart(2, "0")}`;
    return code < 0x1_0000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
  };
  return `"${[...text].map(escaped).join("")}"`;
}

function special(value: number): string | undefined {
  if (Number.isNaN(value)) return "NaN";
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  return value === Number.NEGATIVE_INFINITY ? "-Inf" : undefined;
}

function isNegative(value: number): boolean {
  return value < 0 || Object.is(value, -0);
}

/** |value| = mantissa * 2^exponent, exactly. */
function parts(value: number): { readonly mantissa: bigint; readonly exponent: number } {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(value));
  const bits = view.getBigUint64(0);
  const biased = Number(bits >> 52n);
  const fraction = bits & ((1n << 52n) - 1n);
  return biased === 0
    ? { mantissa: fraction, exponent: -1074 }
    : { mantissa: fraction | (1n << 52n), exponent: biased - 1075 };
}

/** dividend / 2^shift, rounded to nearest, ties to even. */
function divideToEven(dividend: bigint, shift: bigint): bigint {
  const quotient = dividend >> shift;
  const rest = dividend - (quotient << shift);
  const half = 1n << (shift - 1n);
  const up = rest > half || (rest === half && (quotient & 1n) === 1n);
  return up ? quotient + 1n : quotient;
}

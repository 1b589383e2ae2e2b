/**
 * What a Kubernetes quantity ("1.5Gi", "100m") becomes inside the API machinery: the spec hash runs over the private
 * fields of that struct. Two ways of holding a number, chosen by the text:
 *
 *   fast   i: value x 10^scale in 64 bits, and the text itself when it is already in canonical form
 *   exact  d: arbitrary precision, for what does not surely fit (and for binary units with a fraction)
 */

export type QuantityFormat = "" | "DecimalSI" | "BinarySI" | "DecimalExponent";

export interface QuantityParts {
  /** The fast form; 0 x 10^0 when `exact` is given. */
  readonly value: bigint;
  readonly scale: number;
  readonly exact?: { readonly unscaled: bigint; readonly scale: number };
  /** The text as it was given when canonical, else empty. */
  readonly text: string;
  readonly format: QuantityFormat;
}

interface Numeral {
  readonly input: string;
  readonly negative: boolean;
  /** Digits before the point without leading zeros, at least one. */
  readonly whole: string;
  readonly fraction: string;
  readonly suffix: { readonly base: 2 | 10; readonly exponent: number; readonly format: QuantityFormat };
}

const INT64_MAX = (1n << 63n) - 1n;
/** Decimal digits that surely fit 64 bits. */
const MAX_DIGITS = 18;
/** Nothing smaller than a nano survives. */
const NANO = 9;
/** In a number that is written out: to calculate with more would block the event loop. No API server stores more. */
const MOST_DIGITS = 10_000;
/** Of a text that is refused, in the message. */
const MOST_SHOWN = 100;

const SUFFIXES: ReadonlyMap<string, Numeral["suffix"]> = new Map([
  ...["n", "u", "m", "", "k", "M", "G", "T", "P", "E"].map((letters, i) => decimal(letters, 3 * (i - 3))),
  ...["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].map((letters, i) => binary(letters, 10 * (i + 1))),
]);

function decimal(letters: string, exponent: number): [string, Numeral["suffix"]] {
  return [letters, { base: 10, exponent, format: "DecimalSI" }];
}

function binary(letters: string, exponent: number): [string, Numeral["suffix"]] {
  return [letters, { base: 2, exponent, format: "BinarySI" }];
}

/** A text that is no quantity, or one that is too long to calculate with. */
export class NoQuantity extends RangeError {
  /** @param why goes on behind the quoted text */
  constructor(
    readonly text: string,
    why: string,
  ) {
    super(`"${text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text}" ${why}`);
    this.name = "NoQuantity";
  }
}

const TOO_LONG = `has more than ${MOST_DIGITS} digits: write it with fewer`;

/** The internals of the quantity `input`. @throws NoQuantity */
export function parseQuantity(input: string): QuantityParts {
  const text = input.trim();
  if (text === "0") return { value: 0n, scale: 0, text, format: "DecimalSI" };
  const number = split(text);
  return fastForm(number) ?? exactForm(number);
}

function split(input: string): Numeral {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?([A-Za-z]*|[eE][+-]?\d+)$/.exec(input);
  const [, sign = "", digits = "", fraction = "", letters = ""] = match ?? [];
  const suffix = suffixOf(letters);
  if (match === null || suffix === undefined || digits + fraction === "") {
    throw new NoQuantity(input, "is not a quantity: expected a number with an optional unit such as 100m or 1.5Gi");
  }
  if (digits.length + fraction.length > MOST_DIGITS) throw new NoQuantity(input, TOO_LONG);
  return { input, negative: sign === "-", whole: digits.replace(/^0+/, "") || "0", fraction, suffix };
}

function suffixOf(letters: string): Numeral["suffix"] | undefined {
  const exponent = /^[eE]([+-]?\d+)$/.exec(letters)?.[1];
  if (exponent === undefined) return SUFFIXES.get(letters);
  return { base: 10, exponent: Number.parseInt(exponent, 10), format: "DecimalExponent" };
}

function fastForm(number: Numeral): QuantityParts | undefined {
  const { whole, fraction, suffix } = number;
  const digits = whole + fraction;
  if (suffix.base === 10) {
    const scale = suffix.exponent - fraction.length;
    if (digits.length > MAX_DIGITS || scale < -NANO) return undefined;
    const canonical = scale % 3 === 0 && !digits.endsWith("000") && !digits.startsWith("0");
    return fast(number, BigInt(digits), scale, canonical);
  }
  // 1Mi = 2^20 takes about six digits of the fifteen that are safe.
  const room = 15 - whole.length - Math.trunc((suffix.exponent * 3) / 10) - 1;
  if (fraction !== "" || room < 0) return undefined;
  const count = BigInt(digits);
  const value = count << BigInt(suffix.exponent);
  if (value > INT64_MAX) return undefined;
  return fast(number, value, 0, suffix.exponent % 10 === 0 && (count & 7n) !== 0n);
}

function fast(number: Numeral, value: bigint, scale: number, canonical: boolean): QuantityParts {
  const signed = number.negative ? -value : value;
  return { value: signed, scale, text: canonical ? number.input : "", format: number.suffix.format };
}

function exactForm({ input, whole, fraction, suffix, negative }: Numeral): QuantityParts {
  const digits = BigInt(whole + fraction);
  const unscaled = suffix.base === 2 ? digits << BigInt(suffix.exponent) : digits;
  let exact = { unscaled, scale: fraction.length - (suffix.base === 10 ? suffix.exponent : 0) };
  let { format } = suffix;
  if (exact.unscaled !== 0n) {
    if (NANO - exact.scale > MOST_DIGITS) throw new NoQuantity(input, TOO_LONG);
    exact = roundedUp(exact);
    if (format === "BinarySI" && exact.unscaled > INT64_MAX * 10n ** BigInt(NANO)) {
      exact = { unscaled: INT64_MAX, scale: 0 };
    } else if (format === "BinarySI" && exact.unscaled < 10n ** BigInt(NANO)) {
      format = "DecimalSI";
    }
  }
  const signed = negative ? -exact.unscaled : exact.unscaled;
  return { value: 0n, scale: 0, exact: { unscaled: signed, scale: exact.scale }, text: "", format };
}

/** To exactly nine decimals, away from zero: something never becomes nothing. */
function roundedUp({ unscaled, scale }: { unscaled: bigint; scale: number }): { unscaled: bigint; scale: number } {
  if (scale <= NANO) return { unscaled: unscaled * 10n ** BigInt(NANO - scale), scale: NANO };
  // It has fewer digits than are cut off.
  if (scale - NANO > MOST_DIGITS) return { unscaled: 1n, scale: NANO };
  const divisor = 10n ** BigInt(scale - NANO);
  return { unscaled: (unscaled + divisor - 1n) / divisor, scale: NANO };
}

const WORD_BITS = 64n;

/** The quantity as the typed dump prints it; `undefined` is the zero value of a field that is not there. */
export function quantityText(input: string | undefined): string {
  const parts: QuantityParts =
    input === undefined || input === "" ? { value: 0n, scale: 0, text: "", format: "" } : parseQuantity(input);
  const { value, scale, text, format } = parts;
  return (
    `{i:(resource.int64Amount){value:(int64)${value} scale:(resource.Scale)${scale}}` +
    ` d:(resource.infDecAmount){Dec:(*inf.Dec)${exactText(parts.exact)}}` +
    ` s:(string)${text} Format:(resource.Format)${format}}`
  );
}

function exactText(exact: QuantityParts["exact"]): string {
  if (exact === undefined) return "<nil>";
  const negative = exact.unscaled < 0n;
  const words = wordsOf(negative ? -exact.unscaled : exact.unscaled);
  const abs = words.length === 0 ? "<nil>" : `[${words.join(" ")}]`;
  return `{unscaled:(big.Int){neg:(bool)${negative} abs:(big.nat)${abs}} scale:(inf.Scale)${exact.scale}}`;
}

function wordsOf(magnitude: bigint): bigint[] {
  const words: bigint[] = [];
  for (let rest = magnitude; rest > 0n; rest >>= WORD_BITS) words.push(BigInt.asUintN(64, rest));
  return words;
}

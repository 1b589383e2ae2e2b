/** FNV-1a over UTF-8, and Kubernetes' spelling of a hash. */

/** The hash of no text. A signed 32-bit number from the start: twice as fast. */
export const FNV_OFFSET = 2166136261 | 0;
const PRIME = 16777619;
const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";

/** 32-bit FNV-1a of the UTF-8 bytes of `text`, unsigned. */
export function fnv1a(text: string): number {
  return fnv1aFrom(FNV_OFFSET, text) >>> 0;
}

/**
 * The hash of a longer text: `before` is the hash of what stands before `text`. Half a surrogate pair counts as U+FFFD,
 * as in Go.
 * @returns a signed number
 */
export function fnv1aFrom(before: number, text: string): number {
  let hash = before;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      hash = Math.imul(hash ^ unit, PRIME);
      continue;
    }
    const point = scalarAt(text, i);
    if (point > 0xffff) i += 1;
    for (const byte of utf8(point)) hash = Math.imul(hash ^ byte, PRIME);
  }
  return hash;
}

/** The decimal text of `hash` in an alphabet without vowels, so that no hash spells a word: 0 is `4`, 9 is `f`. */
export function safeEncode(hash: number): string {
  return [...String(hash)].map((digit) => ALPHABET[(digit.codePointAt(0) ?? 0) % ALPHABET.length]).join("");
}

/** Orders strings by their UTF-8 bytes, as Go does. UTF-16 order differs only above U+FFFF. */
export function compareUtf8(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x === y) continue;
    const [highX, highY] = [isSurrogate(x), isSurrogate(y)];
    return highX === highY ? x - y : highX ? 1 : -1;
  }
  return a.length - b.length;
}

/** The UTF-8 bytes of `text`. */
export function utf8Bytes(text: string): number[] {
  return Array.from(text).flatMap((character) => utf8(scalarAt(character, 0)));
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

function scalarAt(text: string, index: number): number {
  const point = text.codePointAt(index) ?? 0;
  return isSurrogate(point) ? 0xfffd : point;
}

function utf8(point: number): number[] {
  if (point < 0x80) return [point];
  if (point < 0x800) return [0xc0 | (point >> 6), tail(point)];
  if (point < 0x10000) return [0xe0 | (point >> 12), tail(point >> 6), tail(point)];
  return [0xf0 | (point >> 18), tail(point >> 12), tail(point >> 6), tail(point)];
}

function tail(bits: number): number {
  return 0x80 | (bits & 0x3f);
}

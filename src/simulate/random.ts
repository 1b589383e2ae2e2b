/** Random numbers from a seed: the same seed gives the same numbers on every machine. Not for secrets. */

export interface Chance {
  /** A number in [0, 1). */
  next(): number;
  /** A whole number from `min` to `max`, both inclusive. */
  between(min: number, max: number): number;
  /** True with that probability. */
  hits(probability: number): boolean;
  pick<T>(choices: readonly [T, ...T[]]): T;
  /** An independent stream: drawing more numbers here changes no other stream. */
  fork(name: string): Chance;
}

export function createChance(seed: number): Chance {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }
  const between = (min: number, max: number) => min + Math.floor(next() * (max - min + 1));
  return {
    next,
    between,
    hits: (probability) => next() < probability,
    pick: (choices) => choices[between(0, choices.length - 1)] ?? choices[0],
    fork: (name) => createChance(mixText(name, seed)),
  };
}

/** FNV-1a, so that streams of similar seeds and names are independent. */
function mixText(text: string, seed: number): number {
  let hash = 2_166_136_261 ^ Math.imul(seed, 0x9e3779b1);
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 16_777_619);
  return hash >>> 0;
}

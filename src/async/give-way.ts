/** Large pieces of work let others go first: one object never blocks the event loop for long. */
import { setImmediate } from "node:timers/promises";

/** To read or write JSON of this many characters takes less than a millisecond. */
const SMALL = 64 * 1024;

/** Resolves in the next round of the event loop after work on a text of this length; at once when it is small. */
export async function giveWay(characters: number): Promise<void> {
  if (characters > SMALL) await setImmediate();
}

/** A work that took less lets the next one begin at once. */
const SHORT_MS = 2;

/** Does the works one by one, and gives way after each long one. @returns undefined when it is over at once */
export function inPieces(works: readonly (() => unknown)[]): Promise<void> | undefined {
  const rest = works.values();
  return untilLong(rest) ? goOn(rest) : undefined;
}

async function goOn(rest: Iterator<() => unknown>): Promise<void> {
  do await setImmediate();
  while (untilLong(rest));
}

/** @returns whether the last work was long, and others may follow */
function untilLong(rest: Iterator<() => unknown>): boolean {
  for (let next = rest.next(); next.done !== true; next = rest.next()) {
    const begun = performance.now();
    next.value();
    if (performance.now() - begun > SHORT_MS) return true;
  }
  return false;
}

/** So much is done in one round of the event loop before others go first. */
const ROUND_MS = 5;

/**
 * @returns what a piece of work awaits before it begins; undefined: it begins at once. It must not await then, because
 * others would ask meanwhile, when nothing is done yet.
 */
export type Pace = () => Promise<void> | undefined;

/**
 * Thousands of short works that could all begin now share the rounds of the event loop: a work begins at once while
 * little was done in this round, and otherwise in a later one, behind those that wait already.
 */
export function createPace(): Pace {
  let begun: number | undefined;

  function isOver(): boolean {
    if (begun !== undefined) return performance.now() - begun > ROUND_MS;
    begun = performance.now();
    void setImmediate().then(() => {
      begun = undefined;
    });
    return false;
  }

  async function wait(): Promise<void> {
    do await setImmediate();
    while (isOver());
  }

  return () => (isOver() ? wait() : undefined);
}

/** The pace of this process, which has one event loop. */
export const pace = createPace();

/** Its callers go on one by one, each in a round of the event loop of its own. */
export function createTurnstile(): () => Promise<void> {
  let last = Promise.resolve();
  return () => {
    last = last.then(() => setImmediate());
    return last;
  };
}

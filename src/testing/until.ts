/** Waits for a condition in a test without guessing how long it takes. */

const LIMIT_MS = 20_000;

/**
 * Resolves when `holds` returns something truthy; checks after each round of the event loop.
 * @throws Error after 20 s
 */
export async function until<T>(what: string, holds: () => T): Promise<NonNullable<T>> {
  const giveUpAt = performance.now() + LIMIT_MS;
  for (;;) {
    const value = holds();
    if (value) return value as NonNullable<T>;
    if (performance.now() > giveUpAt) throw new Error(`waited ${LIMIT_MS / 1000} s, but this did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

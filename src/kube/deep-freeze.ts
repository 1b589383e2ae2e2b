/** Freezes a JSON value in place. An object of a tenant may be nested deeper than a function can call itself. */
export function deepFreeze<T>(value: T): T {
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next !== "object" || next === null || Object.isFrozen(next)) continue;
    Object.freeze(next);
    const fields = next as Readonly<Record<string, unknown>>;
    for (const key of Object.keys(fields)) waiting.push(fields[key]);
  }
  return value;
}

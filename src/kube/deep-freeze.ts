/** Freezes a JSON value in place. An object of a tenant may be nested deeper than a function can call itself. */
export function deepFreeze<T>(value: T): T {
  const waiting: object[] = isObject(value) ? [value] : [];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (Object.isFrozen(next)) continue;
    Object.freeze(next);
    // The keys of an array would be a text for each entry.
    if (Array.isArray(next)) {
      for (const item of next) if (isObject(item)) waiting.push(item);
      continue;
    }
    const fields = next as Readonly<Record<string, unknown>>;
    for (const key of Object.keys(fields)) {
      const field = fields[key];
      if (isObject(field)) waiting.push(field);
    }
  }
  return value;
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/** JSON values as the store keeps them: frozen, compared by content. */

/** Freezes a JSON value with all its parts. Parts that are frozen already are taken as done. */
export function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) freeze(part);
  return value;
}

/** Equal as JSON: the order of keys does not count, and an undefined field is an absent one. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => same(item, b[i]));
  }
  return sameFields(a as Record<string, unknown>, b as Record<string, unknown>);
}

function sameFields(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  const given = (fields: Record<string, unknown>) => Object.keys(fields).filter((key) => fields[key] !== undefined);
  const keys = given(a);
  return keys.length === given(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]));
}

/** A deep copy that may be changed; undefined fields are dropped as JSON drops them. */
export function copyOf<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copyOf) as T;
  if (typeof value !== "object" || value === null) return value;
  const copy: Record<string, unknown> = {};
  for (const [key, part] of Object.entries(value)) if (part !== undefined) put(copy, key, copyOf(part));
  return copy as T;
}

/** Assignment would call the setter of `__proto__`. */
function put(fields: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") Object.defineProperty(fields, key, { value, enumerable: true, writable: true });
  else fields[key] = value;
}

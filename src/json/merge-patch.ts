/**
 * JSON merge patches (RFC 7386), both ways: the smallest patch between two objects, and the result of applying a patch.
 * A key that a patch does not name stays as it is, at every depth. A key that the patch sets to null is removed.
 */

export type Fields = { readonly [key: string]: unknown };

export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Keys are a tenant's: a label may be called `constructor`, and the key of a ConfigMap `__proto__`. */
const own = (fields: Fields, key: string): unknown => (Object.hasOwn(fields, key) ? fields[key] : undefined);

function put(fields: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== "__proto__") fields[key] = value;
  else Object.defineProperty(fields, key, { value, enumerable: true, configurable: true, writable: true });
}

/** @returns undefined when nothing differs; lists are replaced whole, a removed field is null */
export function mergePatch(from: Fields, to: Fields): Fields | undefined {
  // Rendered objects share the parts that did not change.
  if (from === to) return undefined;
  let patch: Record<string, unknown> | undefined;
  for (const key in to) {
    const before = own(from, key);
    const after = own(to, key);
    if (before === after) continue;
    const change = isAbsent(after) ? (isAbsent(before) ? undefined : null) : changeOf(before, after);
    if (change === undefined) continue;
    patch ??= {};
    put(patch, key, change);
  }
  for (const key in from) {
    if (isAbsent(own(from, key)) || Object.hasOwn(to, key)) continue;
    patch ??= {};
    put(patch, key, null);
  }
  return patch;
}

/** @param after is there @returns undefined when nothing differs */
function changeOf(before: unknown, after: unknown): unknown {
  if (isFields(before) && isFields(after)) return mergePatch(before, after);
  return equal(before, after) ? undefined : after;
}

/** A patch cannot store null, so a wanted null counts as absent. */
const isAbsent = (value: unknown): value is null | undefined => value === null || value === undefined;

/** Equal as JSON; a field with the value undefined counts as absent. */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((entry, i) => equal(entry, b[i]));
  if (!isFields(a) || !isFields(b)) return false;
  for (const key in a) if (!equal(own(a, key), own(b, key))) return false;
  for (const key in b) if (!Object.hasOwn(a, key) && own(b, key) !== undefined) return false;
  return true;
}

/**
 * The object that an API server stores after `patch`. A field of the patch that is undefined is not sent.
 * @returns shares unchanged parts with `stored`; `stored` itself when nothing changes
 */
export function applyMergePatch<T>(stored: T, patch: unknown): T {
  return merged(stored, patch) as T;
}

function merged(stored: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return equal(stored, patch) ? stored : patch;
  const before = isFields(stored) ? stored : {};
  let after: Record<string, unknown> | undefined = isFields(stored) ? undefined : {};
  for (const key in patch) {
    const value = own(patch, key);
    if (value === undefined || (value === null && !Object.hasOwn(before, key))) continue;
    if (value === null) {
      after ??= { ...before };
      delete after[key];
      continue;
    }
    const next = merged(own(before, key), value);
    if (next === own(before, key)) continue;
    after ??= { ...before };
    put(after, key, next);
  }
  return after ?? stored;
}

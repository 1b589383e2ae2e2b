/**
 * JSON merge patches (RFC 7386), both ways: the smallest patch between two objects, and the result of applying a patch.
 * A key that a patch does not name stays as it is, at every depth. A key that the patch sets to null is removed.
 */

export type Fields = { readonly [key: string]: unknown };

export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** @returns undefined when nothing differs; lists are replaced whole, a removed field is null */
export function mergePatch(from: Fields, to: Fields): Fields | undefined {
  // Rendered objects share the parts that did not change.
  if (from === to) return undefined;
  let patch: Record<string, unknown> | undefined;
  for (const key in to) {
    const before = from[key];
    const after = to[key];
    if (before === after) continue;
    const change = isAbsent(after) ? (isAbsent(before) ? undefined : null) : changeOf(before, after);
    if (change === undefined) continue;
    patch ??= {};
    patch[key] = change;
  }
  for (const key in from) {
    if (isAbsent(from[key]) || key in to) continue;
    patch ??= {};
    patch[key] = null;
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
  for (const key in a) if (!equal(a[key], b[key])) return false;
  for (const key in b) if (!(key in a) && b[key] !== undefined) return false;
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
    const value = patch[key];
    if (value === undefined || (value === null && !(key in before))) continue;
    if (value === null) {
      after ??= { ...before };
      delete after[key];
      continue;
    }
    const next = merged(before[key], value);
    if (next === before[key]) continue;
    after ??= { ...before };
    after[key] = next;
  }
  return after ?? stored;
}

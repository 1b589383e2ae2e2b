/** The smallest JSON merge patch (RFC 7386) that turns one object into another. */
import type { KubeObject } from "../ports/kubernetes.ts";

type Fields = { readonly [key: string]: unknown };

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** @returns undefined when nothing differs; lists are replaced whole, a field that goes is null */
export function mergePatch(from: KubeObject, to: KubeObject): Fields | undefined {
  const patch = between(from, to);
  return patch === undefined || Object.keys(patch).length === 0 ? undefined : patch;
}

function between(from: Fields, to: Fields): Fields | undefined {
  const patch: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const before = from[key];
    const after = to[key];
    // What was rendered shares what it did not change.
    if (before === after) continue;
    if (after === undefined) {
      if (before !== undefined) patch[key] = null;
    } else if (isFields(before) && isFields(after)) {
      const nested = between(before, after);
      if (nested !== undefined) patch[key] = nested;
    } else if (!equal(before, after)) {
      patch[key] = after;
    }
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((entry, i) => equal(entry, b[i]));
  if (!isFields(a) || !isFields(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => equal(a[key], b[key]));
}

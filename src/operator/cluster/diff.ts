/** The smallest JSON merge patch (RFC 7386) that turns one object into another. */
import type { KubeObject } from "../../ports/kubernetes.ts";

export type Fields = { readonly [key: string]: unknown };

export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** @returns undefined when nothing differs; lists are replaced whole, a field that goes is null */
export function mergePatch(from: KubeObject, to: KubeObject): Fields | undefined {
  return between(from, to);
}

function between(from: Fields, to: Fields): Fields | undefined {
  // What was rendered shares what it did not change.
  if (from === to) return undefined;
  let patch: Record<string, unknown> | undefined;
  const note = (key: string, value: unknown) => {
    patch ??= {};
    patch[key] = value;
  };
  for (const key of Object.keys(to)) {
    const [before, after] = [from[key], to[key]];
    if (before === after) continue;
    if (after === undefined) note(key, null);
    else if (isFields(before) && isFields(after)) {
      const nested = between(before, after);
      if (nested !== undefined) note(key, nested);
    } else if (!equal(before, after)) note(key, after);
  }
  for (const key of Object.keys(from)) if (from[key] !== undefined && !(key in to)) note(key, null);
  return patch;
}

export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((entry, i) => equal(entry, b[i]));
  if (!isFields(a) || !isFields(b)) return false;
  return (
    Object.keys(a).every((key) => equal(a[key], b[key])) &&
    Object.keys(b).every((key) => key in a || b[key] === undefined)
  );
}

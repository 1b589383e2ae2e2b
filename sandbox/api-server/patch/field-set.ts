/**
 * Sets of field paths, as server-side apply keeps them in metadata.managedFields (`FieldsV1`).
 *
 *   f:spec                 a field
 *     f:ports
 *       k:{"port":80}      an element of a keyed list
 *     f:finalizers
 *       v:"x"              an element of a set
 *   .                      the parent itself is a member too
 */
import { type Fields, isFields } from "../schema/node.ts";

export interface FieldSet {
  readonly member: boolean;
  readonly children: ReadonlyMap<string, FieldSet>;
}

/** The set without paths. */
export const NOTHING: FieldSet = { member: false, children: new Map() };

/** The set of one path: the empty one. */
export const MEMBER: FieldSet = { member: true, children: new Map() };

/** True when the set holds no path. */
export function isEmpty(set: FieldSet): boolean {
  return !set.member && set.children.size === 0;
}

/** Builds a set; children that are empty are left out. */
export function setOf(member: boolean, children: Iterable<readonly [string, FieldSet]>): FieldSet {
  return { member, children: new Map([...children].filter(([, child]) => !isEmpty(child))) };
}

type Choice = (a: boolean, b: boolean) => boolean;

function combine(a: FieldSet, b: FieldSet, choose: Choice): FieldSet {
  const parts = new Set([...a.children.keys(), ...b.children.keys()]);
  const children = [...parts].map(
    (part) => [part, combine(a.children.get(part) ?? NOTHING, b.children.get(part) ?? NOTHING, choose)] as const,
  );
  return setOf(choose(a.member, b.member), children);
}

/** Paths in either set. */
export function union(...sets: readonly FieldSet[]): FieldSet {
  return sets.reduce((a, b) => combine(a, b, (inA, inB) => inA || inB), NOTHING);
}

/** Paths in both sets. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return combine(a, b, (inA, inB) => inA && inB);
}

/** Paths in `a` that are not in `b`. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return combine(a, b, (inA, inB) => inA && !inB);
}

/** True when both sets hold the same paths. */
export function sameSet(a: FieldSet, b: FieldSet): boolean {
  return isEmpty(combine(a, b, (inA, inB) => inA !== inB));
}

/** Every path of the set, printed as kubectl prints conflicts: `.spec.containers[name="app"].image`. */
export function printPaths(set: FieldSet, prefix = ""): string[] {
  const own = set.member && prefix !== "" ? [prefix] : [];
  const below = [...set.children].flatMap(([part, child]) => printPaths(child, prefix + printPart(part)));
  return [...own, ...below];
}

/** One step of a path: `.name`, `[name="app"]`, `[="x"]`. */
export function printPart(part: string): string {
  const text = part.slice(2);
  if (part.startsWith("f:")) return `.${text}`;
  if (part.startsWith("v:")) return `[=${text}]`;
  if (!part.startsWith("k:")) return `[${text}]`;
  const keys = Object.entries(JSON.parse(text) as Fields).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return `[${keys.join(",")}]`;
}

/** Reads the `fieldsV1` of a managedFields entry. */
export function fromFieldsV1(fields: unknown): FieldSet {
  if (!isFields(fields)) return NOTHING;
  const parts = Object.entries(fields).filter(([part]) => part !== ".");
  const children = parts.map(([part, child]) => {
    const set = fromFieldsV1(child);
    return [part, isEmpty(set) ? MEMBER : set] as const;
  });
  return setOf(Object.hasOwn(fields, "."), children);
}

/** Writes a set as `fieldsV1`. */
export function toFieldsV1(set: FieldSet): Fields {
  const children = [...set.children].sort(([a], [b]) => (a < b ? -1 : 1));
  const entries: [string, unknown][] = children.map(([part, child]) => [part, toFieldsV1(child)]);
  if (set.member && children.length > 0) entries.unshift([".", {}]);
  return Object.fromEntries(entries);
}

/** Values walked along their schema, the way server-side apply sees them: which parts have owners of their own. */
import { equal } from "../../../src/json/merge-patch.ts";
import { copyJson, fieldNode, isFields, type SchemaNode } from "../schema/node.ts";
import { appliedOrder } from "./element-order.ts";
import { type FieldSet, MEMBER, NOTHING, setOf } from "./field-set.ts";

interface Part {
  readonly node: SchemaNode | undefined;
  readonly value: unknown;
  /** A field the schema names, as opposed to a map key or a list element. */
  readonly named: boolean;
}

/** The separately owned parts of a value; undefined when it is owned as a whole. */
function partsOf(node: SchemaNode | undefined, value: unknown): Map<string, Part> | undefined {
  if (node?.atomic === true) return undefined;
  if (isFields(value)) {
    const parts = Object.entries(value).map(([name, field]): [string, Part] => [
      `f:${name}`,
      { node: fieldNode(node, name), value: field, named: node?.properties?.has(name) === true },
    ]);
    return new Map(parts);
  }
  if (!Array.isArray(value) || node?.list === undefined || node.list.type === "atomic") return undefined;
  const parts = new Map<string, Part>();
  for (const item of value) {
    const id = elementId(node, item);
    // Two elements with the same keys cannot be told apart: the first one counts.
    if (!parts.has(id)) parts.set(id, { node: node.items, value: item, named: false });
  }
  return parts;
}

/** `k:{"containerPort":80,"protocol":"TCP"}` or `v:"x"`. */
export function elementId(node: SchemaNode, item: unknown): string {
  if (node.list?.type !== "map" || !isFields(item)) return `v:${JSON.stringify(item)}`;
  const keys = [...node.list.keys].sort().map((key) => [key, item[key] ?? defaultKey(node, key)]);
  return `k:${JSON.stringify(Object.fromEntries(keys))}`;
}

/** Keys may be left out when they have a default; of the built-in kinds that is `protocol` alone. */
function defaultKey(node: SchemaNode, key: string): unknown {
  const declared = node.items?.properties?.get(key)?.default;
  return declared ?? (key === "protocol" ? "TCP" : undefined);
}

/** The paths that an applied configuration owns. */
export function fieldSetOf(node: SchemaNode | undefined, value: unknown): FieldSet {
  const parts = partsOf(node, value);
  if (parts === undefined || parts.size === 0) return MEMBER;
  const children = [...parts].map(([id, part]) => {
    const set = fieldSetOf(part.node, part.value);
    return [id, part.named ? set : { ...set, member: true }] as const;
  });
  return setOf(false, children);
}

/** Every path of a value, parents included. */
function allPaths(node: SchemaNode | undefined, value: unknown): FieldSet {
  const children = [...(partsOf(node, value) ?? [])].map(
    ([id, part]) => [id, allPaths(part.node, part.value)] as const,
  );
  return setOf(true, children);
}

export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

const SAME: Comparison = { added: NOTHING, modified: NOTHING, removed: NOTHING };

/** What has to happen to `before` to become `after`. `undefined` stands for an absent value. */
export function compare(node: SchemaNode | undefined, before: unknown, after: unknown): Comparison {
  if (before === undefined && after === undefined) return SAME;
  if (before === undefined) return { ...SAME, added: allPaths(node, after) };
  if (after === undefined) return { ...SAME, removed: allPaths(node, before) };
  if (equal(before, after)) return SAME;
  const old = partsOf(node, before);
  const now = partsOf(node, after);
  if (old === undefined || now === undefined || Array.isArray(before) !== Array.isArray(after)) {
    return { ...SAME, modified: MEMBER };
  }
  const ids = [...new Set([...old.keys(), ...now.keys()])];
  const parts = ids.map((id) => {
    const [a, b] = [old.get(id), now.get(id)];
    return [id, compare(b?.node ?? a?.node, a?.value, b?.value)] as const;
  });
  const pick = (which: keyof Comparison) =>
    setOf(
      false,
      parts.map(([id, part]) => [id, part[which]] as const),
    );
  return { added: pick("added"), modified: pick("modified"), removed: pick("removed") };
}

/** `live` with everything `applied` says; lists with keys are merged element by element. */
export function merge(node: SchemaNode | undefined, live: unknown, applied: unknown): unknown {
  const [old, now] = [partsOf(node, live), partsOf(node, applied)];
  if (old === undefined || now === undefined || Array.isArray(live) !== Array.isArray(applied))
    return copyJson(applied);
  const value = (id: string) => {
    const [a, b] = [old.get(id), now.get(id)];
    return b === undefined ? copyJson(a?.value) : merge(b.node, a?.value, b.value);
  };
  if (Array.isArray(applied)) {
    return appliedOrder([...old.keys()], [...now.keys()]).map(value);
  }
  const ids = new Set([...old.keys(), ...now.keys()]);
  return Object.fromEntries([...ids].map((id) => [id.slice(2), value(id)]));
}

/**
 * `value` without the paths of `gone`. What becomes empty by that goes too (undefined when nothing is left), unless
 * `owned` names it: then it stays, empty.
 */
export function without(node: SchemaNode | undefined, value: unknown, gone: FieldSet, owned: FieldSet): unknown {
  if (gone.member) return undefined;
  if (gone.children.size === 0) return value;
  const below = (part: string, item: unknown, itemNode: SchemaNode | undefined) =>
    without(itemNode, item, gone.children.get(part) ?? NOTHING, owned.children.get(part) ?? NOTHING);
  if (isFields(value)) {
    const fields = Object.entries(value)
      .map(([name, field]) => [name, below(`f:${name}`, field, fieldNode(node, name))] as const)
      .filter(([, field]) => field !== undefined);
    const emptied = fields.length === 0 && Object.keys(value).length > 0;
    return emptied && !owned.member ? undefined : Object.fromEntries(fields);
  }
  if (!Array.isArray(value) || node?.list === undefined || node.list.type === "atomic") return value;
  const kept = value.map((item) => below(elementId(node, item), item, node.items)).filter((item) => item !== undefined);
  return kept.length === 0 && value.length > 0 && !owned.member ? undefined : kept;
}

/**
 * The set plus every named field on the way to a member: owning `spec.strategy.type` holds `spec.strategy` in place.
 */
export function withNamedParents(node: SchemaNode | undefined, set: FieldSet): FieldSet {
  const children = [...set.children].map(([part, child]) => {
    const [below, named] = step(node, part);
    const grown = withNamedParents(below, child);
    return [part, named ? { ...grown, member: true } : grown] as const;
  });
  return setOf(set.member, children);
}

function step(node: SchemaNode | undefined, part: string): [SchemaNode | undefined, boolean] {
  if (!part.startsWith("f:")) return [node?.items, false];
  const name = part.slice(2);
  return [fieldNode(node, name), node?.properties?.has(name) === true];
}

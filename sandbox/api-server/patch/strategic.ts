/**
 * Strategic merge patch: JSON merge patch that knows which lists are keyed.
 *
 *   $patch: delete | replace | merge        what to do with this object, or (in a keyed list) with this element
 *   $deleteFromPrimitiveList/finalizers     elements to take out of a list of scalars
 *   $setElementOrder/containers             the order of the elements after the merge
 *   $retainKeys                             fields of a union to keep; all others go
 */
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import { copyJson, type Fields, fieldNode, isFields, type ObjectSchema, type SchemaNode } from "../schema/node.ts";
import { interleave } from "./element-order.ts";
import { PatchError } from "./errors.ts";

const PATCH = "$patch";
const RETAIN = "$retainKeys";
const DELETE_FROM = "$deleteFromPrimitiveList/";
const ORDER = "$setElementOrder/";

/** Applies a strategic merge patch to a copy. Throws a `PatchError` when the patch is not one. */
export function strategicMergePatch(schema: ObjectSchema, object: KubeObject, patch: unknown): KubeObject {
  if (!isFields(patch))
    throw new PatchError(400, "error decoding patch: a strategic merge patch must be a JSON object");
  return mergeFields(schema.root, object, patch) as KubeObject;
}

const isDirective = (name: string) =>
  name === PATCH || name === RETAIN || name.startsWith(DELETE_FROM) || name.startsWith(ORDER);

function mergeFields(node: SchemaNode | undefined, original: Fields, patch: Fields): Fields {
  const directive = patch[PATCH];
  if (directive === "delete") return {};
  if (directive === "replace") return withoutDirectives({ ...patch, [PATCH]: undefined }) as Fields;
  if (directive !== undefined && directive !== "merge") {
    throw new PatchError(400, `unknown patch type: ${String(directive)} in map: ${JSON.stringify(patch)}`);
  }
  const merged = new Map(Object.entries(retained(original, patch)));
  for (const [name, items] of directives(patch, DELETE_FROM)) {
    const list = merged.get(name);
    if (Array.isArray(list))
      merged.set(
        name,
        list.filter((item) => !items.includes(item)),
      );
  }
  const orders = new Map(directives(patch, ORDER));
  for (const [name, value] of Object.entries(patch)) {
    if (isDirective(name)) continue;
    const field = mergeField(fieldNode(node, name), merged.get(name), value, orders.get(name), name);
    if (field === undefined) merged.delete(name);
    else merged.set(name, field);
  }
  for (const [name, order] of orders) {
    const list = merged.get(name);
    if (Object.hasOwn(patch, name) || !Array.isArray(list)) continue;
    merged.set(name, reorder(list, order, list, fieldNode(node, name)?.patch?.key));
  }
  return Object.fromEntries(merged);
}

/** The directives of one family, by the field they are about. */
function directives(patch: Fields, prefix: string): [string, unknown[]][] {
  return Object.entries(patch)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, value]) => {
      if (!Array.isArray(value)) throw new PatchError(400, `${name}: the value must be a list`);
      return [name.slice(prefix.length), value];
    });
}

function retained(original: Fields, patch: Fields): Fields {
  const keep = patch[RETAIN];
  if (keep === undefined) return original;
  if (!Array.isArray(keep)) throw new PatchError(400, `${RETAIN}: the value must be a list of field names`);
  const stray = Object.entries(patch).find(
    ([name, value]) => !name.startsWith("$") && value !== null && !keep.includes(name),
  );
  if (stray !== undefined) {
    throw new PatchError(400, `${RETAIN}: field "${stray[0]}" is in the patch but not among the retained fields`);
  }
  return Object.fromEntries(Object.entries(original).filter(([name]) => keep.includes(name)));
}

/** The field after the patch; undefined when it goes. */
function mergeField(
  node: SchemaNode | undefined,
  original: unknown,
  patch: unknown,
  order: readonly unknown[] | undefined,
  name: string,
): unknown {
  const strategies = node?.patch?.strategies ?? [];
  if (isFields(patch)) {
    if (!isFields(original)) return asNew(patch);
    return strategies.includes("replace") ? withoutDirectives(patch) : mergeFields(node, original, patch);
  }
  if (!Array.isArray(patch)) return patch === null ? undefined : patch;
  const key = node?.patch?.key;
  if (!Array.isArray(original)) {
    const list = asNew(patch);
    return order === undefined || !Array.isArray(list) ? list : reorder(list, order, [], key);
  }
  if (!strategies.includes("merge")) return withoutDirectives(patch);
  const merged =
    key === undefined ? mergeScalars(original, patch) : mergeElements(node?.items, original, patch, key, name);
  return reorder(merged, order ?? patch, original, key);
}

/**
 * A value of the patch that has no counterpart in the object. A value with a `$patch` directive is removed, even a
 * "replace" with a value: surprising, but so it is in Kubernetes.
 */
function asNew(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asNew).filter((item) => item !== undefined);
  if (!isFields(value)) return copyJson(value);
  if (Object.hasOwn(value, PATCH)) return undefined;
  const entries = Object.entries(value).filter(([name, field]) => field !== null && !isDirective(name));
  const kept = entries.map(([name, field]) => [name, asNew(field)] as const).filter(([, field]) => field !== undefined);
  return Object.fromEntries(kept);
}

function mergeScalars(live: readonly unknown[], patch: readonly unknown[]): unknown[] {
  return [...new Set([...live, ...patch])];
}

function mergeElements(
  items: SchemaNode | undefined,
  live: readonly unknown[],
  patch: readonly unknown[],
  key: string,
  name: string,
): unknown[] {
  const elements = patch.map((element) => keyed(element, key, name));
  const plain = elements.filter((element) => element[PATCH] !== "delete" && element[PATCH] !== "replace");
  if (elements.some((element) => element[PATCH] === "replace")) return withoutDirectives(plain) as unknown[];
  const merged = live.filter(
    (item) => !elements.some((element) => element[PATCH] === "delete" && isFields(item) && item[key] === element[key]),
  );
  for (const element of plain) {
    const at = merged.findIndex((item) => isFields(item) && item[key] === element[key]);
    if (at < 0) merged.push(asNew(element));
    else merged[at] = mergeFields(items, merged[at] as Fields, element);
  }
  return merged;
}

function keyed(element: unknown, key: string, name: string): Fields {
  if (!isFields(element)) {
    throw new PatchError(400, `${name}: expected an object in the list, found ${JSON.stringify(element)}`);
  }
  if (element[PATCH] !== "replace" && element[key] === undefined) {
    throw new PatchError(400, `map: ${JSON.stringify(element)} does not contain declared merge key: ${key}`);
  }
  return element;
}

const identity = (item: unknown, key: string | undefined) =>
  JSON.stringify(key !== undefined && isFields(item) ? item[key] : item);

/** Elements named in `order` come in that order; the others keep their place relative to the live list. */
function reorder(
  merged: readonly unknown[],
  order: readonly unknown[],
  live: readonly unknown[],
  key: string | undefined,
): unknown[] {
  const groups = new Map<string, unknown[]>();
  for (const item of merged) {
    const id = identity(item, key);
    groups.set(id, [...(groups.get(id) ?? []), item]);
  }
  const wanted = new Set(order.map((item) => identity(item, key)).filter((id) => groups.has(id)));
  const place = new Map(live.map((item, index) => [identity(item, key), index]));
  const far = Number.POSITIVE_INFINITY;
  const others = [...groups.keys()]
    .filter((id) => !wanted.has(id))
    .sort((a, b) => (place.get(a) ?? far) - (place.get(b) ?? far));
  const ids = interleave(
    others,
    [...wanted],
    live.map((item) => identity(item, key)),
  );
  return ids.flatMap((id) => groups.get(id) ?? []);
}

/** A value of the patch that replaces what was there: nulls and directives mean nothing in it. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDirectives);
  if (!isFields(value)) return copyJson(value);
  const entries = Object.entries(value).filter(
    ([name, field]) => field !== null && field !== undefined && !isDirective(name),
  );
  return Object.fromEntries(entries.map(([name, field]) => [name, withoutDirectives(field)]));
}

/**
 * The order of merged lists: what the patch says wins, elements only the server knows keep their place among them.
 * The two kinds of patch differ in where new elements go: strategic merge puts them first, server-side apply last.
 */

/**
 * Interleaves `left` (elements only the server has) into `right` (elements of the patch) after the order of `live`.
 * The order within each of the two is kept; all three hold the identities of elements.
 */
export function interleave(left: readonly string[], right: readonly string[], live: readonly string[]): string[] {
  const place = new Map(live.map((id, index) => [id, index]));
  const result: string[] = [];
  let i = 0;
  for (const id of right) {
    const limit = place.get(id);
    while (limit !== undefined && i < left.length && (place.get(left[i] ?? "") ?? Number.POSITIVE_INFINITY) < limit) {
      result.push(left[i] ?? "");
      i += 1;
    }
    result.push(id);
  }
  return [...result, ...left.slice(i)];
}

/**
 * The order after a server-side apply: shared elements as applied, elements of others where they were between them, new
 * elements behind what stood before the next shared one.
 */
export function appliedOrder(live: readonly string[], applied: readonly string[]): string[] {
  const known = new Set(live);
  const wanted = new Set(applied);
  const shared = applied.filter((id) => known.has(id));
  const result = new Set<string>();
  let [l, r] = [0, 0];
  while (l < live.length || r < applied.length) {
    const [left, right] = [live[l], applied[r]];
    const next = shared.find((id) => !result.has(id));
    if (left !== undefined && !wanted.has(left)) {
      result.add(left);
      l += 1;
    } else if (left !== undefined && (right === undefined || result.has(left) || (left !== right && left !== next))) {
      l += 1;
    } else if (right !== undefined) {
      result.add(right);
      r += 1;
    }
  }
  return [...result];
}

/** The order of merged lists: what the patch says wins, elements only the server knows keep their place among them. */

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

/** Random damage to a good value. */
interface Place {
  readonly of: Record<string, unknown>;
  readonly key: string;
}

/**
 * A copy of which one part is replaced by `value`.
 * @param pick the index of the part, of so many parts; an index beyond them replaces the whole
 */
export function broken(whole: unknown, pick: (parts: number) => number, value: unknown): unknown {
  const copy = structuredClone(whole);
  const places = placesIn(copy);
  const place = places[pick(places.length)];
  if (place === undefined) return value;
  place.of[place.key] = value;
  return copy;
}

function placesIn(of: unknown): readonly Place[] {
  if (typeof of !== "object" || of === null) return [];
  const fields = of as Record<string, unknown>;
  return Object.entries(fields).flatMap(([key, inner]) => [{ of: fields, key }, ...placesIn(inner)]);
}

/**
 * What follows from an object that never changes is computed once for it. Specs, templates and the objects of a cache
 * are replaced, never changed, and are read at every turn.
 */
export function perObject<K extends object, V>(compute: (from: K) => V): (from: K) => V {
  const known = new WeakMap<K, V>();
  return (from) => {
    const found = known.get(from);
    if (found !== undefined) return found;
    const made = compute(from);
    known.set(from, made);
    return made;
  };
}

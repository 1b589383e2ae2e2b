/**
 * A queue that is fair between lanes: each lane is first in, first out, and the lanes are served in turns. A lane with
 * a thousand entries delays an entry of another lane by one entry only.
 */
export interface Lanes<T> {
  readonly size: number;
  /** How many entries wait in one lane. */
  sizeOf(lane: string): number;
  has(lane: string, entry: T): boolean;
  /** Adds an entry. An entry that waits already keeps its place. */
  push(lane: string, entry: T): void;
  /** The next entry, of the lane whose turn it is. @param free lanes that may be served; absent: all */
  shift(free?: (lane: string) => boolean): { readonly lane: string; readonly entry: T } | undefined;
  /** Takes one entry out before its turn. @returns false when the entry does not wait */
  remove(lane: string, entry: T): boolean;
  /** Takes the oldest entry out of the longest lane. */
  dropLongest(): { readonly lane: string; readonly entry: T } | undefined;
  clear(): void;
}

export function createLanes<T>(): Lanes<T> {
  // A Map keeps the order of insertion: the lane that was served goes to the end. A Set removes in constant time.
  const lanes = new Map<string, Set<T>>();
  let size = 0;

  function take(lane: string, entry: T): void {
    const entries = lanes.get(lane);
    entries?.delete(entry);
    size -= 1;
    if (entries?.size === 0) lanes.delete(lane);
  }

  return {
    get size() {
      return size;
    },
    sizeOf: (lane) => lanes.get(lane)?.size ?? 0,
    has: (lane, entry) => lanes.get(lane)?.has(entry) === true,
    push(lane, entry) {
      const entries = lanes.get(lane) ?? new Set<T>();
      if (entries.has(entry)) return;
      entries.add(entry);
      lanes.set(lane, entries);
      size += 1;
    },
    shift(free = () => true) {
      for (const [lane, entries] of lanes) {
        if (!free(lane)) continue;
        const [entry] = entries;
        if (entry === undefined) continue;
        take(lane, entry);
        if (lanes.delete(lane)) lanes.set(lane, entries);
        return { lane, entry };
      }
      return undefined;
    },
    remove(lane, entry) {
      if (lanes.get(lane)?.has(entry) !== true) return false;
      take(lane, entry);
      return true;
    },
    dropLongest() {
      let longest: string | undefined;
      for (const [lane, entries] of lanes) {
        if (longest === undefined || entries.size > (lanes.get(longest)?.size ?? 0)) longest = lane;
      }
      const [entry] = longest === undefined ? [] : (lanes.get(longest) ?? []);
      if (longest === undefined || entry === undefined) return undefined;
      take(longest, entry);
      return { lane: longest, entry };
    },
    clear() {
      lanes.clear();
      size = 0;
    },
  };
}

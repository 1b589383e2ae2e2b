/** Label sets. The metric's name is the label `__name__`; an empty value is the same as no label. */
export type Labels = ReadonlyMap<string, string>;

export const NAME = "__name__";

/**
 * One text per label set, for any order of its labels. Joined, and not added up: V8 would keep a text that grew by
 * additions as a tree of its parts, four times as large, and a store has one for each series.
 */
export function keyOf(labels: Labels): string {
  const names = [...labels.keys()].sort();
  return names.flatMap((name) => [name, labels.get(name)]).join("\u0001");
}

/** The label set of these names only. */
export function only(labels: Labels, names: readonly string[]): Labels {
  const kept = new Map<string, string>();
  for (const name of names) {
    const value = labels.get(name);
    if (value !== undefined) kept.set(name, value);
  }
  return kept;
}

/** Without these names, and without the metric's name. */
export function without(labels: Labels, names: readonly string[]): Labels {
  const kept = new Map(labels);
  kept.delete(NAME);
  for (const name of names) kept.delete(name);
  return kept;
}

export function unnamed(labels: Labels): Labels {
  return without(labels, []);
}

/** With one label set, or removed when the value is empty. */
export function withLabel(labels: Labels, name: string, value: string): Labels {
  const changed = new Map(labels);
  if (value === "") changed.delete(name);
  else changed.set(name, value);
  return changed;
}

export function isLabelName(name: string): boolean {
  return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name);
}

/** `{a="b"}`, for messages. */
export function shown(labels: Labels): string {
  const inner = [...labels.keys()].sort().map((name) => `${name}=${JSON.stringify(labels.get(name))}`);
  return `{${inner.join(", ")}}`;
}

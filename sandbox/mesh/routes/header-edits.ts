/** Edits of headers in Node's raw form: a flat list of names and values, so that order and case survive. */
import type { KubeFields } from "../../../src/ports/kubernetes.ts";

export interface HeaderEdits {
  /** Lower case names whose present values go: those to remove and those to set. */
  readonly gone: ReadonlySet<string>;
  /** Flat: name, value, name, value. */
  readonly added: readonly string[];
  /** A new Host header; undefined: unchanged. */
  readonly authority: string | undefined;
}

/** @param operations a HeaderOperations object of Istio: set, add, remove */
export function headerEdits(operations: KubeFields): HeaderEdits | undefined {
  if (operations === undefined || operations === null) return undefined;
  const set: [string, string][] = Object.entries(operations.set ?? {});
  const add: [string, string][] = Object.entries(operations.add ?? {});
  const remove: string[] = operations.remove ?? [];
  if (set.length + add.length + remove.length === 0) return undefined;
  const isHost = ([name]: readonly [string, string]) => /^(host|:authority)$/i.test(name);
  const authority = [...set, ...add].find(isHost)?.[1];
  const plain = [...set, ...add].filter((entry) => !isHost(entry));
  return {
    gone: new Set([...remove, ...set.map(([name]) => name)].map((name) => name.toLowerCase())),
    added: plain.flatMap(([name, value]) => [name, String(value).replaceAll("%%", "%")]),
    authority,
  };
}

/** Applies the edits in place. */
export function editHeaders(headers: string[], edits: HeaderEdits | undefined): void {
  if (edits === undefined) return;
  if (edits.gone.size > 0) removeHeaders(headers, edits.gone);
  for (const text of edits.added) headers.push(text);
}

/** Removes headers by lower case name, in place. */
export function removeHeaders(headers: string[], gone: ReadonlySet<string>): void {
  let kept = 0;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? "";
    if (gone.has(name.toLowerCase())) continue;
    headers[kept] = name;
    headers[kept + 1] = headers[i + 1] ?? "";
    kept += 2;
  }
  headers.length = kept;
}

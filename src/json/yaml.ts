/**
 * YAML of strangers. The library calls itself for each level. Where the stack ends while V8 compiles a regular
 * expression, no error is thrown: the process ends. So the depth is looked at before the text is read.
 */
import { type CST, type Document, Parser, parse, parseAllDocuments } from "yaml";
import { DEEPEST } from "./bounded-json.ts";

/** One document. @throws RangeError when it is nested too deep, an error of the library when it is no YAML */
export function parseYaml(text: string): unknown {
  requireShallow(text);
  return parse(text);
}

/** @throws RangeError when one is nested too deep; the errors of a document are its own */
export function parseYamlDocuments(text: string): readonly Document[] {
  requireShallow(text);
  return parseAllDocuments(text) as readonly Document[];
}

function requireShallow(text: string): void {
  for (const token of new Parser().parse(text)) {
    const waiting: [token: CST.Token, depth: number][] = [[token, 0]];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [within, depth] = next;
      if (depth > DEEPEST) throw new RangeError(`the YAML is nested more than ${DEEPEST} deep`);
      for (const inner of innerOf(within)) waiting.push([inner, depth + 1]);
    }
  }
}

/** The nodes directly within a token. */
function innerOf(token: CST.Token): readonly CST.Token[] {
  const items = "items" in token ? token.items.flatMap(({ key, value }) => [key, value]) : [];
  const value = token.type === "document" ? token.value : undefined;
  return [...items, value].filter((inner) => inner !== null && inner !== undefined);
}

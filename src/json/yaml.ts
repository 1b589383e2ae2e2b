/**
 * YAML of strangers. The library calls itself for each level. Where the stack ends while V8 compiles a regular
 * expression, no error is thrown: the process ends. So the depth of each document is looked at before it is composed.
 */
import { Composer, type CST, type Document, LineCounter, Parser, type YAMLParseError } from "yaml";
import { DEEPEST } from "./bounded-json.ts";

/** One document. @throws RangeError when it is nested too deep, an error of the library when it is no YAML */
export function parseYaml(text: string): unknown {
  const [document, ...others] = parseYamlDocuments(text);
  const [error] = document?.errors ?? [];
  if (error !== undefined) throw error;
  if (others.length > 0) throw new SyntaxError("the YAML has more than one document");
  return document?.toJS() ?? null;
}

/** @throws RangeError when one is nested too deep; the errors of a document are its own, with their place */
export function parseYamlDocuments(text: string): readonly Document[] {
  const lines = new LineCounter();
  const tokens = new Parser(lines.addNewLine).parse(text);
  const documents: readonly Document[] = [...new Composer().compose(shallow(tokens))];
  for (const error of documents.flatMap(({ errors }) => errors)) error.message += placeOf(error, lines);
  return documents;
}

function placeOf({ pos: [at] }: YAMLParseError, lines: LineCounter): string {
  const { line, col } = lines.linePos(at);
  return ` at line ${line}, column ${col}`;
}

/** The tokens one by one, before anything descends into them. */
function* shallow(tokens: Iterable<CST.Token>): Generator<CST.Token> {
  for (const token of tokens) {
    const waiting: [token: CST.Token, depth: number][] = [[token, 0]];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [within, depth] = next;
      if (depth > DEEPEST) throw new RangeError(`the YAML is nested more than ${DEEPEST} deep`);
      for (const inner of innerOf(within)) waiting.push([inner, depth + 1]);
    }
    yield token;
  }
}

/** The nodes directly within a token. */
function innerOf(token: CST.Token): readonly CST.Token[] {
  const items = "items" in token ? token.items.flatMap(({ key, value }) => [key, value]) : [];
  const value = token.type === "document" ? token.value : undefined;
  return [...items, value].filter((inner) => inner !== null && inner !== undefined);
}

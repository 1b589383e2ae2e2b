/**
 * The YAML that programs write into kubeconfigs: block mappings and lists of plain words. Node needs a tenth of a
 * second to load and warm up the whole language, which is more than everything else that a command like `aviary list`
 * does.
 */
import type { KubeFields } from "../ports/kubernetes.ts";

interface Line {
  readonly indent: number;
  /** The line is an entry of a list: what follows the dash stands at this column. */
  readonly item: number | undefined;
  readonly key: string | undefined;
  readonly value: string;
}

/** A word that no schema reads as anything but a string. Digits at the front might make a number or a date. */
const WORD = /^[A-Za-z/][\w./+=:@-]*$/;
const LINE = /^( *)(- )?(?:([A-Za-z][\w.-]*):(?: (.*))?|(.*))$/;
const SPECIAL: Readonly<Record<string, unknown>> = { true: true, false: false, null: null, "{}": {}, "[]": [] };
/** Spellings of true, false and null, old and new: the whole language decides what they are. */
const AMBIGUOUS = /^(?:true|false|null|yes|no|on|off|y|n)$/i;

class NotPlain extends Error {}

/** @returns undefined when the text uses more of YAML than this, or is wrong: then the whole language must read it */
export function parsePlainYaml(text: string): KubeFields | undefined {
  try {
    const lines = text.split("\n").flatMap(lineOf);
    if (lines.length === 0) return undefined;
    const reader = { lines, at: 0 };
    const found = mappingAt(reader, 0);
    return reader.at === lines.length ? found : undefined;
  } catch (error) {
    if (error instanceof NotPlain) return undefined;
    throw error;
  }
}

function lineOf(text: string): readonly Line[] {
  if (text === "" || text.startsWith("#")) return [];
  const [, spaces = "", dash, key, after, word] = LINE.exec(text) ?? [];
  const value = key === undefined ? (word ?? "") : (after ?? "");
  // Nothing follows the colon of a mapping or list; a list of nothing and a second dash are not plain.
  if (key === undefined && (dash === undefined || value === "")) throw new NotPlain();
  const indent = spaces.length;
  return [{ indent, item: dash === undefined ? undefined : indent + dash.length, key, value }];
}

interface Reader {
  readonly lines: Line[];
  at: number;
}

function mappingAt(reader: Reader, indent: number): KubeFields {
  const fields: Record<string, unknown> = Object.create(null);
  for (let line = reader.lines[reader.at]; line !== undefined; line = reader.lines[reader.at]) {
    if (line.indent < indent || (line.indent === indent && line.item !== undefined)) break;
    const { key } = line;
    if (line.indent > indent || key === undefined || key in fields || AMBIGUOUS.test(key)) throw new NotPlain();
    reader.at += 1;
    fields[key] = line.value === "" ? blockAt(reader, indent) : scalar(line.value);
  }
  return { ...fields };
}

/** Below a key without a value stands a mapping or a list that is further in, a list at the same column, or nothing. */
function blockAt(reader: Reader, indent: number): unknown {
  const next = reader.lines[reader.at];
  if (next === undefined || next.indent < indent) return null;
  if (next.item !== undefined) return listAt(reader, next.indent);
  return next.indent > indent ? mappingAt(reader, next.indent) : null;
}

function listAt(reader: Reader, indent: number): unknown[] {
  const entries: unknown[] = [];
  for (let line = reader.lines[reader.at]; line !== undefined; line = reader.lines[reader.at]) {
    if (line.indent < indent || (line.indent === indent && line.item === undefined)) break;
    if (line.indent > indent || line.item === undefined) throw new NotPlain();
    if (line.key === undefined) {
      entries.push(scalar(line.value));
      reader.at += 1;
      continue;
    }
    // The rest of the entry's first line is the first line of a mapping.
    reader.lines[reader.at] = { ...line, indent: line.item, item: undefined };
    entries.push(mappingAt(reader, line.item));
  }
  return entries;
}

function scalar(text: string): unknown {
  if (Object.hasOwn(SPECIAL, text)) return SPECIAL[text];
  const [, quoted] = /^"([^"\\]*)"$/.exec(text) ?? [];
  if (quoted !== undefined) return quoted;
  if (!WORD.test(text) || AMBIGUOUS.test(text) || text.endsWith(":")) throw new NotPlain();
  return text;
}

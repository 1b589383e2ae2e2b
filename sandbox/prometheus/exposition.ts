/** Prometheus' text format, as programs expose their metrics. */
import type { Labels } from "./promql/labels.ts";
import { NAME } from "./promql/labels.ts";

export interface ExposedSample {
  /** The series as written, name and braces: the same text is the same series. */
  readonly series: string;
  readonly value: number;
  /** Milliseconds since the epoch, when the line carries a time. */
  readonly at: number | undefined;
}

export interface Label {
  readonly name: string;
  readonly value: string;
}

const NAME_SHAPE = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL_SHAPE = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,|(?=\}))/sy;
const LABELS_SHAPE = /\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\}/y;
/** What nearly all lines end with; the rest takes the long way. */
const PLAIN_NUMBER = /^\d+(?:\.\d+)?$/;
const SPACE = 32;
const VALUE_SHAPE = /^\s+([^\s#]+)(?:\s+(-?\d+))?\s*(?:#.*)?$/;

/** @throws Error naming the line that cannot be read; then nothing of the text counts, as in Prometheus */
export function parseExposition(text: string, isKnown?: (series: string) => boolean): Generator<ExposedSample> {
  return expositionReader(isKnown)(text);
}

/**
 * Reads one text in blocks of whole lines. An error names the line's number in the text.
 * @param isKnown whether a text is a series of an earlier page: such a line need not be taken apart again
 */
export function expositionReader(isKnown: (series: string) => boolean = () => false) {
  let number = 0;
  return function* read(block: string): Generator<ExposedSample> {
    for (const line of block.split("\n")) {
      number += 1;
      const trimmed = line.trim();
      if (trimmed === "" || trimmed.startsWith("#")) continue;
      yield knownSample(trimmed, isKnown) ?? sampleOf(trimmed, number);
    }
  };
}

/** undefined: a new series, or a value that is no plain number. */
function knownSample(line: string, isKnown: (series: string) => boolean): ExposedSample | undefined {
  const end = line.lastIndexOf(" ");
  const series = line.slice(0, Math.max(0, end));
  if (!isKnown(series)) return undefined;
  const text = line.slice(end + 1);
  return PLAIN_NUMBER.test(text) ? { series, value: Number(text), at: undefined } : undefined;
}

/** The most characters of a block. V8 keeps strings of more than 128 KiB until the next full collection of garbage. */
const BLOCK_LENGTH = 32 * 1024;

/** Lines as a text in blocks, each of whole lines. A line that is longer than a block is a block of its own. */
export function blocksOf(lines: readonly string[]): readonly string[] {
  const blocks: string[] = [];
  let begin = 0;
  let length = 0;
  for (const [i, line] of lines.entries()) {
    if (i > begin && length + line.length >= BLOCK_LENGTH) {
      blocks.push(`${lines.slice(begin, i).join("\n")}\n`);
      begin = i;
      length = 0;
    }
    length += line.length + 1;
  }
  if (begin < lines.length) blocks.push(`${lines.slice(begin).join("\n")}\n`);
  return blocks;
}

function sampleOf(line: string, number: number): ExposedSample {
  const failed = (what: string) =>
    new Error(`line ${number} of the metrics: ${what} in ${JSON.stringify(line.slice(0, 120))}`);
  const end = seriesEnd(line);
  if (end === undefined) throw failed("no metric name, or labels that do not end,");
  const rest = line.slice(end + 1);
  if (line.charCodeAt(end) === SPACE && PLAIN_NUMBER.test(rest)) {
    return { series: line.slice(0, end), value: Number(rest), at: undefined };
  }
  const [, text = "", time] = VALUE_SHAPE.exec(line.slice(end)) ?? [];
  const value = floatOf(text);
  if (value === undefined) throw failed("no number");
  return { series: line.slice(0, end), value, at: time === undefined ? undefined : Number(time) };
}

/**
 * A copy of a part of a longer text. The part itself holds the whole text in memory: each remembered series would hold
 * the scrape that it was first seen in.
 */
export function detached(part: string): string {
  return Buffer.from(part).toString();
}

/** Where name and labels end. */
function seriesEnd(line: string): number | undefined {
  NAME_SHAPE.lastIndex = 0;
  const name = NAME_SHAPE.exec(line);
  if (name === null) return undefined;
  const brace = line.startsWith("{", NAME_SHAPE.lastIndex) ? NAME_SHAPE.lastIndex : line.indexOf("{", name[0].length);
  if (brace < 0 || line.slice(name[0].length, brace).trim() !== "") return name[0].length;
  LABELS_SHAPE.lastIndex = brace;
  return LABELS_SHAPE.test(line) ? LABELS_SHAPE.lastIndex : undefined;
}

/** As Go reads floats; undefined when it is none. */
function floatOf(text: string): number | undefined {
  if (/^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(text)) return Number(text);
  if (/^[-+]?inf(?:inity)?$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  return /^[-+]?nan$/i.test(text) ? Number.NaN : undefined;
}

const UNESCAPED: Readonly<Record<string, string>> = { n: "\n", "\\": "\\", '"': '"' };

/** Name and labels of a series as written. @throws Error when it cannot be read */
export function labelsOfSeries(series: string): { readonly name: string; readonly labels: readonly Label[] } {
  NAME_SHAPE.lastIndex = 0;
  const name = NAME_SHAPE.exec(series)?.[0] ?? "";
  const brace = series.indexOf("{");
  const labels: Label[] = [];
  if (brace < 0) return { name, labels };
  let at = brace + 1;
  while (series.slice(at).trim() !== "}") {
    LABEL_SHAPE.lastIndex = at;
    const match = LABEL_SHAPE.exec(series);
    if (match === null) throw new Error(`labels that cannot be read: ${JSON.stringify(series.slice(0, 120))}`);
    const value = (match[2] ?? "").replace(/\\(.)/gs, (whole, char: string) => UNESCAPED[char] ?? whole);
    labels.push({ name: match[1] ?? "", value });
    at = LABEL_SHAPE.lastIndex;
  }
  return { name, labels };
}

/** `name{a="b"}`. */
export function seriesText(name: string, labels: readonly Label[]): string {
  return labels.length === 0 ? name : `${name}{${labelsText(labels)}}`;
}

/** What stands between the braces of a series. */
export function labelsText(labels: readonly Label[]): string {
  const escaped = (value: string) => value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");
  return labels.map((label) => `${label.name}="${escaped(label.value)}"`).join(",");
}

/** The label set of a series; `added` gives way to labels of the same name (honor_labels). */
export function labelSet(series: string, added: readonly Label[]): Labels {
  const { name, labels } = labelsOfSeries(series);
  const set = new Map<string, string>();
  for (const label of [...added, ...labels]) {
    if (label.value === "") set.delete(label.name);
    else set.set(label.name, label.value);
  }
  return set.set(NAME, name);
}

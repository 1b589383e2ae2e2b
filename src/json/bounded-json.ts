/**
 * JSON of strangers. A megabyte of brackets takes V8 five times as long to read as a megabyte of text, and longer than
 * the event loop may be blocked: its shape is looked at before it is read.
 */

/** Objects and arrays within each other. */
export const DEEPEST = 100;
/** Values in all: members of objects, entries of arrays. */
const MOST_VALUES = 60_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const isOpening = (code: number): boolean => code === 0x5b || code === 0x7b;
const isClosing = (code: number): boolean => code === 0x5d || code === 0x7d;

/** @throws SyntaxError when it is no JSON, RangeError when it has too many values or they are nested too deep */
export function parseBounded(text: string): unknown {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
      continue;
    }
    if (isClosing(code)) depth -= 1;
    if (isOpening(code)) depth += 1;
    if (code === COMMA || isOpening(code)) values += 1;
    if (depth > DEEPEST) throw new RangeError(`the JSON is nested more than ${DEEPEST} deep`);
    if (values > MOST_VALUES) throw new RangeError(`the JSON has more than ${MOST_VALUES} values`);
  }
  return JSON.parse(text);
}

/** Where the text ends that begins at `from`; the end of everything when it does not end. */
function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at += 1;
    else if (code === QUOTE) return at;
  }
  return text.length;
}

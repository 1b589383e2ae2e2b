/**
 * About how many bytes of memory a parsed JSON value takes. V8 keeps a character in one byte, or in two when the text
 * has characters beyond Latin-1; an object and each of its entries cost some words.
 */
const CONTAINER = 48;
const ENTRY = 24;
const BEYOND_LATIN1 = /[\u0100-\uffff]/;

/** @param most the walk ends above this weight, so that an object of any size costs little time */
export function weightOf(value: unknown, most = Number.POSITIVE_INFINITY): number {
  let weight = 0;
  const waiting: object[] = [];
  const add = (field: unknown) => {
    if (typeof field === "string") weight += textWeight(field);
    else if (typeof field === "object" && field !== null) waiting.push(field);
  };
  add(value);
  for (let next = waiting.pop(); next !== undefined && weight <= most; next = waiting.pop()) {
    if (Array.isArray(next)) {
      weight += CONTAINER + ENTRY * next.length;
      for (const item of next) add(item);
      continue;
    }
    weight += CONTAINER;
    const fields = next as Readonly<Record<string, unknown>>;
    for (const key of Object.keys(fields)) {
      weight += ENTRY + textWeight(key);
      add(fields[key]);
    }
  }
  return weight;
}

const textWeight = (text: string): number => ENTRY + text.length * (BEYOND_LATIN1.test(text) ? 2 : 1);

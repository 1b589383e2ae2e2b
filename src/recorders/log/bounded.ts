/**
 * A copy of what is to be logged that cannot be large. It is made before anything is serialised: a line is cut, too,
 * but what a tenant stored or a server answered would block the event loop before there is a line.
 */

/** Characters of one text. */
const LONGEST_TEXT = 2_000;
/** Characters of all texts and keys together: what follows is left out. */
const MOST_TEXT = 16_384;
/** Values in all. */
const MOST_VALUES = 1_000;
/** Objects within each other. */
const DEEPEST = 8;

const LEFT_OUT = "…";

/** What is left of the two bounds. */
interface Room {
  text: number;
  values: number;
}

/** @returns JSON of a bounded size; never throws, for any value */
export function bounded(value: unknown): unknown {
  return copy(value, { text: MOST_TEXT, values: MOST_VALUES }, 0);
}

/** A text of a message. */
export function shortened(text: string, longest = LONGEST_TEXT): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}…`;
}

function copy(value: unknown, room: Room, depth: number): unknown {
  room.values -= 1;
  if (room.values < 0 || room.text < 0) return LEFT_OUT;
  if (typeof value === "string") return textOf(value, room);
  if (typeof value === "bigint" || typeof value === "symbol" || typeof value === "function") return LEFT_OUT;
  if (typeof value !== "object" || value === null) return value;
  if (depth === DEEPEST) return LEFT_OUT;
  try {
    if (value instanceof Error) return errorOf(value, room, depth);
    if (value instanceof Date || value instanceof URL) return String(value);
    if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
    if (Array.isArray(value)) return listOf(value, room, depth);
    return fieldsOf(value as Readonly<Record<string, unknown>>, room, depth);
  } catch {
    // A getter that throws.
    return LEFT_OUT;
  }
}

function textOf(text: string, room: Room): string {
  const short = shortened(text, Math.min(LONGEST_TEXT, room.text));
  room.text -= short.length;
  return short;
}

function errorOf(error: Error, room: Room, depth: number): unknown {
  const { name, message, stack = "", cause } = error;
  const code = (error as NodeJS.ErrnoException).code;
  return {
    type: name,
    message: textOf(message, room),
    // A stack begins with the message.
    stack: textOf(
      stack.startsWith(`${name}: ${message}`) ? stack.slice(name.length + 2 + message.length) : stack,
      room,
    ),
    ...(code === undefined ? {} : { code: copy(code, room, depth + 1) }),
    ...(cause === undefined ? {} : { cause: copy(cause, room, depth + 1) }),
  };
}

function listOf(list: readonly unknown[], room: Room, depth: number): unknown {
  const items: unknown[] = [];
  for (const item of list) {
    if (room.values <= 0 || room.text <= 0) return [...items, `… ${list.length} in all`];
    items.push(copy(item, room, depth + 1));
  }
  return items;
}

function fieldsOf(object: Readonly<Record<string, unknown>>, room: Room, depth: number): unknown {
  const fields: [string, unknown][] = [];
  for (const key in object) {
    if (!Object.hasOwn(object, key)) continue;
    if (room.values <= 0 || room.text <= 0) return Object.fromEntries([...fields, [LEFT_OUT, LEFT_OUT]]);
    fields.push([textOf(key, room), copy(object[key], room, depth + 1)]);
  }
  return Object.fromEntries(fields);
}

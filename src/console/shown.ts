/**
 * Foreign text as pages show it. Names, messages, reasons and images come from tenants, webhooks and metric servers:
 * such a text could be endless, turn the direction of writing so that a page seems to say something else, or hold what
 * a terminal obeys. Every answer of the console passes `shown` on its way out, so that no field can be forgotten.
 */
import { visible } from "../net/show.ts";

/** Characters of one text: an event or an image name may be as long as its writer likes. */
const LONGEST = 1024;
/** Names of fields and keys of maps: Kubernetes has none that are longer. */
const LONGEST_KEY = 317;
/** No answer of the console's own is nested so deep. */
const DEEPEST = 16;
/** Most texts are these: nothing in them needs an escape. */
const ORDINARY = /^[\x20-\x7e]{0,1024}$/;

/** The text, without its end if it is too long, and with escapes for characters that have no shape. */
export function shownText(text: string, longest = LONGEST): string {
  if (text.length <= longest && ORDINARY.test(text)) return text;
  const whole = visible(text.slice(0, longest + 1));
  if (whole.length <= longest) return whole;
  return `${whole.slice(0, longest).replace(/[\ud800-\udbff]$/, "")}…`;
}

/** Rows of long lists are kept, and are looked through once. */
const KNOWN = new WeakSet<object>();

/** @returns the same JSON with `shownText` in the place of each text and each key */
export function shown<T>(value: T): T {
  return walk(value) as T;
}

/** As `shown`, for a part that goes into many answers: it is looked through once. */
export function shownOnce<T extends object>(value: T): T {
  const part = shown(value);
  KNOWN.add(part);
  return part;
}

function walk(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return shownText(value);
  if (typeof value !== "object" || value === null || KNOWN.has(value)) return value;
  if (depth === DEEPEST) return null;
  if (Array.isArray(value)) return value.map((item) => walk(item, depth + 1));
  const entries = Object.entries(value);
  return Object.fromEntries(entries.map(([key, part]) => [shownText(key, LONGEST_KEY), walk(part, depth + 1)]));
}

/** What should be a text; empty when it is none. Records are written by the operator, and perhaps by others, too. */
export const textIn = (found: unknown): string => (typeof found === "string" ? shownText(found) : "");

/** Entries of a list or map: more than the operator writes. */
const MOST_ENTRIES = 2000;
const MOST_CONTAINERS = 50;

const listIn = (found: unknown): readonly unknown[] => (Array.isArray(found) ? found.slice(0, MOST_ENTRIES) : []);

export const textsIn = (found: unknown): readonly string[] => listIn(found).map(textIn);

export const objectsIn = <T extends object>(found: unknown): readonly T[] =>
  listIn(found).filter((one): one is T => typeof one === "object" && one !== null && !Array.isArray(one));

/** Images by container. */
export const imagesIn = (found: unknown): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(found ?? {})
      .slice(0, MOST_CONTAINERS)
      .map(([container, image]) => [shownText(container, LONGEST_KEY), textIn(image)]),
  );

/**
 * The typed dump that the spec hash runs over: it takes the JSON of a Kubernetes object and writes the text that Go's
 * dump library prints for the decoded value. Each type is compiled once, from the tables, to a small printer.
 *
 *   {"name":"a","ports":[]}  as  Container  ->  {Name:(string)a Image:(string) Command:([]string)<nil> ...}
 *
 * Unknown keys are ignored and absent fields print their zero value, so the text is as long as the type, not the value.
 * The text of a large pod template has a million characters: it is written part by part, and never held whole.
 */
import { compareUtf8, utf8Bytes } from "./fnv.ts";
import { POD_TYPES, STRING_TYPES } from "./layout-pods.ts";
import { VOLUME_TYPES } from "./layout-volumes.ts";
import { quantityText } from "./quantity.ts";

/** Takes the next part of the text. A part never ends within a character. */
export type Write = (part: string) => void;

/** Prints one value, without its type in front. */
type Print = (value: unknown, write: Write) => void;

interface Printer {
  /** As Go prints it: `[]v1.Container`. */
  readonly name: string;
  readonly print: Print;
}

/** How a field of a struct is laid out, as read from the tables. */
export interface Field {
  readonly name: string;
  /** Undefined when embedded: the keys of the type sit in the parent's JSON. */
  readonly key: string | undefined;
  readonly type: string;
}

/** A map that is present and empty. A plain `{}` counts as absent: stored objects cannot distinguish the two. */
export const EMPTY_MAP: Readonly<Record<string, never>> = Object.freeze({});

const NIL = "<nil>";
const ZERO_TIME = "{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}";

/** The fields of every struct in the tables. */
export const STRUCTS: ReadonlyMap<string, readonly Field[]> = readTables(POD_TYPES + VOLUME_TYPES);

const PRINTERS = new Map<string, Printer>(builtIns().map((printer) => [printer.name.replace(/^v1\./, ""), printer]));

/** `(T){...}`: `value` as the Go type `type`, named as in the tables ("PodTemplateSpec", "[]Container"). */
export function dump(type: string, value: unknown, write: Write): void {
  const { name, print } = printerOf(type);
  write(`(${name})`);
  print(value, write);
}

/** The parts that `work` writes. */
export function textOf(work: (write: Write) => void): string {
  let text = "";
  work((part) => {
    text += part;
  });
  return text;
}

function readTables(tables: string): Map<string, Field[]> {
  const entries = tables.trim().split(/\n(?=\S)/);
  return new Map(
    entries.map((entry) => {
      const [name = "", fields = ""] = entry.split(" = ");
      return [name, fields.trim().split(/\s+/).map(readField)];
    }),
  );
}

function readField(word: string): Field {
  if (word.startsWith("...")) return { name: word.slice(3), key: undefined, type: word.slice(3) };
  const [names = "", type = ""] = word.split(":");
  const [name = "", key = lowerCapitals(names)] = names.split("=");
  return { name, key, type };
}

/** DNSPolicy -> dnsPolicy, OS -> os, Name -> name. */
function lowerCapitals(name: string): string {
  return name.replace(/^[A-Z]+(?=[A-Z][^A-Z])|^[A-Z]+$|^[A-Z]/, (capitals) => capitals.toLowerCase());
}

function printerOf(type: string): Printer {
  const known = PRINTERS.get(type);
  if (known !== undefined) return known;
  const printer = compile(type);
  PRINTERS.set(type, printer);
  return printer;
}

function compile(type: string): Printer {
  if (type.startsWith("*")) return pointerTo(printerOf(type.slice(1)));
  if (type.startsWith("[]")) return sliceOf(printerOf(type.slice(2)));
  const fields = STRUCTS.get(type);
  if (fields === undefined) throw new Error(`the layout tables name a type they do not describe: ${type}`);
  return struct(type, fields);
}

function builtIns(): Printer[] {
  const text: Print = (value, write) => write(isAbsent(value) ? "" : String(value));
  const integer: Print = (value, write) => write(isAbsent(value) ? "0" : String(value));
  const quantity: Print = (value, write) => write(quantityText(isAbsent(value) ? undefined : String(value)));
  return [
    { name: "bool", print: (value, write) => write(String(value === true)) },
    { name: "int32", print: integer },
    { name: "int64", print: integer },
    { name: "string", print: text },
    { name: "types.UID", print: text },
    ...STRING_TYPES.trim()
      .split(/\s+/)
      .map((name) => ({ name: `v1.${name}`, print: text })),
    { name: "map[string]string", print: mapOf(text) },
    { name: "v1.ResourceList", print: mapOf(quantity) },
    { name: "resource.Quantity", print: quantity },
    { name: "intstr.IntOrString", print: (value, write) => write(intOrString(value)) },
    // Pod templates never carry a time, and Go's would print the address of a time zone.
    { name: "v1.Time", print: (_value, write) => write(ZERO_TIME) },
    { name: "v1.FieldsV1", print: (value, write) => write(`{Raw:([]uint8)${rawText(value)}}`) },
  ];
}

function isAbsent(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function intOrString(value: unknown): string {
  const [type, number, text] = typeof value === "string" ? [1, 0, value] : [0, isAbsent(value) ? 0 : Number(value), ""];
  return `{Type:(intstr.Type)${type} IntVal:(int32)${number} StrVal:(string)${text}}`;
}

function rawText(value: unknown): string {
  return isAbsent(value) ? NIL : `[${utf8Bytes(JSON.stringify(value)).join(" ")}]`;
}

function mapOf(print: Print): Print {
  return (value, write) => {
    if (value === EMPTY_MAP) return write("map[]");
    if (!isRecord(value)) return write(NIL);
    const keys = Object.keys(value);
    if (keys.length === 0) return write(NIL);
    printMap(keys, (key) => print(value[key], write), write);
  };
}

/** `map[a:1 b:2]`, keys in the order of their bytes. */
export function printMap(keys: readonly string[], print: (key: string) => void, write: Write): void {
  write("map[");
  for (const [i, key] of keys.toSorted(compareUtf8).entries()) {
    write(i === 0 ? key : ` ${key}`);
    write(":");
    print(key);
  }
  write("]");
}

function pointerTo(target: Printer): Printer {
  const print: Print = (value, write) => (isAbsent(value) ? write(NIL) : target.print(value, write));
  return { name: `*${target.name}`, print };
}

function sliceOf(element: Printer): Printer {
  const print: Print = (value, write) => {
    if (!Array.isArray(value) || value.length === 0) return write(NIL);
    for (const [i, entry] of value.entries()) {
      write(i === 0 ? "[" : " ");
      element.print(entry, write);
    }
    write("]");
  };
  return { name: `[]${element.name}`, print };
}

function struct(name: string, fields: readonly Field[]): Printer {
  const parts = fields.map((field, i) => {
    const { name: type, print } = printerOf(field.type);
    const label = `${i === 0 ? "{" : " "}${field.name}:(${type})`;
    // Most fields of most objects are absent: the text of an absent field is made once.
    return { key: field.key, print, label, absent: label + textOf((write) => print(undefined, write)) };
  });
  const zero = `${parts.map((part) => part.absent).join("")}}`;
  const print: Print = (value, write) => {
    if (!isRecord(value)) return write(zero);
    for (const { key, print: printField, label, absent } of parts) {
      const field = key === undefined ? value : value[key];
      if (isAbsent(field)) write(absent);
      else {
        write(label);
        printField(field, write);
      }
    }
    write("}");
  };
  return { name: `v1.${name}`, print };
}

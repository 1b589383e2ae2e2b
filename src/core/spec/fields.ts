/** Reads typed fields out of untyped JSON and collects what is wrong, each with its path. */
import type { JsonObject, JsonValue } from "./spec.ts";

/**
 * The fields of one object of the JSON. A field that is absent or null is undefined, or the empty value of its type.
 */
export class Fields {
  readonly raw: JsonObject;

  constructor(
    value: unknown,
    private readonly path: string,
    /** Shared by all readers below one root; in the order of discovery. */
    readonly problems: string[] = [],
  ) {
    this.raw = isObject(value) ? value : {};
  }

  refuse(name: string, why: string): void {
    this.problems.push(`${this.path}.${name}: ${why}`);
  }

  string(name: string): string | undefined {
    return this.typed(name, "a text", (value) => (typeof value === "string" ? value : undefined));
  }

  required(name: string): string {
    const value = this.string(name);
    if (value === undefined || value === "") this.refuse(name, "is required");
    return value ?? "";
  }

  boolean(name: string): boolean {
    return this.typed(name, "true or false", (value) => (typeof value === "boolean" ? value : undefined)) ?? false;
  }

  number(name: string): number | undefined {
    return this.typed(name, "a number", (value) => (typeof value === "number" ? value : undefined));
  }

  integer(name: string): number | undefined {
    return this.typed(name, "a whole number", (value) => (Number.isSafeInteger(value) ? (value as number) : undefined));
  }

  integerOrString(name: string): number | string | undefined {
    return this.typed(name, "a whole number or a text", (value) =>
      typeof value === "string" || Number.isSafeInteger(value) ? (value as number | string) : undefined,
    );
  }

  strings(name: string): Readonly<Record<string, string>> | undefined {
    return this.typed(name, "a map of texts", (value) =>
      isObject(value) && Object.values(value).every((entry) => typeof entry === "string")
        ? (value as Readonly<Record<string, string>>)
        : undefined,
    );
  }

  stringList(name: string): readonly string[] {
    return this.list(name, "a list of texts", (entry) => (typeof entry === "string" ? entry : undefined));
  }

  integerList(name: string): readonly number[] {
    return this.list(name, "a list of whole numbers", (entry) =>
      Number.isSafeInteger(entry) ? (entry as number) : undefined,
    );
  }

  /** The object at `name`; an empty one when it is absent. */
  object(name: string): Fields {
    return this.optional(name) ?? new Fields({}, `${this.path}.${name}`, this.problems);
  }

  optional(name: string): Fields | undefined {
    const value = this.typed(name, "an object", (found) => (isObject(found) ? found : undefined));
    return value === undefined ? undefined : new Fields(value, `${this.path}.${name}`, this.problems);
  }

  objectList(name: string): readonly Fields[] {
    const entries = this.list(name, "a list of objects", (entry) => (isObject(entry) ? entry : undefined));
    return entries.map((entry, i) => new Fields(entry, `${this.path}.${name}[${i}]`, this.problems));
  }

  private list<T>(name: string, what: string, read: (entry: JsonValue) => T | undefined): readonly T[] {
    const found = this.typed(name, what, (value) => {
      if (!Array.isArray(value)) return undefined;
      const entries = value.map(read);
      return entries.includes(undefined) ? undefined : (entries as T[]);
    });
    return found ?? [];
  }

  private typed<T>(name: string, what: string, read: (value: JsonValue) => T | undefined): T | undefined {
    const value = this.raw[name];
    if (value === undefined || value === null) return undefined;
    const found = read(value);
    if (found === undefined) this.refuse(name, `must be ${what}, found ${JSON.stringify(value)}`);
    return found;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

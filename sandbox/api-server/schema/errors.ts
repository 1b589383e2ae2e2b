/** Field errors, worded as the API server words them. */

export type FieldErrorReason =
  | "FieldValueRequired"
  | "FieldValueInvalid"
  | "FieldValueTypeInvalid"
  | "FieldValueNotSupported"
  | "FieldValueDuplicate"
  | "FieldValueForbidden"
  | "FieldValueTooLong"
  | "FieldValueTooMany"
  | "FieldValueNotFound";

/**
 * One cause of a 422 answer. The API server prints `${path}: ${message}`, e.g. `spec.replicas: Required value`;
 * the path `<nil>` marks errors about the object as a whole.
 */
export interface FieldError {
  readonly path: string;
  readonly message: string;
  readonly reason: FieldErrorReason;
}

/** How Go prints a value in an error: strings quoted, scalars plain, the rest as JSON. */
export function printValue(value: unknown): string {
  return value === undefined ? "null" : JSON.stringify(value);
}

/** `Required value`, with a detail where the API server gives one. */
export function required(path: string, detail = ""): FieldError {
  return {
    path,
    message: detail === "" ? "Required value" : `Required value: ${detail}`,
    reason: "FieldValueRequired",
  };
}

/** `Invalid value: "x": detail`. */
export function invalid(path: string, value: unknown, detail: string): FieldError {
  return { path, message: `Invalid value: ${printValue(value)}: ${detail}`, reason: "FieldValueInvalid" };
}

/** A value of the wrong JSON type. */
export function typeInvalid(path: string, value: unknown, detail: string): FieldError {
  return { path, message: `Invalid value: ${printValue(value)}: ${detail}`, reason: "FieldValueTypeInvalid" };
}

/** `Unsupported value: "x": supported values: "a", "b"`. */
export function notSupported(path: string, value: unknown, supported: readonly unknown[]): FieldError {
  const list = supported.map((entry) => JSON.stringify(typeof entry === "string" ? entry : JSON.stringify(entry)));
  const message = `Unsupported value: ${printValue(value)}: supported values: ${list.join(", ")}`;
  return { path, message, reason: "FieldValueNotSupported" };
}

/** `Duplicate value: "x"`. */
export function duplicate(path: string, value: unknown): FieldError {
  return { path, message: `Duplicate value: ${printValue(value)}`, reason: "FieldValueDuplicate" };
}

/** `Forbidden: detail`. */
export function forbidden(path: string, detail: string): FieldError {
  return { path, message: `Forbidden: ${detail}`, reason: "FieldValueForbidden" };
}

/** `Too long: may not be more than 63 bytes`. */
export function tooLong(path: string, max: number): FieldError {
  return { path, message: `Too long: may not be more than ${max} bytes`, reason: "FieldValueTooLong" };
}

/** `Too many: 33: must have at most 32 items`. */
export function tooMany(path: string, actual: number, max: number): FieldError {
  return { path, message: `Too many: ${actual}: must have at most ${max} items`, reason: "FieldValueTooMany" };
}

/**
 * A patch that cannot be applied. `code` is the HTTP status to answer: 400 malformed, 422 well-formed but impossible.
 */
export class PatchError extends Error {
  readonly code: number;

  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "PatchError";
    this.code = code;
  }
}

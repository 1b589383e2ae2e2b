/** The message of what was thrown. Programs may throw values that are no Errors. */
export function errorText(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

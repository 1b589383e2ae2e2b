/** Headers of outbound requests, and those that may go to an origin that the caller did not name. */

export type Headers = Readonly<Record<string, string | readonly string[]>>;

/** The headers that may go to an origin that a redirect names. */
export const HARMLESS = new Set(["accept", "content-type", "user-agent"]);

export function harmless(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => HARMLESS.has(name.toLowerCase())));
}

/** The form in which undici takes headers. */
export function mutable(headers: Headers): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === "string" ? value : [...value]]),
  );
}

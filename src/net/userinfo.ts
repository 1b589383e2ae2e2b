/** User and password in a URL: undici ignores them, Go's HTTP client sends them. */

export interface PlainAddress {
  /** The URL without user and password, which may be shown. */
  readonly url: URL;
  /** For the header of the same name; undefined when the URL has neither. */
  readonly authorization: string | undefined;
}

export function withoutUserinfo(address: URL): PlainAddress {
  const { username, password } = address;
  if (username === "" && password === "") return { url: address, authorization: undefined };
  const url = new URL(address);
  url.username = "";
  url.password = "";
  return { url, authorization: basic(decoded(username), decoded(password)) };
}

/** For the header Authorization. */
export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** A part that is not valid percent-encoding is taken unchanged. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

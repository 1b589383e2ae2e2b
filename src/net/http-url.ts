/** An address that HTTP can ask, read strictly: what one reader takes for a host, another one takes for a password. */

/** undefined when `text` is no http(s) URL, holds white space or a backslash, or leaves out the slashes. */
export function httpUrl(text: string): URL | undefined {
  if (!/^https?:\/\/[^\s\\/]/i.test(text) || /[\s\\\p{Cc}]/u.test(text) || !URL.canParse(text)) return undefined;
  return new URL(text);
}

/** An HTTP address, read strictly: two readers must not take different parts of a lax one for the host. */

/** undefined when `text` is no http(s) URL, holds white space or a backslash, or leaves out the slashes. */
export function httpUrl(text: string): URL | undefined {
  if (!/^https?:\/\/[^\s\\/]/i.test(text) || /[\s\\\p{Cc}]/u.test(text) || !URL.canParse(text)) return undefined;
  return new URL(text);
}

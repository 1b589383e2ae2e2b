/** The address that the first line of a request names. A path that begins with two slashes is a path, and no host. */
export function requestedUrl(target = "/"): URL {
  if (/^https?:\/\//i.test(target) && URL.canParse(target)) return new URL(target);
  return new URL(`http://server${target.startsWith("/") ? "" : "/"}${target}`);
}

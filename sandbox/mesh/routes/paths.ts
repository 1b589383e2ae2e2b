/**
 * Prefixes of paths that end with a segment, as the Gateway API and Ingress mean them: "/foo" is no prefix of
 * "/foobar".
 */
import type { KubeFields } from "../../../src/ports/kubernetes.ts";

const trimmed = (prefix: string): string => prefix.replace(/\/+$/, "");
/** A regular expression for this very text. */
export const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** A condition on the path in the words of a VirtualService; undefined when every path has the prefix. */
export function pathPrefix(prefix: string): KubeFields {
  const start = trimmed(prefix);
  return start === "" ? undefined : { regex: `${literal(start)}(/.*)?` };
}

/** A `uriRegexRewrite` of a VirtualService, for paths that have the prefix. */
export function replacePrefix(prefix: string, replacement: string): KubeFields {
  const start = literal(trimmed(prefix));
  const end = trimmed(replacement);
  // With nothing in its place the slash after the prefix stays.
  if (end === "") return { match: `^${start}/?(.*)$`, rewrite: "/\\1" };
  return start === ""
    ? { match: "^/(.*)$", rewrite: `${end}/\\1` }
    : { match: `^${start}(/.*)?$`, rewrite: `${end}\\1` };
}

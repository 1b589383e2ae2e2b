/** The checksum of a ConfigMap or Secret, equal to the one that Flagger writes into the status. */
import { createHash } from "node:crypto";
import { perObject } from "../../core/turn/per-object.ts";
import { compareUtf8 } from "../../go/hash/fnv.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";

type Strings = Readonly<Record<string, string | null>>;

const HEX_DIGITS = 16;

/**
 * 16 hex digits: the first half of SHA-256 over the compact JSON of `data`. `binaryData` counts when it is present; an
 * object without it keeps the checksum that Flagger gave it. Secret values are hashed in base64, as they are stored.
 */
export const configChecksum = perObject((object: KubeObject): string => {
  const binary: Strings = object.binaryData ?? {};
  const text = goJson(object.data) + (Object.keys(binary).length === 0 ? "" : goJson(binary));
  return createHash("sha256").update(text).digest("hex").slice(0, HEX_DIGITS);
});

/**
 * JSON as Go's encoder writes a map: keys in byte order (JSON.stringify would put "9" before "10"), escaped for HTML.
 */
function goJson(map: Strings | null | undefined): string {
  if (map === null || map === undefined) return "null";
  const keys = Object.keys(map);
  const isWritten = keys.every((key, i) => typeof map[key] === "string" && compareUtf8(keys[i - 1] ?? "", key) <= 0);
  // What an API server has sorted is written at once: a config may have twenty thousand keys.
  const json = isWritten ? JSON.stringify(map) : jsonInOrder(map, keys.sort(compareUtf8));
  return json.replace(/[<>&\u2028\u2029]/g, unicodeEscape);
}

function jsonInOrder(map: Strings, keys: readonly string[]): string {
  return `{${keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(map[key] ?? "")}`).join(",")}}`;
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

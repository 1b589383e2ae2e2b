/** Objects as a person would write them, in a file beside the test. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import type { KubeObject } from "../ports/kubernetes.ts";

/** @param at a URL below `import.meta.url`, e.g. `new URL("golden/apex.yaml", import.meta.url)` */
export function golden(at: URL): KubeObject {
  return parse(readFileSync(at, "utf8"));
}

/** CRDs that the user brings. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readCrds } from "./files.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "aviary-crds-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const file = (name: string, text: string): string => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};
const crd = (name: string) => `---\nkind: CustomResourceDefinition\nmetadata: { name: ${name} }\n`;

describe("files and folders of CRDs", () => {
  it("are read with the folders inside them, in the order of their names", () => {
    mkdirSync(join(dir, "more"));
    file("b.yaml", crd("b"));
    file("more/c.yml", `${crd("c")}${crd("d")}---\n`);
    file("a.yaml", crd("a"));
    file("notes.txt", "not YAML: [");
    expect(readCrds([dir]).crds.map(({ metadata }) => metadata.name)).toEqual(["a", "b", "c", "d"]);
  });

  it("may hold other objects, which are named", () => {
    const path = file("all.yaml", `${crd("a")}---\nkind: ValidatingAdmissionPolicy\nmetadata: { name: safe }\n`);
    file("values.yaml", "image: envoy\n");
    expect(readCrds([path]).others).toEqual(["ValidatingAdmissionPolicy safe"]);
    expect(readCrds([dir]).crds).toHaveLength(1);
  });

  it("without a single CRD are refused by their name", () => {
    const path = file("crds.yaml", "kind: ConfigMap\nmetadata: { name: a }\n");
    expect(() => readCrds([path])).toThrow(`${path}: expected CustomResourceDefinitions, found ConfigMap`);
    expect(() => readCrds([file("empty.yaml", "")])).toThrow("expected CustomResourceDefinitions, found no object");
  });

  it("that are no YAML are refused by their name", () => {
    const path = file("crds.yaml", "kind: [");
    expect(() => readCrds([path])).toThrow(path);
  });
});

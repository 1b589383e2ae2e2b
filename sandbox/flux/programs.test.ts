/** How Flux's own programs and CRDs are found. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { fluxCrds } from "../crds/flux.ts";
import { findFlux, readFluxCrds } from "./programs.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "flux programs-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const log = () => undefined;
function program(name: string): void {
  writeFileSync(join(folder, name), "");
  chmodSync(join(folder, name), 0o755);
}

describe("Flux's programs", () => {
  it("run where both are found", () => {
    program("source-controller");
    program("kustomize-controller");
    expect(findFlux({ prefer: "auto", programs: folder, log })).toEqual({
      source: join(folder, "source-controller"),
      kustomize: join(folder, "kustomize-controller"),
    });
    expect(findFlux({ prefer: "imitation", programs: folder, log })).toBeUndefined();
  });

  it("that are missing in the named folder are named, with the cure", () => {
    program("source-controller");
    expect(() => findFlux({ prefer: "auto", programs: folder, log })).toThrow(
      `not found in ${folder} or on the PATH: kustomize-controller; install them, or name their folder with --flux-programs`,
    );
  });
});

describe("Flux's CRDs", () => {
  const text = fluxCrds()
    .map((crd) => stringify(crd))
    .join("---\n");

  it("are taken from one file, among whose objects are others", () => {
    const file = join(folder, "install.yaml");
    writeFileSync(file, `${text}---\napiVersion: v1\nkind: Namespace\nmetadata: { name: flux-system }\n`);
    expect(readFluxCrds(file)).toEqual(fluxCrds());
  });

  it("are taken from the YAML files of a folder", () => {
    mkdirSync(join(folder, "bases"));
    writeFileSync(join(folder, "bases/a.yaml"), text);
    writeFileSync(join(folder, "bases/README.md"), "no YAML: [");
    expect(readFluxCrds(join(folder, "bases"))).toEqual(fluxCrds());
  });

  it("are asked for in the error when no file has them", () => {
    writeFileSync(join(folder, "empty.yaml"), "");
    expect(() => readFluxCrds(folder)).toThrow(/holds no CRD of Flux: `flux install --export > FILE`/);
  });
});

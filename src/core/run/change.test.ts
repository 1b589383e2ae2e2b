import { describe, expect, it } from "vitest";
import { changedConfigs } from "./change.ts";

type Checksums = Readonly<Record<string, string>> | undefined;

describe("configs that changed since they were recorded", () => {
  it.each<[string, Checksums, Checksums, readonly string[]]>([
    ["nothing, never recorded", {}, undefined, []],
    ["not tracked at all", undefined, { "configmap/a": "1" }, []],
    ["the same", { "configmap/a": "1" }, { "configmap/a": "1" }, []],
    ["some, never recorded", { "configmap/a": "1" }, undefined, ["configmap/a"]],
    [
      "another value",
      { "configmap/a": "2", "secret/b": "1" },
      { "configmap/a": "1", "secret/b": "1" },
      ["configmap/a"],
    ],
    ["one more", { "configmap/a": "1", "secret/b": "1" }, { "configmap/a": "1" }, ["secret/b"]],
    ["one less", {}, { "configmap/a": "1" }, ["configmap/a"]],
    ["another one", { "secret/b": "1" }, { "configmap/a": "1" }, ["configmap/a", "secret/b"]],
  ])("%s", (_, current, recorded, which) => {
    expect(changedConfigs(recorded, current)).toEqual(which);
  });
});

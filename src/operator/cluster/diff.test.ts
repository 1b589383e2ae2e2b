import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../ports/kubernetes.ts";
import { mergePatch } from "./diff.ts";

const object = (spec: object): KubeObject => ({ apiVersion: "v1", kind: "Thing", metadata: { name: "a" }, spec });

describe("the smallest patch", () => {
  it.each<[string, object, object, object | undefined]>([
    ["nothing differs", { a: { b: [1] } }, { a: { b: [1] } }, undefined],
    ["a field that differs, and no other", { a: 1, b: 2 }, { a: 1, b: 3 }, { b: 3 }],
    ["a field that goes is null", { a: 1, b: { c: 1, d: 2 } }, { b: { c: 1 } }, { a: null, b: { d: null } }],
    ["a list is replaced whole", { a: [{ x: 1 }, { y: 2 }] }, { a: [{ x: 1 }] }, { a: [{ x: 1 }] }],
    ["an object takes the place of a number", { a: 1 }, { a: { b: 1 } }, { a: { b: 1 } }],
  ])("%s", (_, from, to, expected) => {
    expect(mergePatch(object(from), object(to))).toEqual(expected === undefined ? undefined : { spec: expected });
  });
});

import { expect, it } from "vitest";
import { generateCase } from "../generate.ts";
import { MESHES } from "./table.ts";

it("random Canaries use every mesh that is simulated", () => {
  const seeds = Array.from({ length: 200 }, (_, i) => i + 1);
  const used = new Set(seeds.map((seed) => generateCase(seed).scenario.canary.spec.provider ?? "istio"));
  expect(Object.keys(MESHES).filter((provider) => !used.has(provider))).toEqual([]);
});

import { expect, it } from "vitest";
import { type ObjectRef, RESOURCES } from "../../ports/kubernetes.ts";
import { createRefMap } from "./ref-map.ts";

const service: ObjectRef = { type: RESOURCES.service, namespace: "test", name: "podinfo" };
const knative: ObjectRef = { ...service, type: RESOURCES.knativeService };

it("tells objects apart by kind, namespace and name, and not by version", () => {
  const map = createRefMap<string>();
  map.set(service, "core");
  map.set(knative, "knative");
  map.set({ ...service, namespace: "other" }, "elsewhere");
  expect([map.get(service), map.get(knative), map.get({ ...service, name: "x" })]).toEqual([
    "core",
    "knative",
    undefined,
  ]);
  expect(map.get({ ...service, type: { ...service.type, version: "v9" } })).toBe("core");
  expect([map.size, map.values()]).toEqual([3, ["core", "knative", "elsewhere"]]);
});

it("replaces a value, and forgets one object alone", () => {
  const map = createRefMap<number>();
  map.set(service, 1);
  map.set(knative, 2);
  map.set(service, 3);
  expect([map.size, map.get(service)]).toEqual([2, 3]);
  map.delete(service);
  map.delete(service);
  expect([map.size, map.get(service), map.get(knative)]).toEqual([1, undefined, 2]);
  map.delete(knative);
  expect([map.size, map.values()]).toEqual([0, []]);
});

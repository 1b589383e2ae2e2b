import { expect, it } from "vitest";
import type { KubeObject } from "../ports/kubernetes.ts";
import { createObjectStore } from "./object-store.ts";

const workload = (resourceVersion: string, generation: number, image: string, ready: number): KubeObject => ({
  ...{ apiVersion: "apps/v1", kind: "Deployment" },
  metadata: { namespace: "test", name: "app", uid: "u", resourceVersion, generation },
  spec: { template: { image } },
  status: { ready },
});

it("a change of the status keeps the very spec, so that nothing derived from it is computed again", () => {
  const store = createObjectStore();
  store.put(workload("1", 1, "app:1", 0));
  const before = store.get("test", "app")?.["spec"];
  store.put(workload("2", 1, "app:1", 1));
  expect(store.get("test", "app")?.["spec"]).toBe(before);
  expect(store.get("test", "app")?.["status"]).toEqual({ ready: 1 });
  store.put(workload("3", 2, "app:2", 1));
  expect(store.get("test", "app")?.["spec"]).toEqual({ template: { image: "app:2" } });
});

it("an object that is nested deeper than a function can call itself is kept, so that its kind is still watched", () => {
  const store = createObjectStore();
  const spec = JSON.parse(`${'{"a":'.repeat(9_900)}1${"}".repeat(9_900)}`);
  store.put({ ...workload("1", 1, "app:1", 0), spec });
  const deepest = (value: { a?: object }): object => {
    let at = value;
    while (typeof at.a === "object") at = at.a;
    return at;
  };
  expect(Object.isFrozen(deepest(store.get("test", "app")?.["spec"]))).toBe(true);
});

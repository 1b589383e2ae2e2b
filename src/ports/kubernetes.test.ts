import { expect, it } from "vitest";
import { metadataPart, objectPath, RESOURCES } from "./kubernetes.ts";

const pathOf = (namespace: string, name: string) => objectPath({ type: RESOURCES.secret, namespace, name });

it("a name stays in its place in the path", () => {
  expect(pathOf("test", "podinfo.v1")).toBe("/api/v1/namespaces/test/secrets/podinfo.v1");
  expect(pathOf("test", "system:node")).toBe("/api/v1/namespaces/test/secrets/system:node");
  expect(pathOf("test", "../../victim/secrets/key?x#y")).toBe(
    "/api/v1/namespaces/test/secrets/..%2F..%2Fvictim%2Fsecrets%2Fkey%3Fx%23y",
  );
  expect(pathOf("../victim", "key")).toBe("/api/v1/namespaces/..%2Fvictim/secrets/key");
});

it.each([
  ["test", ".."],
  ["test", "."],
  ["test", ""],
  ["..", "key"],
])("%j/%j is no name of an object", (namespace, name) => {
  expect(() => pathOf(namespace, name)).toThrow("is no name of an object");
});

it("a part of the metadata has the name, and the fields that are asked for and set", () => {
  const metadata = { name: "a", namespace: "test", uid: "1", labels: { x: "y" } };
  expect(metadataPart({ metadata }, "namespace", "labels", "resourceVersion")).toStrictEqual({
    name: "a",
    namespace: "test",
    labels: { x: "y" },
  });
});

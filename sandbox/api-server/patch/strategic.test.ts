import { describe, expect, it } from "vitest";
import { builtinSchema } from "../schema/index.ts";
import { jsonPatch, mergePatch, PatchError, strategicMergePatch } from "./index.ts";

const schema = builtinSchema("apps", "v1", "Deployment")!;

type Spec = Record<string, unknown>;

const pod = (spec: Spec) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "app" },
  spec: { template: { spec } },
});
const patched = (before: Spec, patch: Spec) =>
  strategicMergePatch(schema, pod(before), { spec: { template: { spec: patch } } }).spec.template.spec;
const onDeployment = (spec: Spec, patch: Spec) =>
  strategicMergePatch(schema, { ...pod({}), spec }, { spec: patch }).spec;

const container = (name: string, rest: Spec = {}) => ({ name, image: "1", ...rest });

describe("strategic merge patch", () => {
  it("merges elements of keyed lists and appends new ones", () => {
    const before = { containers: [container("a", { env: [{ name: "X", value: "1" }] }), container("b")] };
    expect(patched(before, { containers: [{ name: "a", env: [{ name: "Y", value: "2" }] }] })).toEqual({
      containers: [
        container("a", {
          env: [
            { name: "Y", value: "2" },
            { name: "X", value: "1" },
          ],
        }),
        container("b"),
      ],
    });
    expect(patched(before, { containers: [container("c")] }).containers.map((c: Spec) => c.name)).toEqual([
      "c",
      "a",
      "b",
    ]);
  });

  it("does not tell two ports of one number apart: the patch key is containerPort alone", () => {
    const before = { containers: [container("a", { ports: [{ containerPort: 80, protocol: "TCP", name: "x" }] })] };
    const patch = { containers: [{ name: "a", ports: [{ containerPort: 80, protocol: "UDP" }] }] };
    expect(patched(before, patch).containers[0].ports).toEqual([{ containerPort: 80, protocol: "UDP", name: "x" }]);
  });

  it("replaces lists that have no key", () => {
    const before = { containers: [container("a", { args: ["1", "2"] })], tolerations: [{ key: "a" }, { key: "b" }] };
    const patch = { containers: [{ name: "a", args: ["3"] }], tolerations: [{ key: "b" }] };
    expect(patched(before, patch)).toEqual({
      containers: [container("a", { args: ["3"] })],
      tolerations: [{ key: "b" }],
    });
  });

  it("deletes elements, objects and fields", () => {
    const before = { containers: [container("a"), container("b")], securityContext: { runAsUser: 1 }, hostname: "h" };
    const patch = {
      containers: [{ name: "a", $patch: "delete" }],
      securityContext: { $patch: "delete" },
      hostname: null,
      subdomain: null,
    };
    expect(patched(before, patch)).toEqual({ containers: [container("b")], securityContext: {} });
  });

  it("replaces an object or a keyed list as a whole", () => {
    const before = { containers: [container("a"), container("b")], securityContext: { runAsUser: 1 } };
    const patch = {
      containers: [{ $patch: "replace" }, { name: "c", image: "2" }],
      securityContext: { $patch: "replace", runAsGroup: 2 },
    };
    expect(patched(before, patch)).toEqual({
      containers: [{ name: "c", image: "2" }],
      securityContext: { runAsGroup: 2 },
    });
  });

  it("orders elements as $setElementOrder says, the server's own in between", () => {
    const before = { containers: ["a", "sidecar", "b"].map((name) => container(name)) };
    const order = { "$setElementOrder/containers": [{ name: "b" }, { name: "a" }] };
    expect(patched(before, order).containers.map((c: Spec) => c.name)).toEqual(["sidecar", "b", "a"]);
    const both = { ...order, containers: [{ name: "c", image: "1" }] };
    both["$setElementOrder/containers"] = [{ name: "c" }, { name: "b" }, { name: "a" }];
    expect(patched(before, both).containers.map((c: Spec) => c.name)).toEqual(["c", "sidecar", "b", "a"]);
  });

  it("keeps only the named fields of a union ($retainKeys)", () => {
    const spec = { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } } };
    expect(onDeployment(spec, { strategy: { $retainKeys: ["type"], type: "Recreate" } })).toEqual({
      strategy: { type: "Recreate" },
    });
    const volumes = { volumes: [{ name: "v", emptyDir: {} }] };
    const toConfig = { volumes: [{ name: "v", $retainKeys: ["name", "configMap"], configMap: { name: "c" } }] };
    expect(patched(volumes, toConfig)).toEqual({ volumes: [{ name: "v", configMap: { name: "c" } }] });
    expect(() => onDeployment(spec, { strategy: { $retainKeys: ["type"], rollingUpdate: {} } })).toThrow(PatchError);
  });

  it("adds to and deletes from lists of scalars", () => {
    const object = { ...pod({}), metadata: { name: "app", finalizers: ["a", "b"] } };
    const patch = { metadata: { "$deleteFromPrimitiveList/finalizers": ["a"], finalizers: ["c", "b"] } };
    expect(strategicMergePatch(schema, object, patch).metadata.finalizers).toEqual(["c", "b"]);
  });

  it("takes nulls and directives out of what is new", () => {
    expect(
      patched({}, { containers: [{ name: "a", image: null, env: [] }], affinity: { nodeAffinity: null } }),
    ).toEqual({
      containers: [{ name: "a", env: [] }],
      affinity: {},
    });
  });

  it("forgets what carries $patch where the object has nothing, as Kubernetes does", () => {
    const patch = {
      nodeSelector: { $patch: "replace", a: "b" },
      volumes: [{ name: "x", $patch: "delete" }, { name: "y" }],
    };
    expect(patched({ containers: [] }, patch)).toEqual({ containers: [], volumes: [{ name: "y" }] });
  });

  it("refuses what is not a patch", () => {
    expect(() => strategicMergePatch(schema, pod({}), [])).toThrow(PatchError);
    expect(() => patched({ containers: [] }, { containers: [{ image: "x" }] })).toThrow(
      /does not contain declared merge key: name/,
    );
    expect(() => patched({ affinity: {} }, { affinity: { $patch: "explode" } })).toThrow(/unknown patch type: explode/);
  });

  it("does not change its arguments", () => {
    const before = { containers: [container("a", { env: [{ name: "X", value: "1" }] })] };
    const patch = { containers: [{ name: "a", env: [{ name: "X", $patch: "delete" }] }] };
    const copies = structuredClone([before, patch]);
    patched(before, patch);
    expect([before, patch]).toEqual(copies);
  });
});

describe("JSON patch", () => {
  it("changes a copy", () => {
    const object = pod({ a: 1 });
    const after = jsonPatch(object, [
      { op: "test", path: "/spec/template/spec/a", value: 1 },
      { op: "replace", path: "/spec/template/spec/a", value: 2 },
    ]);
    expect(after.spec.template.spec).toEqual({ a: 2 });
    expect(object.spec.template.spec).toEqual({ a: 1 });
  });

  it("replaces what is not there, as long as its parent is", () => {
    const path = "/spec/template/spec/a";
    expect(jsonPatch(pod({}), [{ op: "replace", path, value: 2 }]).spec.template.spec).toEqual({ a: 2 });
    expect(() => jsonPatch(pod({}), [{ op: "replace", path: `${path}/b`, value: 2 }])).toThrow("rejected");
  });

  it.each([
    [400, { op: "add" }],
    [422, [{ op: "multiply", path: "/a" }]],
    [422, [{ op: "test", path: "/kind", value: "Pod" }]],
    [422, [{ op: "remove", path: "/spec/nothing" }]],
    [422, [{ op: "add", path: "/spec/a/b/c", value: 1 }]],
  ])("answers %i to %j", (code, patch) => {
    expect(() => jsonPatch(pod({}), patch)).toThrow(expect.objectContaining({ code }));
  });
});

describe("JSON merge patch", () => {
  it.each([
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])("%j with %j gives %j (RFC 7386)", (before, patch, after) => {
    expect(mergePatch(pod(before), { spec: { template: { spec: patch } } }).spec.template.spec).toEqual(after);
  });

  it("refuses what is not an object", () => {
    expect(() => mergePatch(pod({}), "x")).toThrow(PatchError);
  });
});

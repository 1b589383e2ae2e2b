import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import { builtinSchema, crdSchema } from "../schema/index.ts";
import type { ObjectSchema } from "../schema/node.ts";
import { conflictMessage, serverSideApply, trackUpdate } from "./index.ts";

const schema = builtinSchema("apps", "v1", "Deployment")!;
const now = "2024-01-01T00:00:00Z";
const later = "2024-01-01T00:01:00Z";

type Spec = Record<string, unknown>;

function deployment(spec: Spec, metadata: Spec = {}): KubeObject {
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "app", ...metadata }, spec };
}

const pods = (...containers: Spec[]) => deployment({ template: { spec: { containers } } });

interface Options {
  readonly force?: boolean;
  readonly now?: string;
  readonly subresource?: string;
  readonly schema?: ObjectSchema;
}

function apply(live: KubeObject | undefined, applied: KubeObject, manager: string, options: Options = {}) {
  return serverSideApply({ schema, live, applied, manager, force: false, now, apiVersion: "apps/v1", ...options });
}

function applied(...args: Parameters<typeof apply>): KubeObject {
  const result = apply(...args);
  if ("conflicts" in result) throw new Error(conflictMessage(result.conflicts));
  return result.object;
}

function updated(live: KubeObject | undefined, object: KubeObject, manager: string, options: Options = {}): KubeObject {
  return trackUpdate({ schema, live, updated: object, manager, now, apiVersion: "apps/v1", ...options });
}

/** `manager/operation[/subresource]: fieldsV1`, one for each entry. */
function owners(object: KubeObject): Record<string, unknown> {
  const entries = (object.metadata.managedFields ?? []) as Spec[];
  return Object.fromEntries(
    entries.map(({ manager, operation, subresource, fieldsV1 }) => [
      [manager, operation, subresource].filter(Boolean).join("/"),
      fieldsV1,
    ]),
  );
}

const containersOf = (object: KubeObject) => object.spec.template.spec.containers;

describe("server-side apply", () => {
  it("records what a manager applied", () => {
    const object = applied(undefined, pods({ name: "a", image: "i" }), "m");
    const containers = { 'k:{"name":"a"}': { ".": {}, "f:image": {}, "f:name": {} } };
    expect(object.metadata.managedFields).toEqual([
      {
        manager: "m",
        operation: "Apply",
        apiVersion: "apps/v1",
        time: now,
        fieldsType: "FieldsV1",
        fieldsV1: { "f:spec": { "f:template": { "f:spec": { "f:containers": containers } } } },
      },
    ]);
  });

  it("refuses to take a field from its owner, unless forced", () => {
    const live = updated(undefined, deployment({ replicas: 1, paused: true }), "kubectl");
    const result = apply(live, deployment({ replicas: 2 }), "m");
    const owner = '"kubectl" using apps/v1';
    expect(result).toEqual({ conflicts: [{ manager: "kubectl", path: ".spec.replicas", owner }] });
    const forced = applied(live, deployment({ replicas: 2 }), "m", { force: true, now: later });
    expect(forced.spec).toEqual({ replicas: 2, paused: true });
    expect(owners(forced)).toEqual({
      "m/Apply": { "f:spec": { "f:replicas": {} } },
      "kubectl/Update": { "f:spec": { "f:paused": {} } },
    });
  });

  it("words conflicts as the API server does", () => {
    const live = updated(
      applied(undefined, deployment({ replicas: 1 }), "a"),
      deployment({ replicas: 1, paused: true }),
      "b",
    );
    const one = apply(live, deployment({ replicas: 2 }), "m");
    expect("conflicts" in one && conflictMessage(one.conflicts)).toBe(
      'Apply failed with 1 conflict: conflict with "a": .spec.replicas',
    );
    const two = apply(live, deployment({ replicas: 2, paused: false }), "m");
    expect("conflicts" in two && conflictMessage(two.conflicts)).toBe(
      'Apply failed with 2 conflicts: conflicts with "a":\n- .spec.replicas\n' +
        `conflicts with "b" using apps/v1:\n- .spec.paused`,
    );
  });

  it("names elements of lists in conflicts", () => {
    const live = applied(undefined, pods({ name: "a", image: "1", ports: [{ containerPort: 80, name: "x" }] }), "a");
    const result = apply(
      live,
      pods({ name: "a", image: "2", ports: [{ containerPort: 80, protocol: "TCP", name: "y" }] }),
      "b",
    );
    const paths = "conflicts" in result ? result.conflicts.map(({ path }) => path) : [];
    const element = '.spec.template.spec.containers[name="a"]';
    expect(paths).toEqual([`${element}.image`, `${element}.ports[containerPort=80,protocol="TCP"].name`]);
  });

  it("shares a field that both set to the same value, and keeps it until the last one lets go", () => {
    const a = applied(undefined, deployment({ replicas: 1 }), "a");
    const both = applied(a, deployment({ replicas: 1 }), "b");
    expect(Object.keys(owners(both))).toEqual(["a/Apply", "b/Apply"]);
    const onlyB = applied(both, deployment({ paused: true }), "a");
    expect(onlyB.spec).toEqual({ replicas: 1, paused: true });
    expect(applied(onlyB, deployment({ minReadySeconds: 1 }), "b").spec).toEqual({ paused: true, minReadySeconds: 1 });
  });

  it("removes what its only owner drops, and nothing else", () => {
    const meta = { labels: { a: "1", b: "2" }, uid: "u", resourceVersion: "7", creationTimestamp: now };
    const one = applied(undefined, deployment({ replicas: 1, paused: true }, meta), "m");
    const labelled = applied(one, deployment({ progressDeadlineSeconds: 9 }, { annotations: { x: "y" } }), "n");
    const two = applied(labelled, deployment({ paused: true }, { labels: { b: "2" } }), "m");
    expect(two.spec).toEqual({ paused: true, progressDeadlineSeconds: 9 });
    expect(two.metadata).toMatchObject({ uid: "u", resourceVersion: "7", labels: { b: "2" }, annotations: { x: "y" } });
    const none = applied(two, deployment({ paused: true }), "m");
    expect(none.metadata.labels).toBeUndefined();
    expect(none.metadata).toMatchObject({ uid: "u", resourceVersion: "7", annotations: { x: "y" } });
  });

  it("leaves a sidecar that someone else added, and takes away its own container with the defaults in it", () => {
    const one = applied(undefined, pods({ name: "a", image: "1" }, { name: "b", image: "1" }), "m");
    const withDefaults = structuredClone(one);
    containersOf(withDefaults)[1].imagePullPolicy = "IfNotPresent";
    const sidecar = applied(withDefaults, pods({ name: "side", image: "s" }), "mesh");
    const two = applied(sidecar, pods({ name: "a", image: "2" }), "m");
    expect(containersOf(two)).toEqual([
      { name: "a", image: "2" },
      { name: "side", image: "s" },
    ]);
  });

  it("keeps 80/TCP and 80/UDP apart, and takes an absent protocol for TCP", () => {
    const port = (protocol?: string, name?: string) => ({
      containerPort: 80,
      ...(protocol && { protocol }),
      ...(name && { name }),
    });
    const tcp = applied(undefined, pods({ name: "a", ports: [port(undefined, "web")] }), "m");
    const live = structuredClone(tcp);
    containersOf(live)[0].ports[0].protocol = "TCP";
    const both = applied(live, pods({ name: "a", ports: [port("UDP", "dns")] }), "n");
    expect(containersOf(both)[0].ports).toEqual([port("TCP", "web"), port("UDP", "dns")]);
    const again = applied(both, pods({ name: "a", ports: [port("TCP", "http")] }), "m");
    expect(containersOf(again)[0].ports).toEqual([port("TCP", "http"), port("UDP", "dns")]);
  });

  it("keeps the order of the applied list and puts new elements last", () => {
    const names = (object: KubeObject) =>
      containersOf(object)
        .map(({ name }: Spec) => name)
        .join("");
    const abc = applied(undefined, pods(...["a", "b", "c"].map((name) => ({ name }))), "m");
    const withX = applied(abc, pods({ name: "x" }), "n");
    expect(names(withX)).toBe("abcx");
    expect(names(applied(withX, pods(...["c", "a", "d"].map((name) => ({ name }))), "m"))).toBe("cxad");
  });

  it("takes selectors and command lines as a whole", () => {
    const live = applied(undefined, deployment({ selector: { matchLabels: { app: "a" } } }), "a");
    const result = apply(live, deployment({ selector: { matchLabels: { tier: "b" } } }), "b");
    expect(result).toMatchObject({ conflicts: [{ path: ".spec.selector" }] });
    const args = applied(undefined, pods({ name: "a", args: ["1", "2"] }), "a");
    expect(containersOf(applied(args, pods({ name: "a", args: ["2"] }), "a"))[0].args).toEqual(["2"]);
  });

  it("owns finalizers one by one", () => {
    const one = applied(undefined, deployment({}, { finalizers: ["a/a"] }), "a");
    const two = applied(one, deployment({}, { finalizers: ["b/b"] }), "b");
    expect(two.metadata.finalizers).toEqual(["a/a", "b/b"]);
    expect(applied(two, deployment({}), "a").metadata.finalizers).toEqual(["b/b"]);
  });

  it("changes nothing, not even the time, when the same is applied again", () => {
    const one = applied(undefined, pods({ name: "a", image: "1", env: [] }), "m");
    expect(applied(one, pods({ name: "a", image: "1", env: [] }), "m", { now: later })).toEqual(one);
  });

  it("gives objects without records to before-first-apply", () => {
    const live = deployment({ replicas: 1, paused: true });
    expect(apply(live, deployment({ replicas: 2 }), "m")).toMatchObject({
      conflicts: [{ manager: "before-first-apply" }],
    });
    expect(applied(live, deployment({ replicas: 1 }), "m").spec).toEqual({ replicas: 1, paused: true });
  });

  it("applies a status for its own entry, and nothing but the status", () => {
    const one = applied(undefined, deployment({ replicas: 1 }), "m");
    const status = { ...deployment({ replicas: 5 }), status: { replicas: 1 } };
    const two = applied(one, status, "m", { subresource: "status" });
    expect(two).toMatchObject({ spec: { replicas: 1 }, status: { replicas: 1 } });
    expect(owners(two)).toEqual({
      "m/Apply": { "f:spec": { "f:replicas": {} } },
      "m/Apply/status": { "f:status": { "f:replicas": {} } },
    });
  });

  it("follows the list types of a CRD; fields it does not know are merged, lists replaced", () => {
    const item = { type: "object", properties: { k: { type: "string", default: "d" }, v: { type: "string" } } };
    const custom = crdSchema({
      type: "object",
      properties: {
        spec: {
          type: "object",
          "x-kubernetes-preserve-unknown-fields": true,
          properties: {
            map: { type: "array", items: item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"] },
            whole: { type: "array", items: { type: "string" } },
          },
        },
      },
    });
    const object = (spec: Spec) => ({ apiVersion: "e/v1", kind: "E", metadata: { name: "e" }, spec });
    const one = applied(undefined, object({ map: [{ v: "1" }], free: { a: 1 } }), "a", { schema: custom });
    const two = applied(one, object({ map: [{ k: "x", v: "2" }], whole: ["1"], free: { b: 2 } }), "b", {
      schema: custom,
    });
    expect(two.spec).toEqual({ map: [{ v: "1" }, { k: "x", v: "2" }], free: { a: 1, b: 2 }, whole: ["1"] });
    expect(apply(two, object({ whole: ["1", "2"] }), "c", { schema: custom })).toMatchObject({
      conflicts: [{ path: ".spec.whole" }],
    });
  });
});

describe("the records of other writes", () => {
  it("give a created object to its creator", () => {
    const object = updated(undefined, pods({ name: "a", image: "1" }), "kubectl-create");
    expect(owners(object)).toEqual({
      "kubectl-create/Update": {
        "f:spec": {
          "f:template": {
            "f:spec": { "f:containers": { 'k:{"name":"a"}': { ".": {}, "f:image": {}, "f:name": {} } } },
          },
        },
      },
    });
  });

  it("move changed fields to the writer and forget removed ones", () => {
    const one = applied(undefined, deployment({ replicas: 1, paused: true, minReadySeconds: 3 }), "a");
    const two = updated(one, { ...one, spec: { replicas: 2, paused: true } }, "kubectl-edit", { now: later });
    expect(owners(two)).toEqual({
      "a/Apply": { "f:spec": { "f:paused": {} } },
      "kubectl-edit/Update": { "f:spec": { "f:replicas": {} } },
    });
  });

  it("keep time and owners when nothing changed", () => {
    const one = updated(undefined, deployment({ replicas: 1 }), "a");
    expect(updated(one, structuredClone(one), "b", { now: later })).toEqual(one);
  });

  it("distinguish a scale from an update: an apply without replicas leaves those of an autoscaler", () => {
    const one = applied(undefined, deployment({ replicas: 1, paused: true }), "a");
    const scaled = updated(one, { ...one, spec: { replicas: 5, paused: true } }, "hpa", { subresource: "scale" });
    expect(owners(scaled)).toMatchObject({ "hpa/Update/scale": { "f:spec": { "f:replicas": {} } } });
    expect(applied(scaled, deployment({ paused: true }), "a").spec).toEqual({ replicas: 5, paused: true });
  });

  it("let clients rewrite and reset them", () => {
    const one = updated(undefined, deployment({ replicas: 1 }), "kubectl-client-side-apply");
    const moved = structuredClone(one);
    const [entry] = moved.metadata.managedFields as Spec[];
    Object.assign(entry!, { manager: "kubectl", operation: "Apply" });
    expect(Object.keys(owners(updated(one, moved, "kubectl")))).toEqual(["kubectl/Apply"]);
    const reset = { ...one, metadata: { ...one.metadata, managedFields: [{}] } } as KubeObject;
    expect(updated(one, reset, "x").metadata.managedFields).toBeUndefined();
  });
});

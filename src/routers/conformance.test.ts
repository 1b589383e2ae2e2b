/** The laws of ports/router.ts, for every router and the kinds of Canary that it can serve. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planFor } from "../core/plan/plan.ts";
import { routesFor } from "../core/routes.ts";
import type { Canary, Routes } from "../core/status/canary.ts";
import { mergePatch } from "../json/merge-patch.ts";
import { apiVersionOf, type KubeObject } from "../ports/kubernetes.ts";
import type { Router } from "../ports/router.ts";
import { aCanary } from "../testing/canary.ts";
import { createToyCluster, type ToyCluster } from "../testing/toy-cluster.ts";
import type { Specimen } from "./specimen.ts";
import { SPECIMENS } from "./specimens.ts";
import { createRouters, ROUTERS } from "./table.ts";

const COOKIES = { canary: "canary-cookie=AbCdEfGhIj", primary: "primary-cookie=KlMnOpQrSt", previous: "" };

const canaryOf = ({ parts }: Specimen, cookies = COOKIES): Canary => {
  const canary = aCanary(parts);
  return { ...canary, status: { ...canary.status, cookies } };
};

function setUp(specimen: Specimen): { router: Router; canary: Canary; cluster: ToyCluster } {
  const router = createRouters({ setOwnerRefs: true }).get(specimen.router);
  if (router === undefined) throw new Error(`no router ${specimen.router}`);
  return { router, canary: canaryOf(specimen), cluster: createToyCluster(mergePatch, ...specimen.world) };
}

const split = (canary: number, mirror = false): Routes => ({ primary: 100 - canary, canary, mirror });

/** Traffic is mirrored only while the canary has no share of its own. */
function anyRoutes({ capabilities }: Router, specimen: Specimen) {
  const mirrors = capabilities.mirror && specimen.mirrors !== false;
  const weights = specimen.switches === true ? fc.constantFrom(0, 100) : fc.integer({ min: 0, max: 100 });
  return fc
    .record({ canary: weights, mirror: fc.boolean() })
    .map(({ canary, mirror }) => (mirror && mirrors ? split(0, true) : split(canary)));
}

describe("the table of routers", () => {
  it("has a specimen of each", () => {
    expect(new Set(SPECIMENS.map(({ router }) => router))).toEqual(new Set(Object.keys(ROUTERS)));
    for (const [name, router] of createRouters({ setOwnerRefs: true })) expect(router.name).toBe(name);
  });
});

describe.each(SPECIMENS)("router $router, $what", (specimen) => {
  it("accepts every specimen", () => {
    const { router, canary } = setUp(specimen);
    expect(router.problem(canary)).toBeUndefined();
  });

  it("reads the routes that it wrote, and writes nothing the second time", () => {
    const { router, canary, cluster } = setUp(specimen);
    fc.assert(
      fc.property(anyRoutes(router, specimen), (routes) => {
        cluster.apply(router.render(canary, routes, cluster));
        const promised = routesFor(planFor(canary.spec, router.capabilities), canary.status) ?? split(0);
        expect(router.read(canary, cluster)).toEqual(router.capabilities.weights ? routes : promised);
        expect(cluster.apply(router.render(canary, routes, cluster))).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it("depends on nothing but its inputs", () => {
    const { router, canary, cluster } = setUp(specimen);
    const inputs = new Set(router.inputs(canary).map(({ type, name }) => `${apiVersionOf(type)} ${type.kind}/${name}`));
    const written = router.render(canary, split(10), cluster);
    expect(written.filter((o) => !inputs.has(`${o.apiVersion} ${o.kind}/${o.metadata.name}`))).toEqual([]);
    const asked: string[] = [];
    const seen = {
      list: cluster.list,
      get: (ref: Parameters<ToyCluster["get"]>[0]) => {
        asked.push(`${apiVersionOf(ref.type)} ${ref.type.kind}/${ref.name}`);
        return cluster.get(ref);
      },
    };
    router.read(canary, seen);
    router.render(canary, split(0), seen);
    router.handBack(canary, seen);
    expect(asked.filter((ref) => !inputs.has(ref))).toEqual([]);
  });

  it("leaves fields and objects of other owners alone", () => {
    const { router, canary, cluster } = setUp(specimen);
    const written = router.render(canary, split(0), cluster);
    cluster.apply(written);
    for (const { kind, metadata } of written) {
      const object = cluster.at(kind, metadata.name);
      const annotations = { ...object.metadata.annotations, "example.com/a": "1" };
      const labels = { ...object.metadata.labels, "example.com/l": "1" };
      cluster.put({
        ...object,
        metadata: { ...object.metadata, annotations, labels, finalizers: ["example.com/f"] },
        spec: { ...object.spec, somethingNew: { a: [1] } },
        status: { ready: true },
      });
    }
    cluster.apply(router.render(canary, split(30), cluster));
    for (const { kind, metadata } of written) {
      expect(cluster.at(kind, metadata.name)).toMatchObject({
        metadata: {
          annotations: { "example.com/a": "1" },
          labels: { "example.com/l": "1" },
          finalizers: ["example.com/f"],
        },
        spec: { somethingNew: { a: [1] } },
        status: { ready: true },
      });
    }
  });

  it("reads no routes from an empty cluster", () => {
    const { router, canary } = setUp(specimen);
    const empty = createToyCluster(mergePatch);
    if (router.capabilities.weights) expect(router.read(canary, empty)).toBeUndefined();
    expect(router.handBack(canary, empty)).toEqual([]);
    expect(() => router.render(canary, split(50), empty)).not.toThrow();
  });

  it("repairs objects that another client broke, without moving traffic (R1)", () => {
    const { router, canary, cluster } = setUp(specimen);
    const routes = split(specimen.switches === true ? 100 : 20);
    cluster.apply(router.render(canary, routes, cluster));
    const before = cluster.names().map((name) => cluster.at(...(name.split("/") as [string, string])));
    for (const object of before.filter(({ metadata }) => metadata.ownerReferences !== undefined)) {
      cluster.put({ ...object, metadata: { ...object.metadata, annotations: {} }, spec: {} });
    }
    cluster.apply(router.render(canary, routes, cluster));
    if (router.capabilities.weights) expect(router.read(canary, cluster)).toEqual(routes);
    for (const object of before) expect(cluster.at(object.kind, object.metadata.name).spec).toEqual(object.spec);
  });

  it("hands objects back once", () => {
    const { router, canary, cluster } = setUp(specimen);
    cluster.apply(router.render(canary, split(20), cluster));
    cluster.apply(router.handBack(canary, cluster));
    expect(cluster.apply(router.handBack(canary, cluster))).toEqual([]);
  });
});

describe.each(Object.keys(ROUTERS))("the kinds of router %s", (name) => {
  it("are all looked at and written for some Canary, as the role of the operator allows", () => {
    const asked = new Set<string>();
    const mine = SPECIMENS.filter(({ router }) => router === name);
    for (const specimen of mine) {
      const { router, canary, cluster } = setUp(specimen);
      for (const { type } of router.inputs(canary)) asked.add(`look ${type.kind}`);
      const write = (objects: readonly KubeObject[]) => {
        for (const done of cluster.apply(objects)) asked.add(done.split("/")[0] ?? "");
      };
      const routes = split(specimen.switches === true ? 100 : 20);
      write(router.prepare?.(canary, cluster) ?? []);
      write(router.render(canary, split(0), cluster));
      write(router.render(canary, routes, cluster));
      const made = cluster.names().map((one) => cluster.at(...(one.split("/") as [string, string])));
      // Another client changes what the operator made.
      for (const object of made)
        if (object.metadata.ownerReferences !== undefined) cluster.put({ ...object, spec: {} });
      write(router.prepare?.(canary, cluster) ?? []);
      write(router.render(canary, routes, cluster));
    }
    const { kinds = [] } = createRouters({ setOwnerRefs: true }).get(name) ?? {};
    const granted = kinds.flatMap(({ type: { kind }, changesOnly }) => [
      ...[`look ${kind}`, `patch ${kind}`],
      ...(changesOnly === true ? [] : [`create ${kind}`]),
    ]);
    expect(granted.filter((right) => !asked.has(right))).toEqual([]);
    const own = new Set(kinds.map(({ type }) => type.kind));
    const more = [...asked].filter((right) => own.has(right.split(" ")[1] ?? "") && !granted.includes(right));
    expect(more).toEqual([]);
  });
});

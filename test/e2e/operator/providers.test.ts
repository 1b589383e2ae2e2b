/**
 * The whole operator with each provider: a release from the bootstrap to the promotion, by the objects that it writes.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { convertNginx } from "../../../src/cli/convert/nginx.ts";
import { crds } from "../../../src/crd/index.ts";
import {
  type KubeFields,
  type KubeObject,
  namespaced,
  RESOURCES,
  type ResourceType,
} from "../../../src/ports/kubernetes.ts";
import { CORPUS, note, type RouteCase } from "../../../src/routers/corpus.ts";
import { createRouters } from "../../../src/routers/table.ts";
import { inPhase, podinfo } from "../harness/objects.ts";
import { kindsOf, openCrds, type Provider } from "../harness/provider-crds.ts";
import { startWorld, type World } from "../harness/world.ts";

let world: World;
afterEach(() => world.stop());

const OWN = crds() as readonly KubeObject[];

async function startWith(provider: Provider): Promise<void> {
  world = await startWorld({ crds: [...OWN, ...openCrds(provider)] });
}

function canaryOf({ provider, canary, annotations = {} }: RouteCase): KubeObject {
  const { analysis, ...spec } = canary;
  return {
    apiVersion: "flagger.app/v1beta1",
    kind: "Canary",
    metadata: { name: "podinfo", namespace: "test", annotations: { ...annotations } },
    spec: {
      targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" },
      provider,
      ...structuredClone(spec),
      analysis: { ...analysis, interval: "300ms" },
    },
  };
}

async function released(): Promise<void> {
  await world.until(RESOURCES.canary, "podinfo", "is initialised", inPhase("Initialized"));
  world.apply(podinfo("podinfo", "6.0.1"));
  await world.until(RESOURCES.canary, "podinfo", "is promoted", inPhase("Succeeded"));
}

/** The first case of each provider. */
const FIRST = [...createRouters({ setOwnerRefs: true }).keys()].flatMap((provider) => {
  const found = Object.entries(CORPUS).find(([, what]) => what.provider === provider);
  return found === undefined ? [] : [found];
});

describe("a good release", () => {
  it.each(FIRST)("%s: its routes go step by step, and back", async (_name, what) => {
    const provider = what.provider as Provider;
    await startWith(provider);
    const kinds = kindsOf(provider);
    const sources = new Set((what.objects ?? []).map(({ metadata }) => metadata.name));
    for (const object of what.objects ?? []) {
      const type = kinds.find(({ kind }) => kind === object.kind) ?? RESOURCES.ingress;
      world.cluster.create(type, structuredClone(object));
    }
    const written: Record<string, KubeFields[]> = {};
    for (const type of kinds) {
      world.cluster.watch(type, ({ object }) => {
        if (!sources.has(object.metadata.name)) note(written, object);
      });
    }
    await world.operator(what.flags ?? []);
    world.apply(podinfo("podinfo"), canaryOf(what));
    await released();
    // The initial split, two steps, and back to the primary. Only the object that splits has as many versions.
    expect(Math.max(...Object.values(written).map((versions) => versions.length))).toBe(4);
  });
});

const HTTP_ROUTE = namespaced("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes");
const STEPS = { threshold: 2, stepWeights: [30, 60] };
const GATEWAY = { port: 9898, gatewayRefs: [{ name: "gateway" }] };
const gatewayCanary = (more: KubeFields = {}): KubeObject =>
  canaryOf({ provider: "gatewayapi:v1", canary: { service: GATEWAY, analysis: STEPS, ...more } });

/** Writes the status of a route, as a gateway that accepts or refuses it. */
function gatewaySays(status: "True" | "False", type: ResourceType = HTTP_ROUTE): void {
  const route = world.get(type, "podinfo");
  if (route === undefined) throw new Error("no route");
  const { generation: observedGeneration } = route.metadata;
  const [parentRef] = route.spec.parentRefs;
  const refusal =
    status === "False" ? { reason: "NotAllowedByListeners", message: "no listener" } : { reason: "Accepted" };
  const conditions = [{ type: "Accepted", status, observedGeneration, ...refusal }];
  world.cluster.updateStatus(type, { ...route, status: { parents: [{ parentRef, conditions }] } });
}

describe("Gateway API", () => {
  beforeEach(async () => {
    await startWith("gatewayapi:v1");
    await world.operator();
  });

  it("a route that the gateway refuses is reported, and the Canary goes on when it names another gateway", async () => {
    world.apply(podinfo("podinfo"), gatewayCanary());
    await world.until(HTTP_ROUTE, "podinfo", "is made", () => true);
    gatewaySays("False");
    world.apply(podinfo("podinfo", "6.0.1"));
    await world.heard("podinfo", "HTTPRoute podinfo.test parent gateway is not ready (status: False");
    expect(await world.heard("podinfo", "no listener")).toContain("NotAllowedByListeners");
    world.edit(RESOURCES.canary, "podinfo", ({ spec }) => {
      spec.service.gatewayRefs = [{ group: HTTP_ROUTE.group, kind: "Gateway", name: "other" }];
    });
    await world.until(RESOURCES.canary, "podinfo", "is promoted", inPhase("Succeeded"));
  });

  it("a route of another owner keeps its rules, and is unchanged before and after the run", async () => {
    const backendRefs = [{ group: "", kind: "Service", name: "podinfo", port: 9898, weight: 1 }];
    const filters = [{ type: "RequestHeaderModifier", requestHeaderModifier: { add: [{ name: "a", value: "b" }] } }];
    const theirs: KubeObject = {
      ...{
        apiVersion: "gateway.networking.k8s.io/v1",
        kind: "HTTPRoute",
        metadata: { name: "shop", namespace: "test" },
      },
      spec: {
        parentRefs: [{ name: "gateway" }],
        rules: [
          { filters, backendRefs, timeouts: { request: "5s" } },
          { matches: [{ path: { type: "Exact", value: "/static" } }], backendRefs: [{ name: "static", port: 80 }] },
        ],
      },
    };
    world.cluster.create(HTTP_ROUTE, structuredClone(theirs));
    const seen: KubeFields[] = [];
    world.cluster.watch(HTTP_ROUTE, ({ object }) => void seen.push(object.spec.rules));
    const routeRef = { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", name: "shop" };
    world.apply(podinfo("podinfo"), gatewayCanary({ service: { port: 9898 }, routeRef }));
    await released();
    const weights = seen.map(([rule]) =>
      rule.backendRefs.map(({ name, weight }: KubeFields) => `${name} ${weight}`).join(", "),
    );
    expect(weights).toEqual([
      "podinfo 1",
      "podinfo-primary 70, podinfo-canary 30",
      "podinfo-primary 40, podinfo-canary 60",
      "podinfo 1",
    ]);
    for (const [rule, others] of seen) {
      expect(rule).toMatchObject({ filters, timeouts: { request: "5s" } });
      expect(others).toEqual(theirs.spec.rules[1]);
    }
    expect(world.get(HTTP_ROUTE, "shop")?.spec).toEqual(theirs.spec);
    expect(world.get(HTTP_ROUTE, "shop")?.metadata.annotations).toBeUndefined();
  });

  it("a missing route is reported, and nothing is created before it exists", async () => {
    const routeRef = { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", name: "shop" };
    world.apply(podinfo("podinfo"), gatewayCanary({ service: { port: 9898 }, routeRef }));
    await world.heard("podinfo", "HTTPRoute shop.test of spec.routeRef is not there");
    expect(world.get(RESOURCES.service, "podinfo-primary")).toBeUndefined();
  });
});

describe("from NGINX to the Gateway API", () => {
  it("the Ingress still leads to the primary, and the next release uses the HTTPRoute", async () => {
    await startWith("gatewayapi:v1");
    await world.operator();
    const what = CORPUS["nginx, steps"];
    if (what === undefined) throw new Error("no such case");
    const ingresses = structuredClone(what.objects ?? []);
    for (const ingress of ingresses) world.cluster.create(RESOURCES.ingress, ingress);
    const before = canaryOf(what);
    world.apply(podinfo("podinfo"), before);
    await released();
    const options = { gateway: { name: "gateway" }, prefix: "nginx.ingress.kubernetes.io" };
    const { objects } = convertNginx(before, ingresses, options);
    const selectors: KubeFields[] = [];
    world.cluster.watch(RESOURCES.service, ({ object }) => {
      if (object.metadata.name === "podinfo") selectors.push(object.spec.selector);
    });
    world.apply(...objects.filter(({ kind }) => kind === "Canary"));
    await world.until(HTTP_ROUTE, "podinfo", "is made", ({ spec }) => spec.rules[0].backendRefs[0].weight === 100);
    world.apply(podinfo("podinfo", "6.0.2"));
    await world.until(HTTP_ROUTE, "podinfo", "has a step", ({ spec }) => spec.rules[0].backendRefs[1].weight === 60);
    await world.until(RESOURCES.canary, "podinfo", "is promoted", inPhase("Succeeded"));
    expect(new Set(selectors.map((selector) => JSON.stringify(selector)))).toEqual(
      new Set(['{"app":"podinfo-primary"}']),
    );
    const weight = world.get(RESOURCES.ingress, "shop-canary")?.metadata.annotations;
    expect(weight?.["nginx.ingress.kubernetes.io/canary-weight"]).toBe("0");
  });
});

describe("a provider whose kinds are not installed", () => {
  it("is reported once, and the Canary goes on when they are installed", async () => {
    world = await startWorld({ crds: OWN });
    await world.operator();
    const what = CORPUS["traefik, steps"];
    if (what === undefined) throw new Error("no such case");
    world.apply(podinfo("podinfo"), canaryOf(what));
    await world.heard("podinfo", "kind TraefikService of traefik.io/v1alpha1 is not installed in the cluster");
    for (const crd of openCrds("traefik")) world.cluster.create(RESOURCES.crd, crd);
    await world.until(RESOURCES.canary, "podinfo", "is initialised", inPhase("Initialized"));
    expect(world.told("podinfo").filter((line) => line.includes("is not installed"))).toHaveLength(1);
  });
});

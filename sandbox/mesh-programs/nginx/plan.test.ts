/** Which Service a request goes to, as the Ingresses of class `nginx` say. */
import { describe, expect, it } from "vitest";
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import { type IngressWorld, PREFIX, planOf } from "./plan.ts";

const metadata = (name: string, more: KubeFields = {}) => ({ namespace: "test", name, ...more });
const path = (service: string, at = "/", pathType = "Prefix") => ({
  path: at,
  pathType,
  backend: { service: { name: service, port: { number: 80 } } },
});

function ingress(name: string, paths: readonly KubeFields[], annotations: KubeFields = {}, more = {}): KubeObject {
  const named = Object.fromEntries(Object.entries(annotations).map(([key, value]) => [`${PREFIX}/${key}`, value]));
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: metadata(name, { annotations: named }),
    spec: { ingressClassName: "nginx", rules: [{ host: "shop.example.com", http: { paths } }], ...more },
  };
}

function service(name: string, addresses: readonly string[]): { service: KubeObject; slice: KubeObject } {
  const labels = { "kubernetes.io/service-name": name };
  const endpoints = addresses.map((address, i) => ({ addresses: [address], conditions: { ready: i === 0 } }));
  return {
    service: {
      apiVersion: "v1",
      kind: "Service",
      metadata: metadata(name),
      spec: { ports: [{ name: "http", port: 80 }] },
    },
    slice: {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: metadata(`${name}-1`, { labels }),
      ...{ ports: [{ name: "http", port: 9898 }], endpoints },
    },
  };
}

function world(...ingresses: readonly KubeObject[]): IngressWorld {
  const known = [service("podinfo", ["127.9.1.1", "127.9.1.2"]), service("podinfo-canary", ["127.9.1.3"])];
  return {
    ingresses,
    services: known.map((one) => one.service),
    endpointSlices: known.map(({ slice }) => slice),
  };
}

const MAIN = ingress("shop", [path("podinfo")]);
const main = { name: "test-podinfo-80", addresses: ["127.9.1.1:9898"] };
const canary = { name: "test-podinfo-canary-80", addresses: ["127.9.1.3:9898"] };

describe("Ingresses", () => {
  it("lead to the pods that are ready", () => {
    expect(planOf(world(MAIN))).toEqual([
      {
        host: "shop.example.com",
        locations: [
          { path: "/", exact: false, namespace: "test", ingress: "shop", service: "podinfo", upstream: main },
        ],
      },
    ]);
  });

  it("of another class are left out", () => {
    expect(planOf(world(ingress("shop", [path("podinfo")], {}, { ingressClassName: "other" })))).toEqual([]);
  });

  it("that are canaries take their part of the path that both name", () => {
    const weighted = ingress("shop-canary", [path("podinfo-canary")], { canary: "true", "canary-weight": "30" });
    const [server] = planOf(world(weighted, MAIN));
    expect(server?.locations).toMatchObject([
      { ingress: "shop", upstream: main, canary: { upstream: canary, weight: 30, weightTotal: 100 } },
    ]);
  });

  it("that are canaries may go by header, by pattern or by cookie", () => {
    const by = {
      canary: "true",
      "canary-by-header": "x-user",
      "canary-by-header-value": "insider",
      "canary-by-cookie": "canary",
    };
    const [server] = planOf(world(MAIN, ingress("shop-canary", [path("podinfo-canary")], by)));
    expect(server?.locations[0]?.canary).toEqual({
      ...{ upstream: canary, weight: 0, weightTotal: 100 },
      ...{ header: "x-user", headerValue: "insider", cookie: "canary" },
    });
  });

  it("that are canaries of a path that no other has lead nowhere", () => {
    expect(planOf(world(ingress("shop-canary", [path("podinfo-canary")], { canary: "true" })))).toEqual([]);
  });

  it("name Services that are not there: their upstream is empty", () => {
    const [server] = planOf(world(ingress("shop", [path("nowhere")])));
    expect(server?.locations[0]?.upstream).toEqual({ name: "test-nowhere-80", addresses: [] });
  });
});

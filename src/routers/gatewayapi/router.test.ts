/** What users of the Gateway API ask for, one by one: the fields of a Canary and what they become in the route. */
import { describe, expect, it } from "vitest";
import type { Routes } from "../../core/status/canary.ts";
import { mergePatch } from "../../json/merge-patch.ts";
import type { KubeFields, KubeObject } from "../../ports/kubernetes.ts";
import { aCanary, type CanaryParts } from "../../testing/canary.ts";
import { createToyCluster } from "../../testing/toy-cluster.ts";
import { createGatewayApiRouter } from "./router.ts";
import { THEIR_ROUTE } from "./specimens.ts";

const router = createGatewayApiRouter("v1", { setOwnerRefs: true });
const split = (canary: number, mirror = false): Routes => ({ primary: 100 - canary, canary, mirror });

function canaryWith({ service, spec, ...parts }: CanaryParts) {
  const gatewayRefs = [{ name: "gateway", namespace: "edge" }];
  return aCanary({ ...parts, service: { gatewayRefs, ...service }, spec: { provider: "gatewayapi:v1", ...spec } });
}

/** The route that is written for the Canary. */
function routeFor(parts: CanaryParts, routes: Routes, kind = "HTTPRoute", name = "podinfo"): KubeObject {
  const cluster = createToyCluster(mergePatch);
  cluster.apply(router.render(canaryWith(parts), routes, cluster));
  return cluster.at(kind, name);
}

const service = (name: string, weight: number) => ({ group: "", kind: "Service", name, port: 9898, weight });
const WEIGHTED = [service("podinfo-primary", 70), service("podinfo-canary", 30)];
const ALL = { path: { type: "PathPrefix", value: "/" } };

describe("the rule of a release in steps", () => {
  it.each<[string, KubeFields, KubeFields]>([
    ["nothing more", {}, {}],
    ["time-outs", { timeout: "15s", backendTimeout: "5s" }, { timeouts: { request: "15s", backendRequest: "5s" } }],
    [
      "conditions of the Service",
      {
        match: [
          { uri: { exact: "/a" }, method: { exact: "GET" } },
          { queryParams: { q: { regex: ".+" } } },
          { headers: { agent: { prefix: "cu.rl" }, host: { suffix: ".eu" } } },
        ],
      },
      {
        matches: [
          { path: { type: "Exact", value: "/a" }, method: "GET" },
          { ...ALL, queryParams: [{ type: "RegularExpression", name: "q", value: ".+" }] },
          {
            ...ALL,
            headers: [
              { type: "RegularExpression", name: "agent", value: "^cu\\.rl.*" },
              { type: "RegularExpression", name: "host", value: ".*\\.eu$" },
            ],
          },
        ],
      },
    ],
    [
      "header filters, in both directions",
      { headers: { request: { set: { a: "1" }, add: { b: "2" }, remove: ["c"] }, response: { set: { d: "3" } } } },
      {
        filters: [
          {
            type: "RequestHeaderModifier",
            requestHeaderModifier: {
              set: [{ name: "a", value: "1" }],
              add: [{ name: "b", value: "2" }],
              remove: ["c"],
            },
          },
          { type: "ResponseHeaderModifier", responseHeaderModifier: { set: [{ name: "d", value: "3" }] } },
        ],
      },
    ],
    [
      "a rewrite of the host and the path",
      { rewrite: { uri: "/new", authority: "inner.example.com" } },
      {
        filters: [
          {
            type: "URLRewrite",
            urlRewrite: { hostname: "inner.example.com", path: { type: "ReplaceFullPath", replaceFullPath: "/new" } },
          },
        ],
      },
    ],
    [
      "a mirror of the user's own",
      { mirror: [{ backendRef: { name: "shadow", namespace: "lab", port: 80 } }] },
      {
        filters: [
          {
            type: "RequestMirror",
            requestMirror: { backendRef: { group: "", kind: "Service", name: "shadow", namespace: "lab", port: 80 } },
          },
        ],
      },
    ],
    [
      "CORS",
      { corsPolicy: { allowOrigin: ["https://a.example.com"], allowMethods: ["GET"], maxAge: "1h" } },
      {
        filters: [
          { type: "CORS", cors: { allowOrigins: ["https://a.example.com"], allowMethods: ["GET"], maxAge: 3600 } },
        ],
      },
    ],
    [
      "a filter that is passed on",
      { filters: [{ type: "ExtensionRef", extensionRef: { group: "g", kind: "K", name: "n" } }] },
      { filters: [{ type: "ExtensionRef", extensionRef: { group: "g", kind: "K", name: "n" } }] },
    ],
  ])("has %s", (_what, given, expected) => {
    const { rules } = routeFor({ service: given }, split(30)).spec;
    expect(rules).toEqual([{ matches: [ALL], backendRefs: WEIGHTED, ...expected }]);
  });

  it("has a name of the user's choice, several hosts, and parents of both kinds with ports and sections", () => {
    const gatewayRefs = [
      { name: "gateway", namespace: "edge", sectionName: "https", port: 443 },
      { group: "core", kind: "Service", name: "podinfo", port: 9898 },
    ];
    const hosts = ["a.example.com", "b.example.com"];
    const route = routeFor({ service: { routeName: "shop", hosts, gatewayRefs } }, split(0), "HTTPRoute", "shop");
    expect(route.spec).toMatchObject({
      hostnames: hosts,
      parentRefs: [
        { group: "gateway.networking.k8s.io", kind: "Gateway", name: "gateway", sectionName: "https", port: 443 },
        { group: "core", kind: "Service", name: "podinfo", port: 9898 },
      ],
    });
  });

  it("mirrors the share that the analysis asks for", () => {
    const analysis = { mirror: true, mirrorWeight: 20 };
    const [rule] = routeFor({ analysis }, split(0, true)).spec.rules;
    const backendRef = { group: "", kind: "Service", name: "podinfo-canary", port: 9898 };
    expect(rule.filters).toEqual([{ type: "RequestMirror", requestMirror: { backendRef, percent: 20 } }]);
  });
});

describe("an A/B test", () => {
  it("matches headers, a cookie, a query parameter and the method; all others reach the primary", () => {
    const match = [
      { headers: { cookie: { regex: "^(.*?;)?(canary=always)(;.*)?$" }, "x-user": { exact: "insider" } } },
      { queryParams: { beta: { exact: "1" } } },
    ];
    const { rules } = routeFor({ analysis: { iterations: 2, match } }, split(100)).spec;
    const users = [
      { type: "RegularExpression", name: "cookie", value: "^(.*?;)?(canary=always)(;.*)?$" },
      { type: "Exact", name: "x-user", value: "insider" },
    ];
    expect(rules).toEqual([
      {
        matches: [
          { ...ALL, headers: users },
          { ...ALL, queryParams: [{ type: "Exact", name: "beta", value: "1" }] },
        ],
        backendRefs: [service("podinfo-primary", 0), service("podinfo-canary", 100)],
      },
      { matches: [ALL], backendRefs: [service("podinfo-primary", 100)] },
    ]);
  });
});

describe("the other kinds of routes", () => {
  it("a GRPCRoute matches services and methods of gRPC", () => {
    const match = [{ uri: { prefix: "/shop.Cart/" } }, { uri: { exact: "/shop.Cart/Add" } }];
    const { rules } = routeFor({ service: { routeKind: "GRPCRoute", match } }, split(30), "GRPCRoute").spec;
    const methods = [{ service: "shop.Cart" }, { service: "shop.Cart", method: "Add" }];
    const matches = methods.map((method) => ({ method: { type: "Exact", ...method } }));
    expect(rules).toEqual([{ matches, backendRefs: WEIGHTED }]);
  });

  it.each([
    ["TCPRoute", undefined],
    ["TLSRoute", ["db.example.com"]],
  ])("a %s has weights alone", (routeKind, hostnames) => {
    const { spec } = routeFor({ service: { routeKind, hosts: ["db.example.com"] } }, split(30), routeKind);
    expect(spec.hostnames).toEqual(hostnames);
    expect(spec.rules).toEqual([{ backendRefs: WEIGHTED }]);
  });
});

describe("what a route cannot do is refused, with what to do", () => {
  const AB = { iterations: 1, match: [{ headers: { a: { exact: "b" } } }] };
  const AFFINITY = { sessionAffinity: { cookieName: "c" } };
  const routeRef = { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", name: "shop" };
  it.each<[string, CanaryParts, string]>([
    ["no gateway", { service: { gatewayRefs: [] } }, "GatewayRefs must be specified"],
    ["an A/B test on connections", { service: { routeKind: "TCPRoute" }, analysis: AB }, "remove spec.analysis.match"],
    [
      "mirrored connections",
      { service: { routeKind: "TLSRoute" }, analysis: { mirror: true } },
      "connections, which cannot be mirrored: remove spec.analysis.mirror",
    ],
    [
      "cookies of gRPC",
      { service: { routeKind: "GRPCRoute" }, analysis: AFFINITY },
      "GRPCRoute has no cookies: remove spec.analysis.sessionAffinity",
    ],
    [
      "query parameters of gRPC beside a header",
      {
        service: { routeKind: "GRPCRoute" },
        analysis: { ...AB, match: [{ ...AB.match[0], queryParams: { q: { exact: "1" } } }] },
      },
      "doesn't support the specified query matching selector",
    ],
    [
      "session affinity on a route of the user's",
      { spec: { routeRef }, analysis: AFFINITY },
      "session affinity needs rules of its own",
    ],
    [
      "a mirrored A/B test on a route of the user's",
      { spec: { routeRef }, analysis: { ...AB, mirror: true } },
      "requests of an A/B test are not mirrored",
    ],
    [
      "a condition that matches everything",
      { analysis: { iterations: 1, match: [{ sourceLabels: { app: "x" } }] } },
      "which would match all requests",
    ],
    [
      "a path that is neither exact, prefix nor regex",
      { service: { match: [{ uri: { suffix: ".js" } }] } },
      "Invalid request matching selectors: Gateway API doesn't support the specified path matching selector",
    ],
  ])("%s", (_what, parts, problem) => {
    expect(router.problem(canaryWith(parts))).toContain(problem);
  });
});

describe("a route of the user's", () => {
  const routeRef = { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", name: "shop" };
  const canary = canaryWith({ spec: { routeRef } });
  const obstacleWith = (rules: readonly KubeFields[]) => {
    const cluster = createToyCluster(mergePatch, { ...THEIR_ROUTE, spec: { ...THEIR_ROUTE.spec, rules } });
    return router.obstacle?.(canary, cluster);
  };

  it("keeps its other backends, filters and matches while it splits, and is as it was at rest", () => {
    const cluster = createToyCluster(mergePatch, THEIR_ROUTE);
    cluster.apply(router.render(canary, split(30), cluster));
    const running = cluster.at("HTTPRoute", "shop").spec;
    const [first, half, others] = THEIR_ROUTE.spec.rules;
    expect(running).toEqual({
      ...THEIR_ROUTE.spec,
      rules: [
        { ...first, backendRefs: WEIGHTED },
        {
          ...half,
          backendRefs: [
            { name: "podinfo-primary", port: 9898, weight: 70 },
            { name: "podinfo-canary", port: 9898, weight: 30 },
            { name: "other", port: 80, weight: 100 },
          ],
        },
        others,
      ],
    });
    cluster.apply(router.render(canary, split(0), cluster));
    expect(cluster.at("HTTPRoute", "shop").spec).toEqual(THEIR_ROUTE.spec);
  });

  it("is refused when it leads nowhere that the Canary knows, or cannot be split", () => {
    const other = { name: "other", port: 80, weight: 1 };
    expect(obstacleWith([{ backendRefs: [other] }])).toEqual({
      text: "HTTPRoute shop.test has no rule with a backendRef to Service podinfo: add one",
      writable: false,
    });
    expect(obstacleWith([{ backendRefs: [{ name: "podinfo", port: 9898, weight: 50 }, other] }])?.text).toContain(
      "give its backendRef a weight that is a multiple of 100",
    );
    expect(router.obstacle?.(canary, createToyCluster(mergePatch))?.text).toContain("of spec.routeRef is not there");
  });

  it("in another namespace gets a ReferenceGrant when the Canary asks for one", () => {
    const there = { ...routeRef, namespace: "edge" };
    const asking = canaryWith({ spec: { routeRef: there }, service: { referenceGrants: true } });
    const cluster = createToyCluster(mergePatch);
    cluster.apply(router.render(asking, split(0), cluster));
    expect(cluster.at("ReferenceGrant", "podinfo").spec).toEqual({
      from: [{ group: "gateway.networking.k8s.io", kind: "HTTPRoute", namespace: "edge" }],
      to: ["podinfo-primary", "podinfo-canary"].map((name) => ({ group: "", kind: "Service", name })),
    });
  });
});

describe("what the gateways say in status.parents", () => {
  const parentRef = { group: "gateway.networking.k8s.io", kind: "Gateway", namespace: "edge", name: "gateway" };
  const canary = canaryWith({});
  const routeWith = (status: string, observedGeneration: number): KubeObject => ({
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: { name: "podinfo", namespace: "test", generation: 2 },
    spec: { parentRefs: [parentRef] },
    status: {
      parents: [
        {
          parentRef,
          controllerName: "example.com/gateway",
          conditions: [{ type: "Accepted", status, reason: "NoMatchingParent", message: "", observedGeneration }],
        },
      ],
    },
  });
  const seenBy = (route: KubeObject) => createToyCluster(mergePatch, route);

  it("a refusal of the latest version is announced with its reason, and an older one is not", () => {
    expect(router.obstacle?.(canary, seenBy(routeWith("False", 2)))?.text).toMatch(
      /^HTTPRoute podinfo\.test parent gateway is not ready .*: Accepted is False, NoMatchingParent$/,
    );
    expect(router.obstacle?.(canary, seenBy(routeWith("False", 1)))).toBeUndefined();
  });

  it("a weight counts only when the gateways have seen the route's latest version", () => {
    expect(router.followed?.(canary, seenBy(routeWith("True", 1)))).toBe(false);
    expect(router.followed?.(canary, seenBy(routeWith("True", 2)))).toBe(true);
  });
});

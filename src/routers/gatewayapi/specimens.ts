import type { KubeObject } from "../../ports/kubernetes.ts";
import type { Specimen } from "../specimen.ts";

const gatewayRefs = [{ name: "gateway", namespace: "istio-ingress" }];
const AFFINITY = { sessionAffinity: { cookieName: "canary-cookie", primaryCookieName: "primary-cookie" } };
const AB = { iterations: 3, match: [{ headers: { "x-canary": { exact: "insider" } }, method: { exact: "GET" } }] };

const EVERYTHING = {
  gatewayRefs: [...gatewayRefs, { group: "", kind: "Service", name: "podinfo", port: 9898 }],
  hosts: ["a.example.com", "b.example.com"],
  timeout: "15s",
  backendTimeout: "5s",
  match: [
    { uri: { prefix: "/a" }, queryParams: { q: { regex: ".+" } } },
    { headers: { z: { exact: "1" }, a: { regex: "b" } } },
  ],
  rewrite: { uri: "/", authority: "c.example.com", type: "ReplacePrefixMatch" },
  headers: { request: { add: { a: "b" }, set: { c: "d" }, remove: ["e"] }, response: { add: { f: "g" } } },
  mirror: [{ backendRef: { name: "shadow", port: 80 } }],
  corsPolicy: { allowOrigin: ["example.com"], allowMethods: ["GET"], allowCredentials: true, maxAge: "24h" },
  filters: [
    { type: "ExtensionRef", extensionRef: { group: "gateway.envoyproxy.io", kind: "HTTPRouteFilter", name: "auth" } },
  ],
  routeName: "shop",
  apex: { labels: { team: "a" }, annotations: { x: "y" } },
};

const PARTS: Readonly<Record<string, Pick<Specimen, "mirrors"> & Specimen["parts"]>> = {
  "a minimal Canary": {},
  "a Canary with everything": { service: EVERYTHING },
  "an A/B test": { analysis: AB },
  "an A/B test with matches": { analysis: AB, service: { match: [{ uri: { prefix: "/a" } }] } },
  "session affinity": { analysis: AFFINITY },
  "session affinity with everything": { analysis: AFFINITY, service: EVERYTHING },
  "a GRPCRoute": { service: { routeKind: "GRPCRoute", match: [{ uri: { prefix: "/shop.Cart/" } }] } },
  "a TCPRoute": { service: { routeKind: "TCPRoute" }, mirrors: false },
  "a TLSRoute": { service: { routeKind: "TLSRoute", hosts: ["db.example.com"] }, mirrors: false },
};

/** A route of another owner: one rule for the Service, one with another backend beside it, and one for others. */
export const THEIR_ROUTE: KubeObject = {
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "HTTPRoute",
  metadata: { name: "shop", namespace: "test" },
  spec: {
    parentRefs: [{ name: "gateway" }],
    rules: [
      {
        matches: [{ path: { type: "PathPrefix", value: "/" } }],
        filters: [{ type: "RequestHeaderModifier", requestHeaderModifier: { add: [{ name: "a", value: "b" }] } }],
        backendRefs: [{ group: "", kind: "Service", name: "podinfo", port: 9898, weight: 1 }],
      },
      {
        matches: [{ path: { type: "PathPrefix", value: "/half" } }],
        backendRefs: [
          { name: "podinfo", port: 9898, weight: 100 },
          { name: "other", port: 80, weight: 100 },
        ],
      },
      {
        matches: [{ path: { type: "Exact", value: "/static" } }],
        backendRefs: [{ name: "static", port: 80, weight: 1 }],
      },
    ],
  },
};

const routeRef = { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", name: "shop" };

function adopted(router: string): readonly Specimen[] {
  const apiVersion = `gateway.networking.k8s.io/${router.slice("gatewayapi:".length)}`;
  const world = [{ ...THEIR_ROUTE, apiVersion }];
  const elsewhere = { ...THEIR_ROUTE, apiVersion, metadata: { name: "shop", namespace: "edge" }, spec: inTest() };
  const spec = { provider: router, routeRef };
  return [
    { router, what: "a route of another owner", parts: { spec }, world },
    { router, what: "an A/B test on a route of another owner", parts: { spec, analysis: AB }, world, mirrors: false },
    {
      ...{ router, what: "a route of another namespace", world: [elsewhere] },
      parts: { spec: { ...spec, routeRef: { ...routeRef, namespace: "edge" } }, service: { referenceGrants: true } },
    },
  ];
}

function inTest() {
  const backendRefs = [{ name: "podinfo", namespace: "test", port: 9898, weight: 1 }];
  return { ...THEIR_ROUTE.spec, rules: [{ backendRefs }] };
}

export const SPECIMENS: readonly Specimen[] = ["gatewayapi:v1", "gatewayapi:v1beta1"].flatMap((router) => [
  ...Object.entries(PARTS).map(
    ([what, { mirrors, service, ...parts }]): Specimen => ({
      ...{ router, what, world: [] },
      parts: { ...parts, service: { gatewayRefs, ...service }, spec: { provider: router } },
      ...(mirrors === false ? { mirrors } : {}),
    }),
  ),
  ...adopted(router),
]);

import { describe, expect, it } from "vitest";
import type { Canary, Routes } from "../../core/status/canary.ts";
import { mergePatch } from "../../json/merge-patch.ts";
import type { KubeFields, KubeObject } from "../../ports/kubernetes.ts";
import { aCanary, type CanaryParts } from "../../testing/canary.ts";
import { golden } from "../../testing/golden.ts";
import { createToyCluster } from "../../testing/toy-cluster.ts";
import { cookieText } from "../cookies.ts";
import { createIstioRouter } from "./router.ts";

const router = createIstioRouter({ setOwnerRefs: true });
const split = (canary: number, mirror = false): Routes => ({ primary: 100 - canary, canary, mirror });

const COOKIES = { canary: "", primary: "", previous: "" };

function withCookies(parts: CanaryParts, cookies: Partial<typeof COOKIES>): Canary {
  const canary = aCanary(parts);
  return { ...canary, status: { ...canary.status, cookies: { ...COOKIES, ...cookies } } };
}

const EVERYTHING: CanaryParts = {
  service: {
    hosts: ["app.example.com"],
    gateways: ["istio-system/gw"],
    portDiscovery: true,
    timeout: "15s",
    retries: { attempts: 3, perTryTimeout: "1s", retryOn: "gateway-error" },
    match: [{ uri: { prefix: "/" } }],
    rewrite: { uri: "/", type: "ReplacePrefixMatch" },
    headers: { request: { add: { "x-a": "b" } } },
    corsPolicy: { allowOrigin: ["example.com"] },
  },
};
const AB: CanaryParts = { analysis: { iterations: 5, match: [{ headers: { "x-canary": { exact: "insider" } } }] } };
const AFFINITY: CanaryParts = {
  analysis: { sessionAffinity: { cookieName: "canary-cookie", primaryCookieName: "primary-cookie" } },
};
const RUNNING = { canary: "canary-cookie=AbCdEfGhIj", primary: "primary-cookie=KlMnOpQrSt" };

/** The objects that the router writes into a cluster that holds `world`. */
function written(canary: Canary, routes: Routes, ...world: readonly KubeObject[]) {
  const cluster = createToyCluster(mergePatch, ...world);
  cluster.apply(router.render(canary, routes, cluster));
  return cluster;
}
const virtualService = (canary: Canary, routes: Routes, ...world: readonly KubeObject[]) =>
  written(canary, routes, ...world).at("VirtualService", "podinfo");

describe("a VirtualService", () => {
  it.each<[string, Canary, Routes]>([
    ["initial", aCanary(EVERYTHING), split(0)],
    ["minimal", aCanary(), split(0)],
    ["weighted", aCanary(), split(30)],
    ["delegated", aCanary({ service: { delegation: true, portDiscovery: true } }), split(0)],
    ["mirror", aCanary({ analysis: { mirror: true, mirrorWeight: 10 } }), split(0, true)],
    ["ab-initial", aCanary(AB), split(0)],
    ["ab-test", aCanary(AB), split(100)],
    ["tcp", aCanary({ service: { appProtocol: "TCP", match: [{ port: 9898, uri: { prefix: "/" } }] } }), split(0)],
    ["sticky", withCookies(AFFINITY, RUNNING), split(10)],
    ["expired", withCookies(AFFINITY, { previous: RUNNING.canary, primary: RUNNING.primary }), split(0)],
  ])("is as in golden/%s.yaml", (name, canary, routes) => {
    expect(virtualService(canary, routes)).toEqual(golden(new URL(`golden/${name}.yaml`, import.meta.url)));
  });

  it("comes with DestinationRules that carry the traffic policy", () => {
    const trafficPolicy = { tls: { mode: "ISTIO_MUTUAL" }, outlierDetection: { consecutiveErrors: 5 } };
    const cluster = written(aCanary({ service: { trafficPolicy } }), split(0));
    const rule = golden(new URL("golden/destination-rule.yaml", import.meta.url));
    expect(cluster.at("DestinationRule", "podinfo-canary")).toEqual(rule);
    expect(cluster.at("DestinationRule", "podinfo-primary").spec).toEqual({ host: "podinfo-primary", trafficPolicy });
    const without = aCanary();
    cluster.apply(router.render(without, split(0), cluster));
    expect(cluster.at("DestinationRule", "podinfo-canary").spec).toEqual({ host: "podinfo-canary" });
  });

  it.each([
    [
      ["a.example.com", "podinfo"],
      ["a.example.com", "podinfo"],
    ],
    [["*"], ["*"]],
    [[], ["podinfo"]],
  ])("with hosts %j has the hosts %j", (hosts, expected) => {
    expect(virtualService(aCanary({ service: { hosts } }), split(0)).spec.hosts).toEqual(expected);
  });

  it.each([
    [["mesh"], undefined],
    [["istio-system/gw"], { number: 9898 }],
    [["mesh", "istio-system/gw"], undefined],
    [[], undefined],
  ])("with port discovery and gateways %j names the port %j", (gateways, port) => {
    const { spec } = virtualService(aCanary({ service: { gateways, portDiscovery: true } }), split(0));
    expect(spec.http[0].route[0].destination.port).toEqual(port);
  });

  it("has no owner when the mesh lives in another cluster", () => {
    const [made] = createIstioRouter({ setOwnerRefs: false }).render(aCanary(), split(0), createToyCluster(mergePatch));
    expect(made?.metadata.ownerReferences).toBeUndefined();
  });

  it("removes the old protocol's rules when the protocol changes", () => {
    const tcp = aCanary({ service: { appProtocol: "tcp" } });
    const cluster = written(tcp, split(20));
    cluster.apply(router.render(aCanary(), split(30), cluster));
    expect(Object.keys(cluster.at("VirtualService", "podinfo").spec)).toEqual(["hosts", "gateways", "http"]);
    expect(router.read(aCanary(), cluster)).toEqual(split(30));
    cluster.apply(router.render(tcp, split(40), cluster));
    expect(Object.keys(cluster.at("VirtualService", "podinfo").spec)).toEqual(["hosts", "gateways", "tcp"]);
    expect(router.read(tcp, cluster)).toEqual(split(40));
  });

  it("Q63, R23: carries the apex' labels and annotations, but not those of the generated Service", () => {
    const apex = { labels: { team: "a" }, annotations: { x: "y" } };
    const { metadata } = virtualService(aCanary({ service: { apex } }), split(0));
    expect(metadata.labels).toEqual(apex.labels);
    expect(Object.keys(metadata.annotations ?? {})).toEqual([
      "x",
      "kustomize.toolkit.fluxcd.io/reconcile",
      "helm.toolkit.fluxcd.io/driftDetection",
    ]);
  });

  it("mirrors everything when no share is given", () => {
    const [rule] = virtualService(aCanary({ analysis: { mirror: true } }), split(0, true)).spec.http;
    expect(rule.mirror).toEqual({ host: "podinfo-canary" });
    expect(rule).not.toHaveProperty("mirrorPercentage");
  });
});

describe("what cannot be routed is refused", () => {
  it.each<[string, CanaryParts, string]>([
    [
      "delegation with hosts",
      { service: { delegation: true, hosts: ["a"] } },
      "reconcileVirtualService failed: VirtualService podinfo.test cannot have hosts and gateways when delegation enabled: remove spec.service.hosts and spec.service.gateways, or spec.service.delegation",
    ],
    ["R28: A/B testing of TCP", { ...AB, service: { appProtocol: "tcp" } }, "no requests to match"],
    [
      "matching TCP by more than the port",
      { service: { appProtocol: "TCP", match: [{ port: 1 }, { sourceLabels: { a: "b" }, uri: { prefix: "/a" } }] } },
      "routes TCP, for which only the port of a match is kept: remove sourceLabels, uri from spec.service.match",
    ],
    ["R2: mirroring of TCP", { service: { appProtocol: "tcp" }, analysis: { mirror: true } }, "cannot be mirrored"],
  ])("%s", (_, parts, text) => expect(router.problem(aCanary(parts))).toContain(text));
});

describe("conditions of requests", () => {
  const matched = (match: KubeFields, service: KubeFields = []) => {
    const canary = aCanary({ analysis: { iterations: 1, match }, service: { match: service } });
    return virtualService(canary, split(100)).spec.http[0].match;
  };
  const insider = { headers: { "x-canary": { exact: "insider" } } };

  it("are those of the analysis with each of the Service's", () => {
    const service = [{ uri: { prefix: "/a" }, headers: { lost: { exact: "x" } } }, { port: 80 }];
    const inside = { sourceLabels: { app: "web" } };
    expect(matched([insider, inside], service)).toEqual([
      { uri: { prefix: "/a" }, ...insider },
      { port: 80, ...insider },
      { ...service[0], ...inside },
      { port: 80, ...inside },
    ]);
  });

  it("R5: are never dropped, because the rule would then send all users to the canary", () => {
    const beta = { queryParams: { beta: { exact: "1" } } };
    expect(matched([beta], [{ uri: { prefix: "/" } }])).toEqual([{ uri: { prefix: "/" }, ...beta }]);
    const more = { queryParams: { a: { exact: "2" } } };
    expect(matched([beta], [more])).toEqual([{ queryParams: { ...more.queryParams, ...beta.queryParams } }]);
    expect(matched([{ uri: { prefix: "/beta" } }], [{ port: 80 }])).toEqual([{ port: 80, uri: { prefix: "/beta" } }]);
  });

  it("R2: are kept while requests are mirrored", () => {
    const canary = aCanary({ analysis: { match: [insider], mirror: true, mirrorWeight: 10 } });
    const cluster = written(canary, split(0, true));
    const [met, others] = cluster.at("VirtualService", "podinfo").spec.http;
    expect(met).toMatchObject({
      match: [insider],
      mirror: { host: "podinfo-canary" },
      mirrorPercentage: { value: 10 },
    });
    expect(others).not.toHaveProperty("mirror");
    expect(router.read(canary, cluster)).toEqual(split(0, true));
  });

  it("4.5: an empty list counts as no condition", () => {
    expect(virtualService(aCanary({ service: { match: [] } }), split(0)).spec.http[0]).not.toHaveProperty("match");
  });

  it("R6: send all other requests to the primary, whose single weight Istio ignores", () => {
    const { spec } = virtualService(aCanary(AB), split(100));
    expect(spec.http[1]).toEqual({ route: [{ destination: { host: "podinfo-primary" }, weight: 0 }] });
  });
});

describe("session affinity", () => {
  it("writes the cookie's attributes that are set, in order", () => {
    const all = { domain: "d", httpOnly: true, partitioned: true, path: "/p", sameSite: "Strict", secure: true };
    expect(cookieText("c=v", { cookieName: "c", maxAge: 5, ...all })).toBe(
      "c=v; Max-Age=5; Domain=d; HttpOnly; Partitioned; Path=/p; SameSite=Strict; Secure",
    );
    expect(cookieText("c=v", { cookieName: "c", maxAge: 5 })).toBe("c=v; Max-Age=5");
  });

  it("gives the primary's cookie the interval as written, not the bounded one", () => {
    const canary = withCookies({ analysis: { ...AFFINITY.analysis, interval: "5s" } }, RUNNING);
    const [primary] = virtualService(canary, split(10)).spec.http[2].route;
    expect(primary.headers.response.add["Set-Cookie"]).toBe("primary-cookie=KlMnOpQrSt; Max-Age=5");
  });

  it("R18: sets no cookie for the primary without a name", () => {
    const parts = { analysis: { sessionAffinity: { cookieName: "canary-cookie" } } };
    const { spec } = virtualService(withCookies(parts, { canary: "canary-cookie=AbC" }), split(10));
    expect(spec.http).toHaveLength(2);
    expect(spec.http[1].route[0]).toEqual({ destination: { host: "podinfo-primary" }, weight: 90 });
  });

  it("has no rule for an absent cookie: an empty one would match all users", () => {
    const { spec } = virtualService(withCookies(AFFINITY, {}), split(100));
    expect(spec.http).toEqual([
      {
        route: [
          { destination: { host: "podinfo-primary" }, weight: 0 },
          { destination: { host: "podinfo-canary" }, weight: 100 },
        ],
      },
    ]);
  });

  it("R4: repairs rules with a match, too, when the primary has no cookie", () => {
    const match = [{ uri: { prefix: "/" } }];
    const parts = { service: { match }, analysis: { sessionAffinity: { cookieName: "canary-cookie" } } };
    const canary = withCookies(parts, { canary: "canary-cookie=AbC" });
    const cluster = written(canary, split(10));
    const promised = cluster.at("VirtualService", "podinfo");
    const broken = structuredClone(promised);
    broken.spec.http[1].match = [{ uri: { prefix: "/elsewhere" } }];
    expect(virtualService(canary, split(10), broken).spec).toEqual(promised.spec);
  });

  it("R20: expires a cookie without changing the headers of other requests", () => {
    const headers = { response: { add: { a: "b" }, remove: ["c"] } };
    const canary = withCookies({ ...AFFINITY, service: { headers } }, { previous: "canary-cookie=AbC" });
    const [expiry, weighted] = virtualService(canary, split(0)).spec.http;
    expect(expiry.headers).toEqual({
      response: { add: { a: "b", "Set-Cookie": "canary-cookie=AbC; Max-Age=-1" }, remove: ["c"] },
    });
    expect(weighted.headers).toEqual(headers);
  });

  it("R2: mirrors on the rule from which the routes are read", () => {
    const parts = { analysis: { ...AFFINITY.analysis, mirror: true } };
    const cluster = written(withCookies(parts, { previous: "canary-cookie=AbC" }), split(0, true));
    const [expiry, weighted] = cluster.at("VirtualService", "podinfo").spec.http;
    expect(expiry).not.toHaveProperty("mirror");
    expect(weighted.mirror).toEqual({ host: "podinfo-canary" });
  });
});

describe("a VirtualService that was there before", () => {
  const own = (annotations?: Record<string, string>): KubeObject => ({
    apiVersion: "networking.istio.io/v1beta1",
    kind: "VirtualService",
    metadata: { name: "podinfo", namespace: "test", ...(annotations && { annotations }) },
    spec: {
      gateways: ["istio-system/ingressgateway"],
      hosts: ["app.example.com", "podinfo"],
      exportTo: ["."],
      http: [{ route: [{ destination: { host: "podinfo" } }], retries: { attempts: 3 } }],
    },
  });
  const ORIGINAL = "flagger.kubernetes.io/original-configuration";
  const KUBECTL = "kubectl.kubernetes.io/last-applied-configuration";

  it("R7, R8: is taken over, remembered as it was, and not owned", () => {
    const cluster = written(aCanary(), split(20), own());
    const { metadata, spec } = cluster.at("VirtualService", "podinfo");
    expect(metadata.ownerReferences).toBeUndefined();
    expect(JSON.parse(metadata.annotations?.[ORIGINAL] ?? "")).toEqual(own().spec);
    expect(spec).toMatchObject({ hosts: ["podinfo"], gateways: ["mesh"], exportTo: ["."] });
    cluster.apply(router.render(aCanary(), split(40), cluster));
    expect(JSON.parse(cluster.at("VirtualService", "podinfo").metadata.annotations?.[ORIGINAL] ?? "")).toEqual(
      own().spec,
    );
  });

  it("R7: is remembered again when its owner has written it in the meantime", () => {
    const cluster = written(aCanary(), split(20), own());
    const again = { ...own(cluster.at("VirtualService", "podinfo").metadata.annotations), spec: { hosts: ["new"] } };
    cluster.put(again);
    cluster.apply(router.render(aCanary(), split(20), cluster));
    expect(cluster.at("VirtualService", "podinfo").metadata.annotations?.[ORIGINAL]).toBe('{"hosts":["new"]}');
  });

  it("is handed back with the spec that the operator found", () => {
    const cluster = written(aCanary(), split(20), own({ mine: "1" }));
    cluster.apply(router.handBack(aCanary(), cluster));
    expect(cluster.at("VirtualService", "podinfo")).toEqual(own({ mine: "1" }));
  });

  it("is handed back as its owner applied it, with the owner's annotations for Flux", () => {
    const owners = { "kustomize.toolkit.fluxcd.io/reconcile": "disabled" };
    const manifest = { ...own(owners), spec: { hosts: ["applied"], http: [{ route: [] }] } };
    const before = own({ ...owners, [KUBECTL]: JSON.stringify(manifest) });
    const cluster = written(aCanary(), split(20), before);
    expect(cluster.at("VirtualService", "podinfo").metadata.annotations).not.toHaveProperty([ORIGINAL]);
    cluster.apply(router.handBack(aCanary(), cluster));
    expect(cluster.at("VirtualService", "podinfo")).toEqual({ ...before, spec: manifest.spec });
  });

  it.each(["{", "null", "5"])("reports a stored manifest that cannot be read, and what to do: %s", (manifest) => {
    const cluster = written(aCanary(), split(20), own({ [KUBECTL]: manifest }));
    expect(() => router.handBack(aCanary(), cluster)).toThrow(
      `VirtualService podinfo.test failed to unMarshal annotation ${KUBECTL}: it is no JSON`,
    );
  });

  it("R7: is never remembered as its owner's when the operator created it, even if another client emptied it", () => {
    const made = virtualService(aCanary(), split(20));
    const emptied = { ...made, spec: { ...made.spec, http: [] } };
    const again = virtualService(aCanary(), split(20), emptied);
    expect(again.metadata.annotations).not.toHaveProperty([ORIGINAL]);
  });

  it("without destinations yields no routes", () => {
    const cluster = written(aCanary(), { primary: 0, canary: 0, mirror: false });
    expect(router.read(aCanary(), cluster)).toBeUndefined();
  });

  it("stays as it is when no stored manifest exists", () => {
    const cluster = written(aCanary(), split(20));
    expect(router.handBack(aCanary(), cluster)).toEqual([]);
  });
});

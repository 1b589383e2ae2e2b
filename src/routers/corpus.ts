/**
 * Canaries of every provider, and what the real Flagger wrote for them: `golden/<case>.json`. The files are written by
 * test/e2e/operator/beside-flagger-routes.test.ts; beside-flagger.test.ts compares Aviary's objects with them.
 */
import type { KubeFields, KubeObject } from "../ports/kubernetes.ts";

export interface RouteCase {
  readonly provider: string;
  readonly canary: KubeFields;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly objects?: readonly KubeObject[];
  readonly flags?: readonly string[];
}

const STEPS = { interval: "10s", threshold: 2, stepWeight: 30, maxWeight: 60 };
const MATCH = [{ headers: { "x-canary": { exact: "insider" } } }];
const AB = { interval: "10s", threshold: 2, iterations: 1, match: MATCH };
const MIRROR = { interval: "10s", threshold: 2, iterations: 2, mirror: true };
const GATEWAY = { gatewayRefs: [{ name: "gateway", namespace: "istio-ingress" }] };
const APEX = { labels: { team: "a" }, annotations: { x: "y" } };
const both = { cookieName: "canary-cookie", primaryCookieName: "primary-cookie" };
const attributes = { domain: "example.com", httpOnly: true, path: "/", sameSite: "Lax", secure: true, maxAge: 100 };

const ROUTE_SETTINGS = {
  ...GATEWAY,
  hosts: ["a.example.com", "b.example.com"],
  timeout: "15s",
  backendTimeout: "5s",
  match: [
    { uri: { prefix: "/a" }, method: { exact: "GET" } },
    { uri: { regex: "/b.*" }, queryParams: { q: { exact: "1" } } },
  ],
  rewrite: { uri: "/", authority: "c.example.com", type: "ReplacePrefixMatch" },
  headers: { request: { add: { a: "b", c: "d" }, set: { e: "f" }, remove: ["g"] }, response: { add: { h: "i" } } },
  mirror: [{ backendRef: { name: "shadow", namespace: "other", port: 80 } }],
  corsPolicy: {
    allowOrigin: ["example.com"],
    allowMethods: ["GET"],
    allowHeaders: ["x"],
    allowCredentials: true,
    maxAge: "24h",
  },
  apex: APEX,
};

function ofGatewayApi(provider: string): Readonly<Record<string, RouteCase>> {
  const row = (service: KubeFields, analysis: KubeFields): RouteCase => ({
    provider,
    canary: { service: { port: 9898, ...service }, analysis },
  });
  return {
    [`${provider}, steps`]: row(GATEWAY, STEPS),
    [`${provider}, everything`]: row(ROUTE_SETTINGS, STEPS),
    [`${provider}, A/B`]: row({ ...GATEWAY, match: [{ uri: { prefix: "/a" } }] }, AB),
    [`${provider}, affinity`]: row(GATEWAY, {
      ...STEPS,
      sessionAffinity: { cookieName: "canary-cookie", ...attributes },
    }),
    [`${provider}, affinity of both`]: row(
      { ...GATEWAY, match: [{ uri: { prefix: "/a" } }] },
      { ...STEPS, sessionAffinity: both },
    ),
    [`${provider}, mirroring`]: row({ ...GATEWAY, headers: { request: { add: { a: "b" } } } }, MIRROR),
  };
}

function ofSmi(provider: string): Readonly<Record<string, RouteCase>> {
  const canary = { service: { port: 9898 }, analysis: STEPS };
  const hosted = { ...canary, service: { port: 9898, hosts: ["app.example.com"], apex: APEX } };
  return { [`${provider}, steps`]: { provider, canary }, [`${provider}, a host`]: { provider, canary: hosted } };
}

function ingress(className: string, annotations: Readonly<Record<string, string>>): KubeObject {
  const path = (name: string, at: string) => ({
    ...{ path: at, pathType: "Prefix", backend: { service: { name, port: { number: 9898 } } } },
  });
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name: "shop", namespace: "test", labels: { app: "podinfo" }, annotations },
    spec: {
      ingressClassName: className,
      tls: [{ hosts: ["app.example.com"], secretName: "cert" }],
      rules: [{ host: "app.example.com", http: { paths: [path("podinfo", "/"), path("other", "/other")] } }],
    },
  };
}

function ofIngress(): Readonly<Record<string, RouteCase>> {
  const ingressRef = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", name: "shop" };
  const service = { port: 9898 };
  const prefix = "nginx.ingress.kubernetes.io";
  const nginx = { provider: "nginx", objects: [ingress("nginx", { [`${prefix}/rewrite-target`]: "/", a: "b" })] };
  const skipper = {
    provider: "skipper",
    objects: [ingress("skipper", { "zalando.org/skipper-predicate": "Host(/x/)" })],
  };
  const ab = (match: KubeFields) => ({ ingressRef, service, analysis: { ...AB, match } });
  return {
    "nginx, steps": { ...nginx, canary: { ingressRef, service, analysis: STEPS } },
    "nginx, A/B by header": { ...nginx, canary: ab([{ headers: { "x-canary": { exact: "insider" } } }]) },
    "nginx, A/B by pattern": { ...nginx, canary: ab([{ headers: { "x-canary": { regex: "in.*" } } }]) },
    "nginx, A/B by header and cookie": {
      ...nginx,
      canary: ab([{ headers: { "x-canary": { exact: "insider" } } }, { headers: { cookie: { exact: "canary" } } }]),
    },
    "nginx, another prefix": {
      ...{ ...nginx, flags: ["-ingress-annotations-prefix=custom.ingress.io"] },
      canary: { ingressRef, service, analysis: STEPS },
    },
    "skipper, steps": { ...skipper, canary: { ingressRef, service, analysis: STEPS } },
  };
}

const RETRIES = { attempts: 3, perTryTimeout: "1s", retryOn: "5xx,gateway-error" };
const POLICIES = { port: 9898, timeout: "15s", retries: RETRIES, match: [{ uri: { prefix: "/a" } }], apex: APEX };

function ofContourAndGloo(): Readonly<Record<string, RouteCase>> {
  const service = { port: 9898 };
  const upstreamRef = { apiVersion: "gloo.solo.io/v1", kind: "Upstream", name: "config", namespace: "test" };
  const config: KubeObject = {
    ...{ apiVersion: "gloo.solo.io/v1", kind: "Upstream", metadata: { name: "config", namespace: "test" } },
    spec: {
      connectionConfig: { connectTimeout: "2s", maxRequestsPerConnection: 51 },
      loadBalancerConfig: { roundRobin: { slowStartConfig: { slowStartWindow: "2m" } } },
      useHttp2: true,
    },
  };
  return {
    "contour, steps": { provider: "contour", canary: { service, analysis: STEPS } },
    "contour, everything": {
      ...{ provider: "contour", flags: ["-ingress-class=contour"] },
      canary: { service: POLICIES, analysis: STEPS },
    },
    "contour, A/B": { provider: "contour", canary: { service, analysis: AB } },
    "gloo, steps": { provider: "gloo", canary: { service, analysis: STEPS } },
    "gloo, an upstream to copy from": {
      ...{ provider: "gloo", objects: [config] },
      canary: { service: { ...service, apex: APEX }, upstreamRef, analysis: STEPS },
    },
    "gloo, A/B": { provider: "gloo", canary: { service, analysis: AB } },
  };
}

function ofOthers(): Readonly<Record<string, RouteCase>> {
  const service = { port: 9898, apex: APEX };
  const route: KubeObject = {
    apiVersion: "apisix.apache.org/v2",
    kind: "ApisixRoute",
    metadata: { name: "shop", namespace: "test", labels: { app: "podinfo" }, annotations: { a: "b" } },
    spec: {
      http: [
        {
          name: "method",
          match: { hosts: ["app.example.com"], methods: ["GET"], paths: ["/*"] },
          plugins: [{ name: "prometheus", enable: true, config: { disable: false, prefer_name: true } }],
          backends: [{ serviceName: "podinfo", servicePort: 80 }],
        },
      ],
    },
  };
  const routeRef = { apiVersion: "apisix.apache.org/v2", kind: "ApisixRoute", name: "shop" };
  return {
    "traefik, steps": { provider: "traefik", canary: { service, analysis: STEPS } },
    "apisix, steps": { provider: "apisix", objects: [route], canary: { routeRef, service, analysis: STEPS } },
    "kuma, steps": { provider: "kuma", canary: { service, analysis: STEPS } },
    "kuma, a mesh": {
      provider: "kuma",
      annotations: { "kuma.io/mesh": "other" },
      canary: { service, analysis: STEPS },
    },
  };
}

function ofAppMesh(provider: string): Readonly<Record<string, RouteCase>> {
  const service = { port: 9898, meshName: "global" };
  const backends =
    provider === "appmesh" ? ["backend.test"] : ["backend", "arn:aws:appmesh:eu:1:mesh/m/virtualService/x"];
  const everything = {
    ...POLICIES,
    ...service,
    backends,
    hosts: ["a.example.com", "b.example.com"],
    portName: "grpc-x",
  };
  return {
    [`${provider}, steps`]: { provider, canary: { service, analysis: STEPS } },
    [`${provider}, everything`]: {
      ...{ provider, annotations: { "appmesh.flagger.app/accesslog": "enabled" } },
      canary: { service: everything, analysis: STEPS },
    },
    [`${provider}, A/B`]: { provider, canary: { service, analysis: AB } },
  };
}

export const CORPUS: Readonly<Record<string, RouteCase>> = {
  ...ofGatewayApi("gatewayapi:v1"),
  ...ofGatewayApi("gatewayapi:v1beta1"),
  ...Object.assign({}, ...["linkerd", "osm", "smi:v1alpha1", "smi:v1alpha2", "smi:v1alpha3"].map(ofSmi)),
  ...ofIngress(),
  ...ofContourAndGloo(),
  ...ofOthers(),
  ...ofAppMesh("appmesh"),
  ...ofAppMesh("appmesh:v1beta2"),
};

/** The objects written for a case, in order, by "Kind/name". A version that equals the previous one is left out. */
export type Written = Readonly<Record<string, readonly KubeFields[]>>;

export function goldenFile(name: string): URL {
  return new URL(`golden/${name.replace(/[^\w]+/g, "-").toLowerCase()}.json`, import.meta.url);
}

/** Without the fields that differ between any two clusters: identities, times, random cookies. */
export function comparable(object: KubeObject): KubeFields {
  const copy: KubeObject = JSON.parse(
    JSON.stringify(object).replace(/(canary-cookie|primary-cookie)([=.*]+)[a-zA-Z]{10}/g, "$1$2COOKIE"),
  );
  for (const field of ["uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"] as const) {
    delete (copy.metadata as KubeFields)[field];
  }
  for (const owner of copy.metadata.ownerReferences ?? []) (owner as KubeFields).uid = "";
  delete copy["status"];
  return copy;
}

/** Adds what was written, unless it equals the previous version. */
export function note(written: Record<string, KubeFields[]>, object: KubeObject): void {
  const key = `${object.kind}/${object.metadata.name}`;
  const versions = written[key] ?? [];
  written[key] = versions;
  const version = comparable(object);
  if (JSON.stringify(versions.at(-1)) !== JSON.stringify(version)) versions.push(version);
}

/** Canaries of this project that ask, with each provider, for all that Flagger's published Canaries ask for. */
import type { KubeFields } from "../../src/ports/kubernetes.ts";
import { aWireCanary } from "../../src/testing/canary.ts";

const url = "http://hooks.test/";
const WEBHOOKS = [
  { name: "smoke", type: "pre-rollout", url, timeout: "30s", metadata: { type: "bash", cmd: "true" } },
  {
    name: "load",
    type: "rollout",
    url,
    timeout: "5s",
    metadata: { cmd: "hey -z 1m http://shop/", logCmdOutput: "true" },
  },
  { name: "more", url },
  ...["confirm-rollout", "confirm-promotion", "confirm-traffic-increase", "post-rollout", "rollback", "event"].map(
    (type) => ({ name: type, type, url, timeout: "5s", metadata: { cmd: "true" } }),
  ),
];
const METRICS = [
  { name: "request-success-rate", thresholdRange: { min: 99 }, interval: "1m" },
  { name: "request-duration", thresholdRange: { max: 500 }, interval: "30s" },
  { name: "latency", templateRef: { name: "latency", namespace: "ops" }, thresholdRange: { max: 1 }, interval: "1m" },
  { name: "not found", templateRef: { name: "not-found" }, threshold: 5, templateVariables: { path: "/", side: "in" } },
];
const ALERTS = [{ name: "shop", severity: "error", providerRef: { name: "chat", namespace: "ops" } }];

const BASE = { interval: "10s", threshold: 5, metrics: METRICS, webhooks: WEBHOOKS, alerts: ALERTS };
const match = (...headers: readonly KubeFields[]) => headers.map((one) => ({ headers: one }));
const STRATEGIES = {
  steps: { ...BASE, stepWeight: 10, maxWeight: 50 },
  "chosen steps": { ...BASE, stepWeights: [1, 2, 50] },
  "blue/green": { ...BASE, iterations: 3 },
  mirroring: { ...BASE, stepWeight: 20, maxWeight: 40, mirror: true },
  "blue/green with mirroring": { ...BASE, iterations: 3, mirror: true },
  "A/B": { ...BASE, iterations: 3, match: match({ "x-canary": { exact: "insider" } }) },
  "A/B by patterns": {
    ...{ ...BASE, iterations: 3 },
    match: match({ "user-agent": { regex: ".*Firefox.*" } }, { cookie: { regex: "^(.*?;)?(type=insider)(;.*)?$" } }),
  },
  "A/B by a cookie": {
    ...{ ...BASE, iterations: 3 },
    match: match({ "x-canary": { exact: "insider" } }, { cookie: { exact: "canary" } }),
  },
  affinity: {
    ...{ ...BASE, stepWeight: 10, maxWeight: 50 },
    sessionAffinity: { cookieName: "shop-canary", primaryCookieName: "shop-primary", maxAge: 3600 },
  },
} as const;
type Strategy = keyof typeof STRATEGIES;

const META = { labels: { team: "shop" }, annotations: { "9898.service.kuma.io/protocol": "http" } };
const SERVICE = {
  ...{ name: "podinfo", port: 80, targetPort: 9898, portName: "http", portDiscovery: true },
  ...{ apex: META, primary: META, canary: META },
};
const HPA = { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", name: "podinfo" };
const SCALED_OBJECT = {
  ...{ apiVersion: "keda.sh/v1alpha1", kind: "ScaledObject", name: "podinfo" },
  primaryScalerQueries: { requests: "sum(rate(http_requests_total[1m]))" },
  primaryScalerReplicas: { minReplicas: 2, maxReplicas: 5 },
};
const INGRESS = { ingressRef: { apiVersion: "networking.k8s.io/v1", kind: "Ingress", name: "shop" } };
const ROUTE = { routeRef: { apiVersion: "apisix.apache.org/v2", kind: "ApisixRoute", name: "shop" } };
const UPSTREAM = { upstreamRef: { apiVersion: "gloo.solo.io/v1", kind: "Upstream", name: "config", namespace: "ops" } };
const KNATIVE = { targetRef: { apiVersion: "serving.knative.dev/v1", kind: "Service", name: "podinfo" } };
const DAEMONSET = { targetRef: { apiVersion: "apps/v1", kind: "DaemonSet", name: "podinfo" } };
const RETRIES = { attempts: 3, perTryTimeout: "1s", retryOn: "gateway-error,connect-failure,refused-stream" };

const ISTIO = {
  ...{ gateways: ["edge/public", "mesh"], hosts: ["shop.example.com"], timeout: "5s", retries: RETRIES },
  ...{ match: [{ uri: { prefix: "/shop" } }], rewrite: { uri: "/" }, trafficPolicy: { tls: { mode: "DISABLE" } } },
  headers: { request: { add: { "x-envoy-max-retries": "3" } } },
};
const GATEWAY = { group: "gateway.networking.k8s.io", kind: "Gateway", name: "public", namespace: "edge", port: 80 };
const GATEWAY_API = { hosts: ["shop.example.com"], gatewayRefs: [GATEWAY], headers: ISTIO.headers, timeout: "5s" };

interface Row {
  readonly provider: string;
  readonly strategies: readonly Strategy[];
  readonly service?: KubeFields;
  readonly spec?: KubeFields;
}

const WEIGHTS = ["steps", "chosen steps", "blue/green"] as const;
const ALL: readonly Strategy[] = [
  ...[...WEIGHTS, "blue/green with mirroring", "A/B", "A/B by patterns", "A/B by a cookie", "affinity"],
] as readonly Strategy[];

const ROWS: readonly Row[] = [
  { provider: "istio", strategies: [...ALL, "mirroring"], service: ISTIO },
  { provider: "istio", strategies: WEIGHTS, service: { delegation: true } },
  ...["gatewayapi:v1", "gatewayapi:v1beta1"].map((provider) => ({ provider, strategies: ALL, service: GATEWAY_API })),
  { provider: "nginx", strategies: [...WEIGHTS, "A/B", "A/B by a cookie"], spec: INGRESS },
  { provider: "skipper", strategies: WEIGHTS, spec: INGRESS },
  { provider: "apisix", strategies: WEIGHTS, spec: ROUTE },
  { provider: "gloo", strategies: [...WEIGHTS, "A/B"], spec: UPSTREAM },
  { provider: "contour", strategies: [...WEIGHTS, "A/B"], service: { timeout: "5s", retries: RETRIES } },
  ...["appmesh", "appmesh:v1beta2"].map((provider) => ({
    ...{ provider, strategies: [...WEIGHTS, "A/B"] as const, service: { meshName: "shop", retries: RETRIES } },
  })),
  ...["linkerd", "osm", "smi:v1alpha1", "smi:v1alpha2", "smi:v1alpha3", "kuma", "traefik"].map((provider) => ({
    ...{ provider, strategies: WEIGHTS },
  })),
  { provider: "knative", strategies: WEIGHTS, spec: KNATIVE },
  { provider: "kubernetes", strategies: ["steps", "blue/green"] },
  { provider: "kubernetes", strategies: ["blue/green"], spec: { autoscalerRef: SCALED_OBJECT } },
  { provider: "kubernetes", strategies: ["blue/green"], spec: { ...DAEMONSET, autoscalerRef: undefined } },
];

export interface OwnCanary {
  readonly name: string;
  readonly provider: string;
  readonly strategy: Strategy;
  readonly canary: KubeFields;
}

export const OWN: readonly OwnCanary[] = ROWS.flatMap(({ provider, strategies, service = {}, spec = {} }, row) =>
  strategies.map((strategy) => {
    const name = `${row + 1}: ${provider}, ${strategy}`;
    const rest = { provider, progressDeadlineSeconds: 60, skipAnalysis: false, revertOnDeletion: true };
    const autoscaler = provider === "knative" ? {} : { autoscalerRef: HPA };
    const canary = aWireCanary({
      ...{ service: { ...SERVICE, ...service }, analysis: STRATEGIES[strategy] },
      spec: { ...rest, ...autoscaler, ...spec },
    });
    const { metadata, ...fields } = structuredClone(canary);
    return { name, provider, strategy, canary: { ...fields, metadata: { name: metadata.name, namespace: "test" } } };
  }),
);

import { describe, expect, it } from "vitest";
import type { KubeObject } from "../ports/kubernetes.ts";
import type { PodSpec } from "../ports/kubernetes-types.ts";
import {
  filterPrefixes,
  noSelectorLabel,
  podAnnotations,
  podLabelsOf,
  primaryLabels,
  withoutFlux,
} from "./metadata.ts";
import { discoverPorts, rewriteForPrimary } from "./pod-spec.ts";

const LABELS = {
  app: "podinfo",
  "app.kubernetes.io/name": "podinfo",
  "kustomize.toolkit.fluxcd.io/name": "apps",
};
const SELECTOR_LABELS = ["app", "name", "app.kubernetes.io/name"];

describe("labels and annotations", () => {
  it.each([
    [[""], []],
    [[], []],
    [["*"], ["app", "app.kubernetes.io/name"]],
    [["app.kubernetes.io"], ["app.kubernetes.io/name"]],
    [["app"], ["app", "app.kubernetes.io/name"]],
    [["kustomize", "team"], []],
    [["", " app"], []],
  ])("prefixes %j keep %j", (prefixes, keys) => {
    expect(Object.keys(filterPrefixes(LABELS, prefixes))).toEqual(keys);
  });

  it("lose the keys of Flux", () => {
    expect(withoutFlux(LABELS)).toEqual({ app: "podinfo", "app.kubernetes.io/name": "podinfo" });
    expect(withoutFlux(undefined)).toEqual({});
    expect(primaryLabels(LABELS, { app: "podinfo-primary" })).toEqual({
      app: "podinfo-primary",
      "app.kubernetes.io/name": "podinfo",
    });
    const given = { "flagger-id": "old", "helm.toolkit.fluxcd.io/driftDetection": "disabled", a: "b" };
    expect(podAnnotations(given, "new")).toEqual({ a: "b", "flagger-id": "new" });
  });
});

describe("the selector label", () => {
  const target = (kind: string, matchLabels?: Record<string, string>): KubeObject => ({
    apiVersion: "apps/v1",
    kind,
    metadata: { name: "podinfo", namespace: "test" },
    spec: { selector: { ...(matchLabels && { matchLabels }) } },
  });

  it("is the first that the operator knows, not the first that the target has", () => {
    const given = target("Deployment", { "app.kubernetes.io/name": "x", name: "web" });
    const primary = { "app.kubernetes.io/name": "x", name: "web-primary" };
    expect(podLabelsOf(given, undefined, SELECTOR_LABELS)).toEqual({
      label: "name",
      target: given.spec.selector.matchLabels,
      primary,
      pods: primary,
    });
  });

  it("is asked for in Flagger's words when there is none", () => {
    expect(podLabelsOf(target("Deployment", { tier: "web" }), undefined, SELECTOR_LABELS)).toBeUndefined();
    expect(podLabelsOf(target("Deployment"), undefined, SELECTOR_LABELS)).toBeUndefined();
    const text = "podinfo.test spec.selector.matchLabels must contain one of [app name app.kubernetes.io/name]";
    expect(noSelectorLabel(target("Deployment"), SELECTOR_LABELS)).toBe(`deployment ${text}`);
    expect(noSelectorLabel(target("DaemonSet"), SELECTOR_LABELS)).toBe(`daemonset ${text}'`);
  });
});

describe("the labels of a primary that exists", () => {
  const workload = (matchLabels: Record<string, string>): KubeObject => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "test" },
    spec: { selector: { matchLabels } },
  });
  const labels = (target: Record<string, string>, primary: Record<string, string>, flag = SELECTOR_LABELS) => {
    const found = podLabelsOf(workload(target), workload(primary), flag);
    return found && [found.label, found.target, found.primary, found.pods];
  };

  it("are its own selector when the target was created again with another one", () => {
    const [target, primary] = [{ name: "web" }, { app: "web-primary" }];
    expect(labels(target, primary)).toEqual(["app", target, primary, { app: "web-primary", name: "web-primary" }]);
  });

  it("are its own selector when -selector-labels was changed", () => {
    const [target, primary] = [{ app: "web", deploy: "web" }, { app: "web-primary" }];
    expect(labels(target, primary, ["deploy", "app"])).toEqual([
      "app",
      target,
      primary,
      { app: "web-primary", deploy: "web-primary" },
    ]);
    expect(labels(target, primary, ["tier"])).toEqual(["app", target, primary, primary]);
  });

  it("are those that Flagger gave it, for a target with several labels", () => {
    const [target, primary] = [{ app: "shop", instance: "blue" }, { app: "shop-primary" }];
    expect(labels(target, primary)).toEqual(["app", target, primary, primary]);
  });

  it("cannot be found when the flag names no label of the target or the primary", () => {
    expect(labels({ name: "web" }, { app: "web-primary" }, ["tier"])).toBeUndefined();
  });
});

describe("port discovery", () => {
  const podSpec = {
    initContainers: [{ name: "init", ports: [{ name: "init", containerPort: 1 }] }],
    containers: [
      {
        name: "podinfod",
        ports: [
          { name: "http", containerPort: 9898 },
          { name: "http-metrics", containerPort: 9797 },
          { containerPort: 7000 },
          { name: "grpc", containerPort: 9999 },
        ],
      },
      { name: "istio-proxy", ports: [{ name: "status", containerPort: 15020 }] },
      { name: "envoy", ports: [{ name: "admin", containerPort: 9901 }] },
      { name: "idle" },
    ],
  };
  const found = (
    service: { port: number; portName?: string; targetPort?: number | string },
    spec: PodSpec | undefined = podSpec,
  ) => discoverPorts(spec, service).map(({ name, port }) => `${name}:${port}`);
  const BESIDE_HTTP = ["grpc:9999", "http-metrics:9797", "tcp-podinfod-2:7000"];

  it.each([
    [{ port: 9898 }],
    [{ port: 9898, targetPort: 0 }],
    [{ port: 9898, targetPort: "0" }],
    [{ port: 80, targetPort: 9898 }],
    [{ port: 80, targetPort: "http" }],
  ])("%j publishes the ports beside the main one", (service) => expect(found(service)).toEqual(BESIDE_HTTP));

  it("never publishes a number twice, because the API server would refuse it", () => {
    expect(found({ port: 9797, targetPort: "http" })).toEqual(["grpc:9999", "tcp-podinfod-2:7000"]);
    const dns = [
      { name: "dns", containerPort: 53, protocol: "UDP" },
      { name: "dns-tcp", containerPort: 53, protocol: "TCP" },
    ];
    expect(found({ port: 80 }, { containers: [{ name: "dns", ports: dns }] })).toEqual(["dns:53"]);
  });

  it("never publishes the main port's name twice, because the API server would refuse it", () => {
    const cache = { name: "cache", ports: [{ name: "http", containerPort: 6379 }] };
    const containers = [{ name: "app", ports: [{ name: "http", containerPort: 9898 }] }, cache];
    expect(found({ port: 9898, portName: "http" }, { containers })).toEqual(["tcp-cache-0:6379"]);
    expect(found({ port: 9898, portName: "web" }, { containers })).toEqual(["http:6379"]);
  });

  it("publishes the last of two ports with the same name", () => {
    const containers = [1, 2].map((n) => ({ name: `c${n}`, ports: [{ name: "admin", containerPort: n }] }));
    expect(found({ port: 80 }, { containers })).toEqual(["admin:2"]);
    expect(found({ port: 80 }, {})).toEqual([]);
  });
});

describe("the pod spec of the primary", () => {
  const options = { targetName: "podinfo", selectorLabels: SELECTOR_LABELS };
  const selects = (value: string) => ({
    matchLabels: { app: value, tier: "podinfo" },
    matchExpressions: [
      { key: "name", operator: "In", values: ["other", value, value] },
      { key: "tier", operator: "In", values: ["podinfo"] },
      { key: "app", operator: "Exists" },
    ],
  });
  const spec = (value: string, list = ["other", value, value]) => {
    const given = selects(value);
    const labelSelector = {
      ...given,
      matchExpressions: given.matchExpressions.map((expression, i) =>
        i === 0 ? { ...expression, values: list } : expression,
      ),
    };
    const term = { topologyKey: "kubernetes.io/hostname", labelSelector };
    return {
      containers: [{ name: "app" }],
      topologySpreadConstraints: [
        { maxSkew: 1, ...term },
        { maxSkew: 1, topologyKey: "zone" },
      ],
      affinity: {
        nodeAffinity: { a: 1 },
        podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: selects("podinfo") }] },
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: term }],
          requiredDuringSchedulingIgnoredDuringExecution: [term],
        },
      },
    };
  };

  it("keeps its pods apart from each other instead of from the target's", () => {
    const given = spec("podinfo");
    const before = structuredClone(given);
    expect(rewriteForPrimary(given, options)).toEqual(spec("podinfo-primary", ["other", "podinfo-primary", "podinfo"]));
    expect(given).toEqual(before);
  });

  it("stays as it is when the label does not have the target's name", () => {
    const given = { ...spec("web"), affinity: { podAntiAffinity: spec("web").affinity.podAntiAffinity } };
    expect(rewriteForPrimary(given, options)).toEqual(given);
    expect(rewriteForPrimary({ containers: [] }, options)).toEqual({ containers: [] });
  });
});

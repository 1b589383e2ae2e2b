/** An object that is there already, under a name that Aviary needs, belongs to the one who made it. */
import { describe, expect, it } from "vitest";
import type { Canary } from "../../core/status/canary.ts";
import { mergePatch } from "../../json/merge-patch.ts";
import type { KubeObject, OwnerReference } from "../../ports/kubernetes.ts";
import { createIstioRouter } from "../../routers/istio/router.ts";
import { createServicesRouter } from "../../services/services.ts";
import { aCanary, type CanaryParts } from "../../testing/canary.ts";
import { createToyCluster } from "../../testing/toy-cluster.ts";
import { createAutoscalers } from "../../workloads/autoscalers.ts";
import { createWorkloads } from "../../workloads/table.ts";
import { foreignObject } from "./foreign.ts";

const OPTIONS = { selectorLabels: ["app"], includeLabelPrefixes: [], configTracking: true };
const FLUX = {
  "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
  "helm.toolkit.fluxcd.io/driftDetection": "disabled",
};

function object(kind: string, name: string, spec?: object, metadata: object = {}): KubeObject {
  const groups: Record<string, string> = {
    HorizontalPodAutoscaler: "autoscaling/v2",
    ScaledObject: "keda.sh/v1alpha1",
    DestinationRule: "networking.istio.io/v1beta1",
    VirtualService: "networking.istio.io/v1beta1",
  };
  const apiVersion = groups[kind] ?? (["ConfigMap", "Secret", "Service"].includes(kind) ? "v1" : "apps/v1");
  return { apiVersion, kind, metadata: { name, namespace: "test", ...metadata }, ...(spec && { spec }) };
}

const owner = (name: string, uid: string, kind = "Canary"): OwnerReference => ({
  apiVersion: kind === "Canary" ? "flagger.app/v1beta1" : "apps/v1",
  kind,
  name,
  uid,
  controller: true,
});

const template = (...configs: string[]) => ({
  metadata: { annotations: { "flagger-id": "1" } },
  spec: {
    containers: [
      { name: "a", envFrom: configs.flatMap((name) => [{ configMapRef: { name } }, { secretRef: { name } }]) },
    ],
  },
});

const target = (kind: string) =>
  object(kind, "podinfo", {
    serviceName: "peers",
    selector: kind === "Service" ? { app: "podinfo" } : { matchLabels: { app: "podinfo" } },
    template: template("db"),
  });

function problem(parts: CanaryParts, ...objects: readonly KubeObject[]): string | undefined {
  const canary: Canary = aCanary(parts);
  const seen = createToyCluster(mergePatch, ...objects);
  const { targetRef, autoscalerRef } = canary.spec;
  const workload = createWorkloads(OPTIONS).find((found) => found.matches(targetRef));
  const scaler = createAutoscalers(OPTIONS).find(({ kind }) => kind === autoscalerRef?.kind);
  const made = [
    ...(workload?.made(canary, seen) ?? []),
    ...(targetRef.kind === "Service" ? [] : createServicesRouter().made(canary)),
    ...(scaler?.made(canary) ?? []),
    ...(createIstioRouter({ setOwnerRefs: true }).made?.(canary) ?? []),
  ];
  return foreignObject(canary, made, seen);
}

const kindParts = (kind: string): CanaryParts => ({
  spec: { targetRef: { apiVersion: kind === "Service" ? "v1" : "apps/v1", kind, name: "podinfo" } },
});
const scaledBy = (kind: string): CanaryParts => ({ spec: { autoscalerRef: { kind, name: "podinfo" } } });

type Case = readonly [kind: string, name: string, parts: CanaryParts, spec: object];
const CASES: readonly Case[] = [
  ["Deployment", "podinfo-primary", kindParts("Deployment"), {}],
  ["DaemonSet", "podinfo-primary", kindParts("DaemonSet"), {}],
  ["StatefulSet", "podinfo-primary", kindParts("StatefulSet"), {}],
  ["Service", "podinfo-primary-hosts", kindParts("StatefulSet"), {}],
  ["Service", "podinfo-primary", kindParts("Service"), {}],
  ["Service", "podinfo-canary", kindParts("Service"), {}],
  ["ConfigMap", "db-primary", kindParts("Deployment"), {}],
  ["Secret", "db-primary", kindParts("DaemonSet"), {}],
  ["Service", "podinfo-primary", kindParts("Deployment"), {}],
  ["Service", "podinfo-canary", kindParts("Deployment"), {}],
  ["HorizontalPodAutoscaler", "podinfo-primary", scaledBy("HorizontalPodAutoscaler"), {}],
  ["ScaledObject", "podinfo-primary", scaledBy("ScaledObject"), {}],
  ["DestinationRule", "podinfo-primary", {}, { host: "other" }],
  ["DestinationRule", "podinfo-canary", {}, { host: "podinfo-canary", trafficPolicy: { tls: { mode: "DISABLE" } } }],
];

describe.each(CASES)("a %s %s", (kind, name, parts, spec) => {
  const given = (metadata: object) => object(kind, name, spec, metadata);
  const own = target(aCanary(parts).spec.targetRef.kind);
  const judged = (metadata: object) => problem(parts, own, given(metadata));

  it("that has no owner is refused by its name, with what to do", () => {
    expect(judged({})).toContain(`${kind} ${name}.test was not made for this canary (it has no owner), and the `);
    expect(judged({})).toContain(`rename or delete ${kind} ${name}, or rename what`);
  });

  it("that another controller owns is refused by its owner's name", () => {
    expect(judged({ ownerReferences: [owner("db", "2", "Cluster")] })).toContain("its owner is Cluster db");
  });

  it("that belongs to the Canary is ours, also when the Canary was made again since", () => {
    expect(judged({ ownerReferences: [owner("podinfo", "another")] })).toBeUndefined();
    expect(judged({ ownerReferences: [owner("renamed", aCanary().uid)] })).toBeUndefined();
  });

  it("that belongs to another Canary is refused, unless Canaries may share it", () => {
    const shared = kind === "ConfigMap" || kind === "Secret";
    const found = judged({ ownerReferences: [owner("other", "2")] });
    expect(found === undefined).toBe(shared);
  });
});

describe("an object whose owner was lost", () => {
  const primary = object("Deployment", "podinfo-primary", { template: template("db-primary") });
  const scaled = (name: string) => ({ scaleTargetRef: { kind: "Deployment", name } });

  it.each<[string, KubeObject, CanaryParts?]>([
    ["the primary, by the promotion that it names", primary],
    ["a config, by the primary that reads it", object("ConfigMap", "db-primary")],
    ["a Service, by its annotations", object("Service", "podinfo-primary", {}, { annotations: FLUX })],
    [
      "a scaler, by what it scales",
      object("HorizontalPodAutoscaler", "podinfo-primary", scaled("podinfo-primary")),
      scaledBy("HorizontalPodAutoscaler"),
    ],
    [
      "a DestinationRule, when nothing of it would be lost",
      object("DestinationRule", "podinfo-primary", { host: "podinfo-primary" }),
    ],
  ])("is known: %s", (_, given, parts = kindParts("Deployment")) => {
    expect(problem(parts, target("Deployment"), primary, given)).toBeUndefined();
  });

  it("is not known by a primary that reads it because the target does", () => {
    const both = {
      ...target("Deployment"),
      spec: { ...target("Deployment").spec, template: template("db", "db-primary") },
    };
    const reads = object("Deployment", "podinfo-primary", { template: template("db-primary") });
    expect(problem({}, both, reads, object("ConfigMap", "db-primary"))).toContain(
      "the copy of ConfigMap db needs that name",
    );
  });
});

describe("an object that was there before the Canary", () => {
  it.each(["Service", "VirtualService"])("is adopted: %s", (kind) => {
    expect(problem({}, target("Deployment"), object(kind, "podinfo", {}))).toBeUndefined();
    const controlled = object(kind, "podinfo", {}, { ownerReferences: [owner("chart", "3", "HelmRelease")] });
    expect(problem({}, target("Deployment"), controlled)).toBeUndefined();
  });

  it.each(["Service", "VirtualService"])("is refused when another Canary has it: %s", (kind) => {
    const taken = object(kind, "podinfo", {}, { ownerReferences: [owner("other", "2")] });
    expect(problem({}, target("Deployment"), taken)).toBe(
      `${kind} podinfo.test was not made for this canary (its owner is Canary other), and the ${kind} of canary podinfo ` +
        `needs that name: rename or delete ${kind} podinfo, or rename what the ${kind} of canary podinfo is named after`,
    );
  });
});

/**
 * What the operator writes, and what an API server makes of it: the API server validates, fills in defaults, assigns
 * addresses, and refuses to change immutable fields. None of these may cause a second write.
 */

import { describe, expect, it } from "vitest";
import { createStore } from "../../sandbox/api-server/store.ts";
import type { DesiredPrimary } from "../core/phases/phase.ts";
import type { Phase } from "../core/phases/positions.ts";
import type { CanaryStatus } from "../core/status/canary.ts";
import { promotionId } from "../core/turn/identity.ts";
import { applyMergePatch, mergePatch } from "../json/merge-patch.ts";
import { typeOf } from "../operator/cluster/write.ts";
import { type KubeFields, type KubeObject, RESOURCES } from "../ports/kubernetes.ts";
import type { Snapshot } from "../ports/snapshot.ts";
import { createServicesRouter } from "../services/services.ts";
import { aCanary, type CanaryParts } from "../testing/canary.ts";
import { aDesiredState } from "../testing/desired-state.ts";
import { createAutoscalers } from "./autoscalers.ts";
import { createWorkloads } from "./table.ts";

const OPTIONS = { selectorLabels: ["app"], includeLabelPrefixes: [], configTracking: true };
const services = createServicesRouter();

/** Records every write of a turn over a real store: "create Kind/name" or "patch Kind/name <patch>". */
function stage(parts: CanaryParts, ...objects: readonly KubeObject[]) {
  const store = createStore();
  store.create(RESOURCES.namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name: "test" } });
  for (const object of objects) store.create(typeOf(object), object);
  const canary = aCanary(parts);
  const workload = createWorkloads(OPTIONS).find((candidate) => candidate.matches(canary.spec.targetRef));
  if (workload === undefined) throw new Error(`no workload for ${canary.spec.targetRef.kind}`);
  const autoscaler = createAutoscalers(OPTIONS).find(({ kind }) => kind === canary.spec.autoscalerRef?.kind);
  const seen: Snapshot = {
    get: ({ type, namespace, name }) => store.get(type, namespace, name),
    list: (type, namespace) => store.list(type, namespace),
  };
  const { kind } = canary.spec.targetRef;

  function write(wanted: KubeObject): readonly string[] {
    const type = typeOf(wanted);
    const what = `${wanted.kind}/${wanted.metadata.name}`;
    const before = store.get(type, "test", wanted.metadata.name);
    if (before === undefined) {
      store.create(type, JSON.parse(JSON.stringify(wanted)));
      return [`create ${what}`];
    }
    const patch = mergePatch(before, wanted);
    if (patch === undefined) return [];
    store.update(type, applyMergePatch(before, JSON.parse(JSON.stringify(patch))));
    return [`patch ${what} ${JSON.stringify(patch)}`];
  }

  function turn(phase: Phase, primary: DesiredPrimary): readonly string[] {
    const now = { ...canary, status: { ...canary.status, phase } as CanaryStatus };
    const world = aDesiredState({ primary, syncScaler: primary.kind === "promoted" });
    const selector = readings().selector;
    const stages = [
      () => (selector === undefined ? [] : services.renderCopies(now, selector, seen)),
      () => workload?.renderPrimary(now, world, seen) ?? [],
      () => autoscaler?.renderPrimary(now, world, seen) ?? [],
      () => (selector === undefined ? [] : services.renderApex(now, selector, seen)),
    ];
    return stages.flatMap((render) => render().flatMap(write));
  }

  function readings() {
    const reading = workload?.read(canary, seen, 0);
    if (reading?.kind !== "reading") throw new Error(reading?.detail ?? "nothing was read");
    return reading;
  }

  function promotion(): DesiredPrimary & { readonly kind: "promoted" } {
    const { revision } = readings().target;
    return { kind: "promoted", id: promotionId(canary.uid, revision), revision };
  }

  const at = (name: string, type = typeOf({ apiVersion: canary.spec.targetRef.apiVersion, kind })): KubeObject => {
    const found = store.get(type, "test", name);
    if (found === undefined) throw new Error(`no ${type.kind} ${name}`);
    return found;
  };
  const edit = (spec: KubeFields) => {
    const target = at("podinfo");
    store.update(typeOf(target), { ...target, spec: { ...target.spec, ...spec } });
  };
  return { turn, promotion, at, edit };
}

const template = (image: string): KubeFields => ({
  metadata: { labels: { app: "podinfo" } },
  spec: {
    terminationGracePeriodSeconds: 5,
    containers: [
      {
        name: "podinfod",
        image,
        ports: [{ containerPort: 9898 }, { name: "grpc", containerPort: 9999 }],
        resources: { requests: { cpu: "0.1" } },
        readinessProbe: { httpGet: { port: 9898 } },
        env: [{ name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } }],
      },
    ],
    volumes: [{ name: "config", configMap: { name: "podinfo-config" } }],
  },
});

const workload = (kind: string, spec: KubeFields = {}): KubeObject => ({
  apiVersion: "apps/v1",
  kind,
  metadata: { name: "podinfo", namespace: "test" },
  spec: { selector: { matchLabels: { app: "podinfo" } }, template: template("podinfo:1"), ...spec },
});

const service = (spec: KubeFields): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "podinfo", namespace: "test" },
  spec: { selector: { version: "1" }, ports: [{ name: "http", port: 80, targetPort: 9898 }], ...spec },
});

const CONFIG: KubeObject = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "podinfo-config", namespace: "test" },
  data: { a: "b" },
};
const HPA: KubeObject = {
  apiVersion: "autoscaling/v2",
  kind: "HorizontalPodAutoscaler",
  metadata: { name: "podinfo", namespace: "test" },
  spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" }, maxReplicas: 3 },
};

const CASES: readonly (readonly [string, KubeObject, readonly KubeObject[], KubeFields])[] = [
  ["a Deployment", workload("Deployment", { replicas: 2 }), [CONFIG], { template: template("podinfo:2") }],
  ["a Deployment with an HPA", workload("Deployment"), [CONFIG, HPA], { template: template("podinfo:2") }],
  [
    "a Deployment that changes its strategy",
    workload("Deployment", { minReadySeconds: 1 }),
    [CONFIG],
    { template: template("podinfo:2"), strategy: { type: "Recreate" }, minReadySeconds: undefined },
  ],
  ["a DaemonSet", workload("DaemonSet"), [CONFIG], { template: template("podinfo:2") }],
  ["a StatefulSet", workload("StatefulSet", { serviceName: "peers" }), [CONFIG], { template: template("podinfo:2") }],
  ["a Service", service({}), [], { selector: { version: "2" } }],
  ["a NodePort Service", service({ type: "NodePort" }), [], { selector: { version: "2" } }],
  [
    "a LoadBalancer Service",
    service({ type: "LoadBalancer", externalTrafficPolicy: "Local" }),
    [],
    { selector: { version: "2" } },
  ],
  ["a headless Service", service({ clusterIP: "None" }), [], { selector: { version: "2" } }],
];

describe.each(CASES)("over an API server, %s", (_, target, others, change) => {
  const { apiVersion, kind } = target;
  const scaled = others.some((object) => object.kind === "HorizontalPodAutoscaler");
  const parts: CanaryParts = {
    service: { port: 9898, portDiscovery: true },
    spec: {
      targetRef: { apiVersion, kind, name: "podinfo" },
      ...(scaled && {
        autoscalerRef: { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", name: "podinfo" },
      }),
    },
  };

  it("is bootstrapped, promoted and restored, with every write done once", () => {
    const { turn, promotion, at, edit } = stage(parts, target, ...others);
    expect(turn("Initializing", { kind: "present" }).length).toBeGreaterThan(1);
    expect(turn("Initializing", { kind: "present" })).toEqual([]);
    expect(turn("Succeeded", { kind: "present" })).toEqual([]);
    const { spec } = at("podinfo-primary");

    edit(change);
    turn("Progressing", { kind: "present" });
    expect(turn("Progressing", { kind: "present" })).toEqual([]);
    const promoted = promotion();
    expect(turn("Promoting", promoted).length).toBeGreaterThan(0);
    expect(turn("Promoting", promoted)).toEqual([]);
    expect(at("podinfo-primary").spec).not.toEqual(spec);

    const restored = { kind: "restored", from: promoted.id } as const;
    expect(turn("Failed", restored).length).toBeGreaterThan(0);
    expect(turn("Failed", restored)).toEqual([]);
    const part = kind === "Service" ? "selector" : "template";
    expect(at("podinfo-primary").spec[part]).toEqual(spec[part]);
    turn("Failed", { kind: "present" });
    expect(turn("Failed", { kind: "present" })).toEqual([]);
  });
});

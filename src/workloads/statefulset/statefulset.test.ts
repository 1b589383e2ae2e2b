import { describe, expect, it } from "vitest";
import { mergePatch } from "../../json/merge-patch.ts";
import type { KubeFields, KubeObject } from "../../ports/kubernetes.ts";
import { aCanary } from "../../testing/canary.ts";
import { aDesiredState, inPhase } from "../../testing/desired-state.ts";
import { createToyCluster } from "../../testing/toy-cluster.ts";
import { statefulSetReadiness } from "./readiness.ts";
import { createStatefulSetWorkload } from "./statefulset.ts";

const NOW = Date.UTC(2026, 0, 1);
const PARTS = { spec: { targetRef: { apiVersion: "apps/v1", kind: "StatefulSet", name: "podinfo" } } };
const workload = createStatefulSetWorkload({ selectorLabels: ["app"], includeLabelPrefixes: [], configTracking: true });

const target = (spec: KubeFields = {}): KubeObject => ({
  apiVersion: "apps/v1",
  kind: "StatefulSet",
  metadata: { name: "podinfo", namespace: "test", generation: 1 },
  spec: {
    replicas: 3,
    serviceName: "podinfo",
    podManagementPolicy: "OrderedReady",
    updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0 } },
    ordinals: { start: 1 },
    selector: { matchLabels: { app: "podinfo" } },
    template: { metadata: { labels: { app: "podinfo" } }, spec: { containers: [] } },
    ...spec,
  },
  status: { observedGeneration: 1, replicas: 3, updatedReplicas: 3, availableReplicas: 3 },
});

const governing: KubeObject = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "podinfo", namespace: "test" },
  spec: {
    clusterIP: "None",
    publishNotReadyAddresses: true,
    selector: { app: "podinfo" },
    ports: [{ name: "peer", protocol: "TCP", port: 7000, targetPort: 7000 }],
  },
};

describe("the primary StatefulSet", () => {
  const made = (...world: readonly KubeObject[]) => {
    const cluster = createToyCluster(mergePatch, ...world);
    cluster.apply(workload.renderPrimary(inPhase("Initializing", PARTS), aDesiredState(), cluster));
    return cluster;
  };

  it("has host names of its own, and can be rolled back", () => {
    const cluster = made(target(), governing);
    expect(cluster.at("StatefulSet", "podinfo-primary").spec).toMatchObject({
      replicas: 3,
      serviceName: "podinfo-primary-hosts",
      podManagementPolicy: "Parallel",
      ordinals: { start: 1 },
      selector: { matchLabels: { app: "podinfo-primary" } },
      updateStrategy: { type: "RollingUpdate" },
    });
    const hosts = cluster.at("Service", "podinfo-primary-hosts");
    expect(hosts.spec).toEqual({
      type: "ClusterIP",
      clusterIP: "None",
      publishNotReadyAddresses: true,
      selector: { app: "podinfo-primary" },
      ports: governing.spec.ports,
    });
    expect(hosts.metadata.ownerReferences).toMatchObject([{ kind: "Canary", controller: true }]);
  });

  it("gets a new Service of host names when a user deletes it, and none when the target has none", () => {
    const cluster = made(target(), governing);
    cluster.remove(cluster.at("Service", "podinfo-primary-hosts"));
    cluster.apply(workload.renderPrimary(inPhase("Succeeded", PARTS), aDesiredState(), cluster));
    expect(cluster.at("Service", "podinfo-primary-hosts").spec.clusterIP).toBe("None");
    expect(made(target({ serviceName: "" })).names()).toEqual(["StatefulSet/podinfo", "StatefulSet/podinfo-primary"]);
  });

  it.each([
    ["one pod", 1, true],
    ["two pods", 2, undefined],
  ])("has a gap without pods, or has none, when the promotion leaves it %s", (_, replicas, gap) => {
    const cluster = made(target(), governing);
    const status = { replicas: 3, updatedReplicas: 3, availableReplicas: 3 };
    cluster.put({ ...cluster.at("StatefulSet", "podinfo-primary"), status }, target({ replicas }));
    const reading = workload.read(aCanary(PARTS), cluster, NOW);
    expect(reading.kind === "reading" ? reading.primary.gap : reading).toBe(gap);
  });

  it.each([
    [80, {}, true],
    [50, {}, undefined],
    [0, {}, undefined],
    [80, { primaryScalerReplicas: { minReplicas: 2 } }, undefined],
    [100, { primaryScalerReplicas: { minReplicas: 3 } }, undefined],
  ])(
    "has a gap when its autoscaler may leave it one pod: %i %% of the traffic on the canary, %j",
    (weight, ref, gap) => {
      const cluster = made(target(), governing);
      const status = { replicas: 3, updatedReplicas: 3, availableReplicas: 3 };
      cluster.put({ ...cluster.at("StatefulSet", "podinfo-primary"), status }, target());
      const scaler = { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", name: "podinfo" };
      const canary = aCanary({ ...PARTS, spec: { ...PARTS.spec, autoscalerRef: { ...scaler, ...ref } } });
      const running = { ...canary, status: { ...canary.status, canaryWeight: weight } };
      const reading = workload.read(running, cluster, NOW);
      expect(reading.kind === "reading" ? reading.primary.gap : reading).toBe(gap);
    },
  );

  it("keeps the fields that the API server does not let change", () => {
    const cluster = made(target(), governing);
    const { revision } = readingOf(target()).target;
    cluster.put(target({ serviceName: "other", podManagementPolicy: "Parallel", minReadySeconds: 3 }));
    const primary = { kind: "promoted", id: "x", revision } as const;
    cluster.apply(workload.renderPrimary(inPhase("Promoting", PARTS), aDesiredState({ primary }), cluster));
    expect(cluster.at("StatefulSet", "podinfo-primary").spec).toMatchObject({
      serviceName: "podinfo-primary-hosts",
      minReadySeconds: 3,
    });
  });
});

function readingOf(object: KubeObject, canary = aCanary(PARTS)) {
  const reading = workload.read(canary, createToyCluster(mergePatch, object), NOW);
  if (reading.kind === "problem") throw new Error(reading.detail);
  return reading;
}

describe("a StatefulSet", () => {
  it.each([
    [
      { volumeClaimTemplates: [{ metadata: { name: "data" } }] },
      /has volumeClaimTemplates: its primary copy would start/,
    ],
    [{ updateStrategy: { type: "OnDelete" } }, /must have RollingUpdate strategy but have OnDelete/],
    [
      { updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 2 } } },
      /partition of 2: its update would/,
    ],
    [{ selector: {} }, /^getSelectorLabel failed: statefulset podinfo.test spec.selector.matchLabels must contain one/],
  ])("with %j is refused", (spec, text) => {
    expect(() => readingOf(target(spec))).toThrow(text);
  });

  it("without claims can be released", () => {
    expect(readingOf(target({ volumeClaimTemplates: [] }))).toMatchObject({
      target: { readiness: { kind: "ready" }, available: 3, scaledDown: false },
      selector: { label: "app", target: { app: "podinfo" }, primary: { app: "podinfo-primary" } },
    });
  });
});

describe("a StatefulSet's rollout", () => {
  const rollout = (status: KubeFields, giveUpAt?: number, thresholdPercent = 100) => {
    const rule = { progressDeadlineSeconds: 60, thresholdPercent, now: NOW };
    const object = { ...target(), status: { observedGeneration: 1, ...status } };
    return statefulSetReadiness(object, giveUpAt === undefined ? rule : { ...rule, giveUpAt });
  };

  it.each<[string, KubeFields, number, string]>([
    ["not seen", { observedGeneration: 0 }, 100, "observed statefulset generation less than desired generation"],
    ["begun", { replicas: 3, updatedReplicas: 1 }, 100, "1 out of 3 new replicas have been updated"],
    ["on its way down", { replicas: 4, updatedReplicas: 4 }, 100, "1 old replicas are pending termination"],
    [
      "some available",
      { replicas: 3, updatedReplicas: 3, availableReplicas: 1 },
      80,
      "1 of 2 (readyThreshold 80%) updated replicas are available",
    ],
  ])("%s", (_, status, threshold, detail) => {
    expect(rollout(status, undefined, threshold).readiness).toEqual({
      kind: "progressing",
      detail: `waiting for rollout to finish: ${detail}`,
    });
  });

  it("is given up at its deadline, and the turn is scheduled for that time", () => {
    expect(rollout({}, NOW)).toMatchObject({ readiness: { kind: "progressing" }, recheckAt: NOW + 1 });
    expect(rollout({}, NOW - 1).readiness).toEqual({
      kind: "stuck",
      detail: 'statefulset "podinfo" exceeded its progress deadline',
    });
  });
});

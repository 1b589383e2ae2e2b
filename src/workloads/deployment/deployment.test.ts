import { describe, expect, it } from "vitest";
import type { DesiredPrimary } from "../../core/phases/phase.ts";
import { promotionId } from "../../core/turn/identity.ts";
import { mergePatch } from "../../json/merge-patch.ts";
import type { KubeFields, KubeObject } from "../../ports/kubernetes.ts";
import { aCanary, type CanaryParts } from "../../testing/canary.ts";
import { aDesiredState, inPhase } from "../../testing/desired-state.ts";
import { golden } from "../../testing/golden.ts";
import { createToyCluster, type ToyCluster } from "../../testing/toy-cluster.ts";
import { createDeploymentWorkload } from "./deployment.ts";
import { deploymentReadiness } from "./readiness.ts";

const NOW = Date.UTC(2026, 0, 1);
const workload = createDeploymentWorkload({
  selectorLabels: ["app", "name", "app.kubernetes.io/name"],
  includeLabelPrefixes: ["team.example.com/"],
  configTracking: true,
});

const file = (name: string) => golden(new URL(`golden/${name}.yaml`, import.meta.url));
const withId = (object: KubeObject, id: string): KubeObject => JSON.parse(JSON.stringify(object).replace("<id>", id));
const TARGET = file("target");

const configs = (color = "red"): KubeObject[] => [
  {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name: "podinfo-config",
      namespace: "test",
      labels: { "team.example.com/name": "web", other: "1" },
      annotations: { a: "b" },
    },
    data: { color },
    binaryData: { logo: "AAEC" },
  },
  {
    apiVersion: "v1",
    kind: "Secret",
    type: "kubernetes.io/tls",
    metadata: { name: "podinfo-tls", namespace: "test" },
    data: { "tls.crt": "YQ==", "tls.key": "Yg==" },
    immutable: true,
  },
  {
    apiVersion: "v1",
    kind: "Secret",
    type: "kubernetes.io/dockerconfigjson",
    metadata: { name: "registry-login", namespace: "test" },
    data: { token: "eA==" },
  },
];

function readOf(cluster: ToyCluster, canary = aCanary()) {
  const reading = workload.read(canary, cluster, NOW);
  if (reading.kind === "problem") throw new Error(reading.detail);
  return reading;
}

/** A cluster in which the target has its primary. */
function begun(target = TARGET): ToyCluster {
  const cluster = createToyCluster(mergePatch, target, ...configs());
  cluster.apply(workload.renderPrimary(inPhase("Initializing"), aDesiredState(), cluster));
  return cluster;
}

function promote(cluster: ToyCluster, parts: CanaryParts = {}): DesiredPrimary & { kind: "promoted" } {
  const { revision } = readOf(cluster).target;
  const primary = { kind: "promoted", id: promotionId(aCanary().uid, revision), revision } as const;
  cluster.apply(workload.renderPrimary(inPhase("Promoting", parts), aDesiredState({ primary }), cluster));
  return primary;
}

const put = (cluster: ToyCluster, spec: KubeFields, name = "podinfo") => {
  const seen = cluster.at("Deployment", name);
  cluster.put({ ...seen, spec: { ...seen.spec, ...spec } });
};
const primarySpec = (cluster: ToyCluster) => cluster.at("Deployment", "podinfo-primary").spec;

describe("a Deployment that is paused", () => {
  const warningOf = (spec: KubeFields, name = "podinfo") => {
    const cluster = begun();
    put(cluster, spec, name);
    return readOf(cluster).warning;
  };

  it.each(["podinfo", "podinfo-primary"])("is announced with what ends it: %s", (name) => {
    expect(warningOf({ paused: true, replicas: 2 }, name)).toBe(
      `deployment ${name}.test is paused (spec.paused), so it starts no pods of a new revision: ` +
        `run kubectl rollout resume deployment/${name} -n test`,
    );
  });

  it("is not said while the target is scaled down", () => {
    expect(warningOf({ paused: true, replicas: 0 })).toBeUndefined();
    expect(warningOf({ paused: false, replicas: 2 })).toBeUndefined();
  });
});

describe("a Deployment whose pods the API server refuses", () => {
  const refused = (message: string, replicas: number, is = "True") => {
    const cluster = begun();
    const seen = cluster.at("Deployment", "podinfo");
    const conditions = [{ type: "ReplicaFailure", status: is, reason: "FailedCreate", message }];
    cluster.put({ ...seen, spec: { ...seen.spec, replicas }, status: { ...seen["status"], conditions } });
    return readOf(cluster).warning;
  };

  it.each([
    [
      'pods "podinfo-1" is forbidden: exceeded quota: q, requested: pods=1',
      "raise the quota, or delete pods that use it up",
    ],
    ['admission webhook "policy.example.com" denied the request: no root', "allow them, or change the pods"],
  ])("is announced with the cause and what ends it: %s", (message, cure) => {
    expect(refused(message, 2)).toBe(`pods of deployment podinfo.test cannot be created: ${message}: ${cure}`);
  });

  it("is not announced while the target is scaled down, and when pods can be created again", () => {
    expect(refused("exceeded quota", 0)).toBeUndefined();
    expect(refused("exceeded quota", 2, "False")).toBeUndefined();
  });
});

describe("the primary Deployment", () => {
  it("is created as in golden/primary.yaml, with copies of its configs", () => {
    const cluster = begun();
    const { id } = promote(begun());
    expect(cluster.at("Deployment", "podinfo-primary")).toEqual(withId(file("primary"), id));
    expect(cluster.at("ConfigMap", "podinfo-config-primary")).toEqual(file("config"));
    expect(cluster.at("Secret", "podinfo-tls-primary")).toEqual(file("secret"));
    expect(cluster.names()).not.toContain("Secret/registry-login-primary");
  });

  it.each([
    ["as large as it was, when it was deleted", 7, "{}", 7],
    ["as large as the manifest of the target says", undefined, '{"spec":{"replicas":4}}', 4],
    ["of one pod, when nothing is known", undefined, "{}", 1],
    ["of one pod, when the manifest is no JSON", undefined, "{", 1],
  ])("is created %s, from a target that is scaled down", (_, before, applied, expected) => {
    const metadata = {
      ...TARGET.metadata,
      annotations: { "kubectl.kubernetes.io/last-applied-configuration": applied },
    };
    const cluster = createToyCluster(
      mergePatch,
      { ...TARGET, metadata, spec: { ...TARGET.spec, replicas: 0 } },
      ...configs(),
    );
    const seen = { get: cluster.get, list: cluster.list, replicasBefore: () => before };
    cluster.apply(workload.renderPrimary(inPhase("Initializing"), aDesiredState(), seen));
    expect(primarySpec(cluster).replicas).toBe(expected);
  });

  it("Q50: promotion removes labels and annotations of the primary that are not included by prefix", () => {
    const cluster = begun();
    const primary = cluster.at("Deployment", "podinfo-primary");
    cluster.put({ ...primary, metadata: { ...primary.metadata, labels: { mine: "1" } } });
    put(cluster, { template: { ...TARGET.spec.template, spec: { containers: [] } } });
    promote(cluster);
    cluster.apply(workload.renderPrimary(inPhase("Succeeded"), aDesiredState(), cluster));
    const { labels, annotations, ownerReferences } = cluster.at("Deployment", "podinfo-primary").metadata;
    expect(labels).toEqual({ app: "podinfo-primary", "team.example.com/name": "web" });
    const { "aviary.flagger.app/previous-template": _kept, ...others } = annotations ?? {};
    expect(others).toEqual({ "team.example.com/contact": "web@example.com" });
    expect(ownerReferences).toHaveLength(1);
  });

  it("loses fields that the target no longer has, and keeps its selector", () => {
    const cluster = begun();
    const { minReadySeconds: _gone, ...spec } = TARGET.spec;
    cluster.put({ ...TARGET, spec: { ...spec, strategy: { type: "Recreate" }, template: { metadata: {}, spec: {} } } });
    promote(cluster);
    const { selector, strategy, minReadySeconds } = primarySpec(cluster);
    expect([selector, strategy, minReadySeconds]).toEqual([
      { matchLabels: { app: "podinfo-primary", tier: "web" } },
      { type: "Recreate" },
      undefined,
    ]);
  });

  it.each<[string, number, CanaryParts, number]>([
    ["follows the target", 5, {}, 5],
    ["keeps its own while the target is down", 0, {}, 3],
    ["is the autoscaler's", 5, { spec: { autoscalerRef: { kind: "HorizontalPodAutoscaler", name: "podinfo" } } }, 3],
  ])("on promotion its number of replicas %s", (_, replicas, parts, expected) => {
    const cluster = begun();
    put(cluster, { replicas, template: { metadata: {}, spec: {} } });
    promote(cluster, parts);
    expect(primarySpec(cluster).replicas).toBe(expected);
  });

  it.each<[string, number, CanaryParts, true | undefined]>([
    ["one pod", 1, {}, true],
    ["two pods", 2, {}, undefined],
    ["the number that it has, while the target is down", 0, {}, undefined],
    [
      "the number that it has, for its autoscaler",
      1,
      { spec: { autoscalerRef: { kind: "HorizontalPodAutoscaler", name: "podinfo" } } },
      undefined,
    ],
  ])("has a gap without pods, or has none, when the promotion leaves it %s", (_, replicas, parts, gap) => {
    const cluster = begun();
    put(cluster, { replicas, strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } } });
    expect(readOf(cluster, aCanary(parts)).primary.gap).toBe(gap);
  });

  it("Q61: is created again from the target, with one pod", () => {
    const cluster = begun({ ...TARGET, spec: { ...TARGET.spec, replicas: 0 } });
    expect(primarySpec(cluster).replicas).toBe(1);
  });

  it("Q51: keeps its pods apart by the target's name, for any value of the label", () => {
    const cluster = begun({
      ...TARGET,
      spec: { ...TARGET.spec, selector: { matchLabels: { app: "web" } } },
    });
    const { affinity } = primarySpec(cluster).template.spec;
    const [term] = affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution;
    expect(term.labelSelector.matchLabels).toEqual({ app: "podinfo-primary" });
    expect(primarySpec(cluster).selector).toEqual({ matchLabels: { app: "web-primary" } });
  });

  it("is promoted when only a config changed", () => {
    const cluster = begun();
    const before = readOf(cluster).primary.promotionId;
    cluster.put(...configs("blue"));
    const { id } = promote(cluster);
    expect(id).not.toBe(before);
    expect(primarySpec(cluster).template.metadata.annotations["flagger-id"]).toBe(id);
    expect(cluster.at("ConfigMap", "podinfo-config-primary").data).toEqual({ color: "blue" });
  });

  it("is an unchanged copy when configs are not tracked", () => {
    const untracking = createDeploymentWorkload({
      selectorLabels: ["app"],
      includeLabelPrefixes: [],
      configTracking: false,
    });
    const cluster = createToyCluster(mergePatch, TARGET, ...configs());
    cluster.apply(untracking.renderPrimary(inPhase("Initializing"), aDesiredState(), cluster));
    expect(cluster.names().filter((name) => name.endsWith("-primary"))).toEqual(["Deployment/podinfo-primary"]);
    expect(primarySpec(cluster).template.spec.volumes).toEqual(TARGET.spec.template.spec.volumes);
    const reading = untracking.read(aCanary(), cluster, NOW);
    expect(reading.kind === "reading" && reading.target.revision.configs).toBe(undefined);
  });
});

describe("a failed promotion", () => {
  const failing = () => {
    const cluster = begun();
    const template = primarySpec(cluster).template;
    cluster.put(...configs("blue"));
    put(cluster, { template: { ...TARGET.spec.template, spec: { ...TARGET.spec.template.spec, hostNetwork: true } } });
    const { id } = promote(cluster);
    return { cluster, template, restored: aDesiredState({ primary: { kind: "restored", from: id } }) };
  };

  it("restores template and configs, and then removes the kept ones", () => {
    const { cluster, template, restored } = failing();
    const previous = cluster.at("ConfigMap", "podinfo-config-primary-previous");
    expect(previous.data).toEqual({ color: "red" });
    cluster.apply(workload.renderPrimary(inPhase("Failed"), restored, cluster));
    expect(primarySpec(cluster).template).toEqual(template);
    expect(cluster.at("ConfigMap", "podinfo-config-primary").data).toEqual({ color: "red" });
    cluster.apply(workload.renderPrimary(inPhase("Failed"), aDesiredState(), cluster));
    const { metadata, data } = cluster.at("ConfigMap", "podinfo-config-primary-previous");
    expect([data, metadata.annotations]).toEqual([undefined, {}]);
    expect(metadata.ownerReferences).toHaveLength(1);
  });

  it("is not rolled back on a primary that carries another promotion", () => {
    const { cluster } = failing();
    const { template } = primarySpec(cluster);
    const earlier = aDesiredState({ primary: { kind: "restored", from: "an-earlier-one" } });
    cluster.apply(workload.renderPrimary(inPhase("Failed"), earlier, cluster));
    expect(primarySpec(cluster).template).toEqual(template);
  });

  it("keeps no data of a Secret that did not change", () => {
    expect(
      failing()
        .cluster.names()
        .filter((name) => name.endsWith("-previous")),
    ).toEqual(["ConfigMap/podinfo-config-primary-previous"]);
  });

  it("does not restore a config that another Canary's primary reads, too", () => {
    const { cluster, restored } = failing();
    const copy = cluster.at("ConfigMap", "podinfo-config-primary");
    const other = { apiVersion: "flagger.app/v1beta1", kind: "Canary", name: "other", uid: "other", controller: false };
    const ownerReferences = [...(copy.metadata.ownerReferences ?? []), other];
    cluster.put({ ...copy, metadata: { ...copy.metadata, ownerReferences } });
    cluster.apply(workload.renderPrimary(inPhase("Failed"), restored, cluster));
    expect(cluster.at("ConfigMap", "podinfo-config-primary").data).toEqual({ color: "blue" });
  });

  it("cannot restore a template that was too large to keep, and leaves the new template's configs", () => {
    const huge = { ...TARGET.spec.template, spec: { containers: [], note: "é".repeat(70_000) } };
    const cluster = begun({ ...TARGET, spec: { ...TARGET.spec, template: huge } });
    put(cluster, { template: TARGET.spec.template });
    const { id } = promote(cluster);
    expect(cluster.at("Deployment", "podinfo-primary").metadata.annotations).not.toHaveProperty([
      "aviary.flagger.app/previous-template",
    ]);
    const restored = aDesiredState({ primary: { kind: "restored", from: id } });
    expect(cluster.apply(workload.renderPrimary(inPhase("Failed"), restored, cluster))).toEqual([]);
  });
});

describe("a Deployment that is brought up", () => {
  const hpa = (spec: KubeFields): KubeObject => ({
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: { name: "podinfo", namespace: "test" },
    spec,
  });
  const keda = (spec: KubeFields): KubeObject => ({
    ...hpa(spec),
    apiVersion: "keda.sh/v1alpha1",
    kind: "ScaledObject",
  });
  const scaled = (kind: string): CanaryParts => ({ spec: { autoscalerRef: { kind, name: "podinfo" } } });
  const HPA = scaled("HorizontalPodAutoscaler");

  it.each<[string, number | undefined, CanaryParts, readonly KubeObject[], number]>([
    ["as many pods as the primary", 4, {}, [], 4],
    ["one when the primary does not say", undefined, {}, [], 1],
    ["one when the primary has none (Q48)", 0, {}, [], 1],
    ["its autoscaler's minimum", 4, HPA, [hpa({ minReplicas: 2 })], 2],
    ["one when that is no more", 4, HPA, [hpa({})], 1],
    ["one when the autoscaler is missing", 4, HPA, [], 1],
    ["its ScaledObject's minimum", 4, scaled("ScaledObject"), [keda({ minReplicaCount: 3 })], 3],
    ["one though its ScaledObject would have none", 4, scaled("ScaledObject"), [keda({ minReplicaCount: 0 })], 1],
  ])("gets %s", (_, primary, parts, scalers, expected) => {
    const cluster = begun();
    put(cluster, { replicas: 0 });
    const { replicas: _replicas, ...spec } = primarySpec(cluster);
    const own = cluster.at("Deployment", "podinfo-primary");
    cluster.put({ ...own, spec: { ...spec, ...(primary !== undefined && { replicas: primary }) } }, ...scalers);
    cluster.apply(workload.renderTarget(inPhase("Progressing", parts), aDesiredState({ target: "up" }), cluster));
    expect(cluster.at("Deployment", "podinfo").spec.replicas).toBe(expected);
  });

  it("keeps its number of replicas when it is scaled up already", () => {
    const cluster = begun();
    put(cluster, { replicas: 7 });
    expect(
      cluster.apply(workload.renderTarget(inPhase("Progressing"), aDesiredState({ target: "up" }), cluster)),
    ).toEqual([]);
  });

  it("Q49: takes over the primary's number of replicas when the Canary is deleted, with or without autoscaler, but at least one", () => {
    for (const [primary, parts, expected] of [
      [6, {}, 6],
      [6, HPA, 6],
      [0, {}, 1],
    ] as const) {
      const cluster = begun();
      put(cluster, { replicas: primary }, "podinfo-primary");
      put(cluster, { replicas: 2 });
      const leaving = aDesiredState({ target: "up", traffic: "untouched" });
      cluster.apply(workload.renderTarget(inPhase("Terminating", parts), leaving, cluster));
      expect(cluster.at("Deployment", "podinfo").spec.replicas).toBe(expected);
      put(cluster, { replicas: 9 });
      const left = aDesiredState({ target: "up", traffic: "handed-back" });
      expect(cluster.apply(workload.renderTarget(inPhase("Terminating", parts), left, cluster))).toEqual([]);
    }
  });

  it.each<[string, number | undefined, CanaryParts, number | undefined]>([
    ["keeps the pods it has", 5, {}, 5],
    ["keeps those that its autoscaler gave it", 5, HPA, 5],
    ["is left to its default", undefined, {}, undefined],
    ["gets one when it has none", 0, {}, 1],
    ["gets its autoscaler's minimum when it has none", 0, HPA, 2],
  ])("whose Canary is deleted while there is no primary %s", (_, replicas, parts, expected) => {
    const { replicas: _replicas, ...spec } = TARGET.spec ?? {};
    const target = { ...TARGET, spec: { ...spec, ...(replicas !== undefined && { replicas }) } };
    const cluster = createToyCluster(mergePatch, target, hpa({ minReplicas: 2 }));
    const leaving = aDesiredState({ target: "up", traffic: "untouched" });
    cluster.apply(workload.renderTarget(inPhase("Terminating", parts), leaving, cluster));
    expect(cluster.at("Deployment", "podinfo").spec.replicas).toBe(expected);
  });
});

describe("a Deployment is refused", () => {
  const problemOf = (target: KubeObject, canary = aCanary(), ...world: readonly KubeObject[]) => {
    const reading = workload.read(canary, createToyCluster(mergePatch, target, ...world), NOW);
    return reading.kind === "problem" ? reading.detail : undefined;
  };

  it("without a selector label", () => {
    const target = { ...TARGET, spec: { ...TARGET.spec, selector: { matchLabels: { tier: "web" } } } };
    expect(problemOf(target)).toBe(
      "getSelectorLabel failed: deployment podinfo.test spec.selector.matchLabels must contain one of " +
        "[app name app.kubernetes.io/name]",
    );
  });

  it("without a config that its pods need, unless the Canary is being deleted", () => {
    const text = "GetTargetConfigs failed: secret podinfo-tls.test get query error: secret podinfo-tls.test get query ";
    const [config] = configs() as [KubeObject];
    expect(problemOf(TARGET, aCanary(), config)).toMatch(new RegExp(`^createPrimaryDeployment failed: ${text}`));
    const primary = { ...TARGET, metadata: { ...TARGET.metadata, name: "podinfo-primary" } };
    expect(problemOf(TARGET, aCanary(), config, primary)).toMatch(new RegExp(`^${text}`));
    expect(problemOf(TARGET, { ...aCanary(), deleting: true })).toBeUndefined();
  });
});

describe("a Deployment's rollout", () => {
  const at = (seconds: number) => new Date(NOW + seconds * 1000).toISOString();
  const unavailable = (seconds: number) => [
    { type: "Progressing", status: "True", reason: "ReplicaSetUpdated" },
    { type: "Available", status: "False", reason: "MinimumReplicasUnavailable", lastUpdateTime: at(seconds) },
  ];
  const rule = { progressDeadlineSeconds: 60, thresholdPercent: 100, now: NOW };
  const read = (status: KubeFields, spec: KubeFields = { replicas: 3 }, threshold = 100) => {
    const object = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "podinfo", generation: 2 }, spec };
    const { readiness, recheckAt } = deploymentReadiness(
      { ...object, status: { observedGeneration: 2, ...status } },
      { ...rule, thresholdPercent: threshold },
    );
    return [readiness.kind, "detail" in readiness ? readiness.detail : "", recheckAt];
  };
  const WAITING = "waiting for rollout to finish: ";

  it("has the operator's deadline where Kubernetes sets none: pods that a finished rollout replaces", () => {
    const conditions = [
      { type: "Available", status: "True", reason: "MinimumReplicasAvailable" },
      { type: "Progressing", status: "True", reason: "NewReplicaSetAvailable" },
    ];
    const object = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "podinfo" }, spec: { replicas: 3 } };
    const status = { updatedReplicas: 3, replicas: 3, conditions };
    const at = (giveUpAt: number) => deploymentReadiness({ ...object, status }, { ...rule, giveUpAt });
    expect(at(NOW + 1_000)).toMatchObject({ readiness: { kind: "progressing" }, recheckAt: NOW + 1_001 });
    expect(at(NOW - 1_000).readiness.kind).toBe("stuck");
    expect(deploymentReadiness({ ...object, status }, rule).readiness.kind).toBe("progressing");
  });

  it.each<[string, readonly KubeFields[], string, string]>([
    [
      "of which each pod that crashes and comes back is progress",
      [{ type: "Progressing", reason: "ReplicaSetUpdated" }],
      "stuck",
      "progressing",
    ],
    ["for which Kubernetes was asked to set no deadline", [], "stuck", "stuck"],
    [
      "that a person paused, which a Warning says",
      [{ type: "Progressing", reason: "DeploymentPaused" }],
      "progressing",
      "progressing",
    ],
  ])(
    "has the operator's last deadline, unless a Warning says what ends the wait: one %s",
    (_, conditions, afterAll, afterOne) => {
      const object = {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "podinfo" },
        spec: { replicas: 3 },
      };
      const status = { updatedReplicas: 3, replicas: 3, availableReplicas: 1, conditions };
      const at = (giveUpAtLast: number) =>
        deploymentReadiness({ ...object, status }, { ...rule, giveUpAt: NOW - 1, giveUpAtLast }).readiness.kind;
      expect([at(NOW - 1), at(NOW + 60_000)]).toEqual([afterAll, afterOne]);
    },
  );

  it.each<[string, KubeFields, KubeFields | undefined, number | undefined, string, string]>([
    ["done", { replicas: 3, updatedReplicas: 3, availableReplicas: 3 }, undefined, 100, "ready", ""],
    ["Q48: nothing to do", {}, { replicas: 0 }, 100, "ready", ""],
    [
      "not seen",
      { observedGeneration: 1, conditions: [{ type: "Progressing", reason: "ProgressDeadlineExceeded" }] },
      undefined,
      100,
      "progressing",
      `${WAITING}observed deployment generation less than desired generation`,
    ],
    [
      "given up",
      { conditions: [{ type: "Progressing", reason: "ProgressDeadlineExceeded" }] },
      undefined,
      100,
      "stuck",
      'deployment "podinfo" exceeded its progress deadline',
    ],
    [
      "begun",
      { updatedReplicas: 1 },
      undefined,
      100,
      "progressing",
      `${WAITING}1 out of 3 new replicas have been updated`,
    ],
    [
      "old pods left",
      { replicas: 5, updatedReplicas: 3 },
      undefined,
      100,
      "progressing",
      `${WAITING}2 old replicas are pending termination`,
    ],
    [
      "some available",
      { replicas: 3, updatedReplicas: 3, availableReplicas: 1 },
      undefined,
      80,
      "progressing",
      `${WAITING}1 of 2 (readyThreshold 80%) updated replicas are available`,
    ],
    ["enough available", { replicas: 3, updatedReplicas: 3, availableReplicas: 2 }, undefined, 80, "ready", ""],
    ["replicas unset", { replicas: 1, updatedReplicas: 1, availableReplicas: 1 }, {}, 100, "ready", ""],
    [
      "unavailable for too long",
      { replicas: 3, updatedReplicas: 3, conditions: unavailable(-61) },
      undefined,
      100,
      "stuck",
      `${WAITING}0 of 3 (readyThreshold 100%) updated replicas are available`,
    ],
  ])("%s", (_, status, spec, threshold, kind, detail) => {
    expect(read(status, spec, threshold).slice(0, 2)).toEqual([kind, detail]);
  });

  it("that is unavailable schedules a turn for the end of its deadline", () => {
    const [kind, , recheckAt] = read({ replicas: 3, updatedReplicas: 3, conditions: unavailable(-59) });
    expect([kind, recheckAt]).toEqual(["progressing", NOW + 1001]);
  });

  it("is reported in the words of Flagger's events", () => {
    const cluster = begun();
    const reading = readOf(cluster);
    expect([reading.target.readiness, reading.primary.readiness]).toEqual([
      {
        kind: "progressing",
        detail: `canary deployment podinfo.test not ready: ${WAITING}observed deployment generation less than desired generation`,
        progress: "observed deployment generation less than desired generation",
      },
      {
        kind: "progressing",
        detail: `podinfo-primary.test not ready: ${WAITING}0 out of 3 new replicas have been updated`,
        progress: "0 out of 3 new replicas have been updated",
      },
    ]);
  });
});

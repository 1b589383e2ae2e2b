/** A primary without pods: whether a person took them, or its autoscaler found no work for them. */

import { describe, expect, it } from "vitest";
import { lacksPods } from "../core/run/stand-in.ts";
import { mergePatch } from "../json/merge-patch.ts";
import type { KubeFields, KubeObject } from "../ports/kubernetes.ts";
import { aCanary } from "../testing/canary.ts";
import { inPhase } from "../testing/desired-state.ts";
import { createToyCluster } from "../testing/toy-cluster.ts";
import { createWorkloads } from "./table.ts";
import { requiredAvailable } from "./threshold.ts";

const NOW = Date.UTC(2026, 0, 1);
const OPTIONS = { selectorLabels: ["app"], includeLabelPrefixes: [], configTracking: true };
const NONE = { observedGeneration: 1, replicas: 0, updatedReplicas: 0, availableReplicas: 0 };
const TWO = { observedGeneration: 1, replicas: 2, updatedReplicas: 2, availableReplicas: 2 };

function aWorkload(kind: string, name: string, replicas: number, status: KubeFields): KubeObject {
  const template = { metadata: { labels: { app: name } }, spec: { containers: [] } };
  const spec = { replicas, selector: { matchLabels: { app: name } }, template };
  return { apiVersion: "apps/v1", kind, metadata: { name, namespace: "test", generation: 1 }, spec, status };
}

const replicated = (kind: string) => [aWorkload(kind, "podinfo", 2, TWO), aWorkload(kind, "podinfo-primary", 0, NONE)];

function scaled(kind: "HorizontalPodAutoscaler" | "ScaledObject", more: KubeFields): KubeObject {
  const apiVersion = kind === "ScaledObject" ? "keda.sh/v1alpha1" : "autoscaling/v2";
  const { metadata = {}, ...rest } = more;
  return { apiVersion, kind, ...rest, metadata: { name: "podinfo-primary", namespace: "test", ...metadata } };
}

/** The Canary names the autoscaler of that kind. */
function read(kind: string, objects: readonly KubeObject[], scaler?: string, since = NOW, canaryWeight = 0) {
  const ref = { apiVersion: "autoscaling/v2", kind: scaler, name: "podinfo" };
  const spec = {
    targetRef: { apiVersion: "apps/v1", kind, name: "podinfo" },
    progressDeadlineSeconds: 60,
    ...(scaler === undefined ? {} : { autoscalerRef: ref }),
  };
  const workload = createWorkloads(OPTIONS).find((one) => one.kind === kind);
  const running = inPhase(
    "Progressing",
    { spec },
    { phaseSince: since, writtenAt: since, canaryWeight, hold: { kind: "none" } },
  );
  const seen = createToyCluster(mergePatch, ...objects);
  const reading = workload?.read(running, seen, NOW);
  if (reading?.kind !== "reading") throw new Error(reading?.detail ?? `there is no ${kind}`);
  return { ...reading, inputs: workload?.inputs(running, seen) ?? [] };
}

describe("a primary that a person scaled to zero in a run", () => {
  it.each(["Deployment", "StatefulSet"])("of kind %s lacks pods, and its deadline runs", (kind) => {
    const { primary, recheckAt } = read(kind, replicated(kind));
    expect([lacksPods(primary), primary.emptied]).toEqual([true, true]);
    const cure = `run kubectl scale ${kind.toLowerCase()}/podinfo-primary --replicas=2 -n test`;
    expect(primary.readiness).toMatchObject({ kind: "progressing", detail: expect.stringContaining(cure) });
    expect(recheckAt).toBe(NOW + 60_001);
    expect(read(kind, replicated(kind), undefined, NOW - 60_001).primary.readiness.kind).toBe("stuck");
  });

  it("of kind DaemonSet lacks pods when nodes take those of the target alone", () => {
    const on = (name: string, nodes: number) =>
      aWorkload("DaemonSet", name, 1, {
        observedGeneration: 1,
        desiredNumberScheduled: nodes,
        updatedNumberScheduled: nodes,
        numberAvailable: nodes,
      });
    const { primary } = read("DaemonSet", [on("podinfo", 2), on("podinfo-primary", 0)]);
    expect(lacksPods(primary)).toBe(true);
    expect(primary.readiness).toMatchObject({
      detail: expect.stringContaining("kubectl edit daemonset/podinfo-primary"),
    });
    // So does the canary, whose revision would be promoted without a pod.
    const canary = read("DaemonSet", [on("podinfo", 0), on("podinfo-primary", 2)]).target;
    expect(canary.readiness).toMatchObject({ kind: "progressing", detail: expect.stringContaining("no node takes") });
    // No node of the cluster takes such pods now: the release goes on, and a Warning says that nothing is tested.
    const neither = read("DaemonSet", [on("podinfo", 0), on("podinfo-primary", 0)]);
    expect([neither.primary.readiness.kind, neither.target.readiness.kind]).toEqual(["ready", "ready"]);
    expect(neither.warning).toContain("no node takes pods of daemonset podinfo.test, and its primary has none");
    expect(read("DaemonSet", [on("podinfo", 2), on("podinfo-primary", 2)]).warning).toBeUndefined();
    // What the controller said of the target that was scaled down does not count: it has not seen the release yet.
    const { metadata, ...scaledUp } = on("podinfo", 0);
    const unseen = { ...scaledUp, metadata: { ...metadata, generation: 2 } };
    const early = read("DaemonSet", [unseen, on("podinfo-primary", 0)]);
    expect([early.warning, early.target.readiness.kind]).toEqual([undefined, "progressing"]);
  });

  it.each<[string, KubeObject | undefined, boolean]>([
    [
      "an HPA, which leaves a workload without pods alone",
      scaled("HorizontalPodAutoscaler", { spec: { minReplicas: 2 } }),
      true,
    ],
    ["an HPA that may take the last pod", scaled("HorizontalPodAutoscaler", { spec: { minReplicas: 0 } }), false],
    [
      "an HPA that may, and found work",
      scaled("HorizontalPodAutoscaler", { spec: { minReplicas: 0 }, status: { desiredReplicas: 2 } }),
      true,
    ],
    ["an HPA without a minimum, which is 1", scaled("HorizontalPodAutoscaler", { spec: {} }), true],
    ["KEDA that finds no work", scaled("ScaledObject", { spec: {} }), false],
    ["KEDA with a minimum", scaled("ScaledObject", { spec: { minReplicaCount: 1 } }), true],
    [
      "KEDA with a minimum that idle pods go below",
      scaled("ScaledObject", { spec: { minReplicaCount: 2, idleReplicaCount: 0 } }),
      false,
    ],
    [
      "KEDA that finds work",
      scaled("ScaledObject", { spec: {}, status: { conditions: [{ type: "Active", status: "True" }] } }),
      true,
    ],
    [
      "KEDA that says that it finds none",
      scaled("ScaledObject", { spec: {}, status: { conditions: [{ type: "Active", status: "False" }] } }),
      false,
    ],
    [
      "KEDA that a person paused",
      scaled("ScaledObject", { metadata: { annotations: { "autoscaling.keda.sh/paused": "true" } } }),
      true,
    ],
    [
      "KEDA that a person holds at none",
      scaled("ScaledObject", { metadata: { annotations: { "autoscaling.keda.sh/paused-replicas": "0" } } }),
      true,
    ],
    [
      "KEDA whose pause is over",
      scaled("ScaledObject", { metadata: { annotations: { "autoscaling.keda.sh/paused": "false" } } }),
      false,
    ],
  ])("beside %s", (_, scaler, lacks) => {
    const { primary, inputs } = read(
      "Deployment",
      [...replicated("Deployment"), ...(scaler ? [scaler] : [])],
      scaler?.kind,
    );
    expect(lacksPods(primary)).toBe(lacks);
    expect(inputs).toContainEqual(expect.objectContaining({ name: "podinfo-primary", namespace: "test" }));
  });

  it("has a warning when its autoscaler took its last pod while the canary has all traffic", () => {
    const sleeping = scaled("ScaledObject", { spec: {} });
    const at = (weight: number, scaler = sleeping) =>
      read("Deployment", [...replicated("Deployment"), scaler], "ScaledObject", NOW, weight).warning;
    expect(at(100)).toContain("spec.autoscalerRef.primaryScalerReplicas.minReplicas to 1");
    expect(at(50)).toBeUndefined();
    // A primary that a person scaled to zero has a warning of its own, and the canary serves.
    expect(at(100, scaled("ScaledObject", { spec: { minReplicaCount: 1 } }))).toBeUndefined();
  });

  it("lacks pods when the autoscaler that the Canary names is gone", () => {
    expect(lacksPods(read("Deployment", replicated("Deployment"), "ScaledObject").primary)).toBe(true);
  });
});

describe("a threshold of available pods", () => {
  it.each([
    [1, 50, 1],
    [3, 0, 1],
    [0, 100, 0],
    [3, 80, 2],
    [3, 100, 3],
  ])("of %i pods at %i %% is %i: none of them is never enough", (pods, percent, needed) => {
    expect(requiredAvailable(pods, percent)).toBe(needed);
  });
});

it("a primary at rest that a person scaled to zero has no deadline", () => {
  const seen = createToyCluster(mergePatch, ...replicated("Deployment"));
  const workload = createWorkloads(OPTIONS).find(({ kind }) => kind === "Deployment");
  const reading = workload?.read(aCanary({ status: { phase: "Succeeded" } }), seen, NOW + 1e9);
  expect(reading).toMatchObject({ primary: { readiness: { kind: "progressing" } } });
});

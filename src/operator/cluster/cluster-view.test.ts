import { describe, expect, it } from "vitest";
import { mergePatch } from "../../json/merge-patch.ts";
import type { KubeObject, ObjectRef } from "../../ports/kubernetes.ts";
import { createRouters } from "../../routers/table.ts";
import { createServicesRouter } from "../../services/services.ts";
import { aCanary } from "../../testing/canary.ts";
import { aDesiredState, inPhase } from "../../testing/desired-state.ts";
import { createToyCluster, type ToyCluster } from "../../testing/toy-cluster.ts";
import { createAutoscalers } from "../../workloads/autoscalers.ts";
import { createWorkloads } from "../../workloads/table.ts";
import { type ClusterViewPorts, createClusterView } from "./cluster-view.ts";

const OPTIONS = { selectorLabels: ["app"], includeLabelPrefixes: [], configTracking: true };
const NOW = Date.UTC(2026, 0, 1);

function viewOf(cluster: ToyCluster, parts: Partial<ClusterViewPorts> = {}) {
  return createClusterView({
    tables: {
      routers: createRouters({ setOwnerRefs: true }),
      workloads: createWorkloads(OPTIONS),
      autoscalers: createAutoscalers(OPTIONS),
      services: createServicesRouter(),
    },
    snapshot: { ...cluster, remember: () => {}, isOwnWrite: () => false, forget: () => {}, noteDeletion: () => {} },
    follow: () => Promise.resolve(),
    remove: () => Promise.resolve(false),
    write: () => Promise.resolve(false),
    ...parts,
  });
}

function deployment(name: string): KubeObject {
  const labels = { app: name };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "test", generation: 1 },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [] } },
    },
    status: { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1 },
  };
}

/** What a turn sees of pods that are missing since a moment ago. */
async function observe(parts: Partial<ClusterViewPorts> = {}) {
  const cluster = createToyCluster(mergePatch, {
    ...deployment("podinfo"),
    status: {
      ...{ observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 0 },
      conditions: [
        { type: "Progressing", status: "True", reason: "ReplicaSetUpdated" },
        {
          ...{ type: "Available", status: "False", reason: "MinimumReplicasUnavailable" },
          lastUpdateTime: new Date(NOW).toISOString(),
        },
      ],
    },
  });
  const view = viewOf(cluster, parts);
  const canary = aCanary({ spec: { progressDeadlineSeconds: 60 } });
  return (await view.observe(canary, NOW, new AbortController().signal)).readings;
}

describe("the deadline of a rollout", () => {
  it("counts from when pods began to be missing", async () => {
    const { target, recheckAt } = await observe();
    expect(target.readiness.kind).toBe("progressing");
    expect(recheckAt).toBe(NOW + 60_001);
  });

  it("that the operator sets counts from when its wait began", async () => {
    const missing = { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 0 };
    const conditions = [{ type: "Progressing", status: "True", reason: "NewReplicaSetAvailable" }];
    const cluster = createToyCluster(mergePatch, {
      ...deployment("podinfo"),
      status: { ...missing, conditions },
    });
    const parts = {
      spec: { progressDeadlineSeconds: 60 },
      status: { phase: "Initializing", aviary: { phaseSince: NOW } },
    };
    const { readings } = await viewOf(cluster).observe(aCanary(parts), NOW, new AbortController().signal);
    expect(readings.target.readiness.kind).toBe("progressing");
    expect(readings.recheckAt).toBe(NOW + 60_001);
  });
});

describe("pods that cannot start", () => {
  it("are a warning of the turn, which is taken again when it is worth another look", async () => {
    const text = "canary pods cannot start: ImagePullBackOff ghcr.io/x:y";
    const troubles = async () => ({ text, lookAgainAt: NOW + 30_000 });
    expect(await observe({ troubles })).toMatchObject({ warning: text, trouble: text, recheckAt: NOW + 30_000 });
  });
});

describe("a target that takes too much memory to be kept before a Canary names it", () => {
  it("is followed, and then read with the configs that it names", async () => {
    const config = { configMapRef: { name: "settings" } };
    const target = deployment("podinfo");
    target["spec"].template.spec.containers.push({ name: "app", image: "app:1", envFrom: [config] });
    const cluster = createToyCluster(mergePatch, target);
    const followed = new Set<string>();
    const isLeftOut = ({ type, name }: ObjectRef) => type.kind === "Deployment" && !followed.has(name);
    const view = viewOf(cluster, {
      isLeftOut,
      async follow(_canary, refs) {
        for (const { name } of refs) followed.add(name);
      },
      snapshot: {
        ...{ ...cluster, remember: () => {}, isOwnWrite: () => false, forget: () => {}, noteDeletion: () => {} },
        get(ref) {
          if (isLeftOut(ref)) throw new Error(`${ref.name} is read before it is followed`);
          return cluster.get(ref);
        },
      },
    });
    await view.observe(aCanary(), NOW, new AbortController().signal);
    expect([...followed]).toContain("settings");
  });
});

const primary = deployment("podinfo-primary");
const ownerReferences = [{ apiVersion: "flagger.app/v1beta1", kind: "Canary", name: "podinfo", uid: aCanary().uid }];
const ours = { ...primary, metadata: { ...primary.metadata, ownerReferences } } as KubeObject;

describe("an autoscaler of the primary that the API server refuses", () => {
  it("keeps no traffic where it must not stay: the routes are written", async () => {
    const kind = "HorizontalPodAutoscaler";
    const parts = { spec: { autoscalerRef: { apiVersion: "autoscaling/v2", kind, name: "podinfo" } } };
    const metadata = { name: "podinfo", namespace: "test" };
    const hpa = { apiVersion: "autoscaling/v2", kind, metadata, spec: { maxReplicas: 3 } };
    const cluster = createToyCluster(mergePatch, deployment("podinfo"), ours, hpa);
    const view = viewOf(cluster, {
      write(object) {
        if (object.kind === kind) throw new Error("minReplicas is above maxReplicas");
        return Promise.resolve(cluster.apply([object]).length > 0);
      },
    });
    const canary = inPhase("Succeeded", parts, { promotedSpec: "1", drain: { kind: "none" } });
    const { signal } = new AbortController();
    const state = await view.observe(canary, NOW, signal);
    await expect(view.converge(canary, aDesiredState({ target: "down" }), state, signal)).rejects.toThrow(
      "minReplicas",
    );
    expect(cluster.at("VirtualService", "podinfo").spec.http[0].route).toMatchObject([{ weight: 100 }, { weight: 0 }]);
    // The canary goes when nothing is refused any more.
    expect(cluster.at("Deployment", "podinfo").spec.replicas).toBe(1);
  });
});

describe("a Canary whose autoscaler was deleted", () => {
  const parts = {
    spec: { autoscalerRef: { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", name: "podinfo" } },
  };
  const written = async (phase: "Initializing" | "Succeeded", ...more: readonly KubeObject[]) => {
    const names: string[] = [];
    const cluster = createToyCluster(mergePatch, deployment("podinfo"), ...more);
    const view = viewOf(cluster, {
      write: (object) => {
        if (cluster.apply([object]).length > 0) names.push(`${object.kind} ${object.metadata.name}`);
        return Promise.resolve(true);
      },
    });
    const canary = inPhase(phase, parts, { promotedSpec: phase === "Succeeded" ? "1" : "", drain: { kind: "none" } });
    const { signal } = new AbortController();
    const state = await view.observe(canary, NOW, signal);
    expect(state.readings.problem).toContain("HorizontalPodAutoscaler podinfo");
    await view.converge(canary, aDesiredState({ target: "down" }), state, signal);
    return { names, replicas: cluster.at("Deployment", "podinfo").spec.replicas };
  };
  it("finishes at rest what its status promises: the target is taken down", async () => {
    expect((await written("Succeeded", ours)).replicas).toBe(0);
  });

  it("writes nothing before it is initialised", async () => {
    expect((await written("Initializing")).names).toEqual([]);
  });

  it("writes nothing over an object of others", async () => {
    expect((await written("Succeeded", primary)).names).toEqual([]);
  });
});

describe("routes that take long to write", () => {
  it("are known by when they were written, and only while they are in force", async () => {
    const cluster = createToyCluster(mergePatch, deployment("podinfo"), ours);
    let now = NOW;
    const view = viewOf(cluster, {
      clock: { now: () => now },
      write: (object) => {
        const isWritten = cluster.apply([object]).length > 0;
        if (object.kind === "VirtualService") now += 6_000;
        return Promise.resolve(isWritten);
      },
    });
    const canary = inPhase("Progressing", {}, { promotedSpec: "1", canaryWeight: 10, ...ON_STEP });
    const { signal } = new AbortController();
    const state = await view.observe(canary, now, signal);
    expect(state.readings).not.toHaveProperty("routesSince");
    const traffic = { primary: 90, canary: 10, mirror: false };
    await view.converge(canary, aDesiredState({ traffic, target: "up" }), state, signal);
    expect((await view.observe(canary, now, signal)).readings).toMatchObject({
      ...{ routesInForce: true, routesSince: NOW + 6_000 },
    });
    cluster.apply([{ ...cluster.at("VirtualService", "podinfo"), spec: { http: [] } } as unknown as KubeObject]);
    expect((await view.observe(canary, now, signal)).readings).not.toHaveProperty("routesSince");
  });
});

const ON_STEP = { step: 1, hold: { kind: "none" }, serving: "as-planned", stage: "prepared" } as const;

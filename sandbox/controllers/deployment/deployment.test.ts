import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type KubeFields, type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { createManualClock, type ManualClock } from "../../../src/testing/manual-clock.ts";
import { isActive, isReady } from "../pods.ts";
import { puppetDeployment, puppetTemplate, serviceFor, startTestbed, type Testbed } from "../testbed.ts";
import { shrunkOldSets } from "./rollout.ts";

const { deployment, replicaSet, endpoints } = RESOURCES;

let clock: ManualClock;
let bed: Testbed;

beforeEach(async () => {
  clock = createManualClock();
  bed = await startTestbed({ clock });
});

afterEach(async () => {
  await bed.stop();
  expect(bed.reports).toEqual([]);
});

const live = (name = "web") => bed.get(deployment, name) as KubeObject;
const condition = (type: string, name = "web") =>
  (live(name).status?.conditions ?? []).find((entry: KubeFields) => entry.type === type);
const setTag = (tag: string, name = "web") =>
  bed.change(deployment, name, (copy) => {
    copy.spec.template = puppetTemplate(name, tag);
  });
const sets = () => bed.store.list(replicaSet, "default").filter((set) => set.metadata.name.startsWith("web-"));
const sizes = () =>
  Object.fromEntries(sets().map((set) => [set.spec.template.spec.containers[0].image, set.spec.replicas]));

/** Holds programs of a tag back until the test lets some of them start. */
function hold(tag: string) {
  const waiting: (() => void)[] = [];
  bed.gates.set(tag, () => new Promise<void>((resolve) => waiting.push(resolve)));
  return {
    release: (count: number) => {
      for (const go of waiting.splice(0, count)) go();
    },
    waiting: () => waiting.length,
  };
}

describe("a Deployment", () => {
  it("becomes available and tells so as Kubernetes does", async () => {
    bed.apply(puppetDeployment("web"));
    await bed.settle();
    expect(live().status).toMatchObject({
      observedGeneration: 1,
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
    });
    expect(live().status.unavailableReplicas).toBeUndefined();
    expect(condition("Available")).toMatchObject({ status: "True", reason: "MinimumReplicasAvailable" });
    const [set] = sets();
    expect(condition("Progressing")).toMatchObject({
      status: "True",
      reason: "NewReplicaSetAvailable",
      message: `ReplicaSet "${set?.metadata.name}" has successfully progressed.`,
    });
    expect(live().metadata.annotations).toMatchObject({ "deployment.kubernetes.io/revision": "1" });
    expect(set?.metadata.labels?.["pod-template-hash"]).toBe(set?.metadata.name.slice(4));
    expect(bed.events("web")).toEqual([`ScalingReplicaSet: Scaled up replica set ${set?.metadata.name} from 0 to 3`]);
  });

  it("does nothing once it is done", async () => {
    bed.apply(puppetDeployment("web"));
    bed.apply(serviceFor("web"));
    await bed.settle();
    const version = bed.store.version();
    bed.change(deployment, "web", (copy) => {
      copy.metadata.labels = { touched: "yes" };
    });
    await bed.settle();
    expect(bed.store.version()).toBe(version + 1);
  });

  it("is unavailable while too few pods are ready, and exceeds its deadline", async () => {
    hold("1");
    bed.apply(puppetDeployment("web", { progressDeadlineSeconds: 60 }));
    await bed.settle();
    expect(condition("Available")).toMatchObject({ status: "False", reason: "MinimumReplicasUnavailable" });
    const since = condition("Available").lastUpdateTime;
    await clock.advance(59_000);
    await bed.settle();
    expect(condition("Progressing")).toMatchObject({ status: "True", reason: "ReplicaSetUpdated" });
    await clock.advance(3_000);
    await bed.settle();
    expect(condition("Progressing")).toMatchObject({ status: "False", reason: "ProgressDeadlineExceeded" });
    expect(condition("Available").lastUpdateTime).toBe(since);
  });

  it("renews the deadline with every pod that becomes ready", async () => {
    const gate = hold("1");
    bed.apply(puppetDeployment("web", { progressDeadlineSeconds: 60 }));
    await bed.settle();
    for (let i = 0; i < 2; i += 1) {
      await clock.advance(50_000);
      gate.release(1);
      await bed.settle();
    }
    expect(condition("Progressing")).toMatchObject({ status: "True", reason: "ReplicaSetUpdated" });
    gate.release(1);
    await bed.settle();
    expect(condition("Progressing")).toMatchObject({ reason: "NewReplicaSetAvailable" });
  });

  it("counts a pod as available only after minReadySeconds", async () => {
    bed.apply(puppetDeployment("web", { minReadySeconds: 30 }));
    await bed.settle();
    expect(live().status).toMatchObject({ readyReplicas: 3, unavailableReplicas: 3 });
    await clock.advance(31_000);
    await bed.settle();
    expect(live().status).toMatchObject({ readyReplicas: 3, availableReplicas: 3 });
  });

  it("keeps old pods while a bad version hangs, and goes back with rollout undo", async () => {
    bed.apply(puppetDeployment("web"));
    await bed.settle();
    hold("2");
    setTag("2");
    await bed.settle();
    expect(sizes()).toEqual({ "puppet:1": 3, "puppet:2": 1 });
    expect(live().status).toMatchObject({ replicas: 4, updatedReplicas: 1, unavailableReplicas: 1 });
    setTag("1");
    await bed.settle();
    expect(sizes()).toEqual({ "puppet:1": 3, "puppet:2": 0 });
    expect(live().metadata.annotations?.["deployment.kubernetes.io/revision"]).toBe("3");
    expect(condition("Progressing")).toMatchObject({ reason: "NewReplicaSetAvailable" });
  });

  it("forgets revisions beyond its history limit", async () => {
    bed.apply(puppetDeployment("web", { revisionHistoryLimit: 2 }));
    for (const tag of ["2", "3", "4", "5"]) {
      await bed.settle();
      setTag(tag);
    }
    await bed.settle();
    expect(sizes()).toEqual({ "puppet:3": 0, "puppet:4": 0, "puppet:5": 3 });
  });

  it("pauses: the template waits, scaling does not", async () => {
    bed.apply(puppetDeployment("web"));
    await bed.settle();
    bed.change(deployment, "web", (copy) => {
      copy.spec.paused = true;
      copy.spec.replicas = 5;
    });
    setTag("2");
    await bed.settle();
    expect(sizes()).toEqual({ "puppet:1": 5 });
    expect(condition("Progressing")).toMatchObject({ status: "Unknown", reason: "DeploymentPaused" });
    bed.change(deployment, "web", (copy) => {
      copy.spec.paused = false;
    });
    await bed.settle();
    expect(sizes()).toEqual({ "puppet:1": 0, "puppet:2": 5 });
    expect(condition("Progressing")).toMatchObject({ reason: "NewReplicaSetAvailable" });
  });

  it("scales in the middle of a rollout in proportion", async () => {
    bed.apply(
      puppetDeployment("web", { replicas: 10, strategy: { rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } }),
    );
    await bed.settle();
    hold("2");
    setTag("2");
    await bed.settle();
    expect(sizes()).toEqual({ "puppet:1": 8, "puppet:2": 5 });
    bed.change(deployment, "web", (copy) => {
      copy.spec.replicas = 15;
    });
    await bed.settle();
    expect(sizes()).toEqual({ "puppet:1": 11, "puppet:2": 7 });
  });

  it("scales to zero and back, as a canary's target does", async () => {
    bed.apply(puppetDeployment("web"));
    await bed.settle();
    for (const replicas of [0, 2]) {
      bed.change(deployment, "web", (copy) => {
        copy.spec.replicas = replicas;
      });
      await bed.settle();
      await bed.until("pods gone or there", () => bed.pods().length === replicas);
      await bed.settle();
      expect(live().status.availableReplicas ?? 0).toBe(replicas);
      expect(condition("Available").status).toBe("True");
    }
  });

  it("recreates: no two versions at the same time", async () => {
    bed.apply(puppetDeployment("web", { strategy: { type: "Recreate" } }));
    await bed.settle();
    const images = new Set<string>();
    const stop = bed.store.watch(RESOURCES.pod, () => {
      const running = bed.pods().map((pod) => pod.spec.containers[0].image);
      images.add([...new Set(running)].sort().join("+"));
    });
    setTag("2");
    await bed.settle();
    stop();
    expect([...images].sort()).toEqual(["", "puppet:1", "puppet:2"]);
    expect(live().status).toMatchObject({ updatedReplicas: 3, availableReplicas: 3 });
  });

  it("adopts pods that were orphaned", async () => {
    bed.apply(puppetDeployment("web"));
    await bed.settle();
    const names = bed.pods().map((pod) => pod.metadata.name);
    const target = bed.store.registry.find("apps", "v1", "deployments");
    if (target === undefined) throw new Error("no deployments");
    bed.store.delete(target, "default", "web", { propagation: "Orphan" });
    await bed.settle();
    expect(bed.get(deployment, "web")).toBeUndefined();
    expect(sets()).toHaveLength(1);
    bed.apply(puppetDeployment("web"));
    await bed.settle();
    expect(bed.pods().map((pod) => pod.metadata.name)).toEqual(names);
    expect(live().status).toMatchObject({ updatedReplicas: 3, availableReplicas: 3 });
  });
});

describe("shrinking old ReplicaSets", () => {
  it("does not count pods that are about to go, though their ReplicaSet still does", () => {
    const set = (name: string, replicas: number, availableReplicas: number): KubeObject => {
      return {
        apiVersion: "apps/v1",
        kind: "ReplicaSet",
        metadata: { name },
        spec: { replicas },
        status: { availableReplicas },
      };
    };
    const owner = puppetDeployment("web", {
      replicas: 4,
      strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
    });
    const shrunk = shrunkOldSets(owner, set("new", 2, 2), [set("old", 1, 3)]);
    expect([...shrunk.values()]).toEqual([]);
  });
});

/** mulberry32: small, seeded, good enough for choices. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

describe("a rolling update with random numbers", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])(
    "keeps its bounds and sends no request to a dying pod (seed %i)",
    async (seed) => {
      const random = chance(seed);
      const pick = (max: number) => Math.floor(random() * (max + 1));
      const replicas = 1 + pick(7);
      const maxSurge = pick(4);
      const maxUnavailable = maxSurge === 0 ? 1 + pick(3) : pick(3);
      bed.apply(puppetDeployment("web", { replicas, strategy: { rollingUpdate: { maxSurge, maxUnavailable } } }));
      bed.apply(serviceFor("web"));
      await bed.settle();
      const faults: string[] = [];
      const listed = (): string[] =>
        (bed.get(endpoints, "web")?.["subsets"] ?? []).flatMap((subset: KubeFields) =>
          (subset.addresses ?? []).map((address: KubeFields) => address.ip),
        );
      bed.onStop = ({ context }) => {
        if (listed().includes(context.address)) faults.push(`${context.podName} stopped while listed`);
      };
      const floor = Math.max(0, replicas - maxUnavailable);
      const stop = bed.store.watch(RESOURCES.pod, () => {
        const active = bed.pods().filter(isActive);
        const available = active.filter(isReady).length;
        if (available < floor) faults.push(`${available} available, at least ${floor} promised`);
        if (active.length > replicas + maxSurge)
          faults.push(`${active.length} pods, at most ${replicas + maxSurge} allowed`);
      });
      const gates = new Map([
        ["2", hold("2")],
        ["3", hold("3")],
      ]);
      setTag("2");
      for (let step = 0; step < 60; step += 1) {
        if (step === 6) setTag("3");
        await clock.advance(1_000);
        gates.get(random() < 0.5 ? "2" : "3")?.release(1 + pick(1));
        for (let i = pick(8); i > 0; i -= 1) await new Promise((resolve) => setImmediate(resolve));
      }
      for (const gate of gates.values()) gate.release(99);
      await bed.settle();
      stop();
      expect(faults).toEqual([]);
      expect(sizes()["puppet:3"]).toBe(replicas);
      expect(live().status).toMatchObject({ updatedReplicas: replicas, availableReplicas: replicas, replicas });
      const ready = bed.pods().filter((pod) => isActive(pod) && isReady(pod));
      expect(listed().sort()).toEqual(ready.map((pod) => pod.status.podIP).sort());
    },
  );
});

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type KubeFields, type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { createManualClock, type ManualClock } from "../../../src/testing/manual-clock.ts";
import { kedaCrds } from "../../crds/keda.ts";
import { puppetDeployment, puppetTemplate, startTestbed, type Testbed } from "../testbed.ts";
import { judgeActivity } from "./activity.ts";

const { deployment, hpa, scaledObject } = RESOURCES;
const PAUSED_REPLICAS = "autoscaling.keda.sh/paused-replicas";
const PAUSED = "autoscaling.keda.sh/paused";

let clock: ManualClock;
let bed: Testbed;
let listeners: Set<() => void>;
let answer: number | Error | undefined;
let asked: string[];

const pass = async (seconds: number) => {
  for (let i = 0; i < seconds; i += 1) {
    await clock.advance(1_000);
    for (const listener of listeners) listener();
    await bed.settle();
  }
};
const replicas = () => bed.get(deployment, "web")?.spec.replicas;
const status = () => bed.get(scaledObject, "web")?.status;
const condition = (type: string) => {
  const { status: is, reason } = status().conditions.find((one: KubeFields) => one.type === type);
  return `${is} ${reason}`;
};
const annotate = async (annotations: Record<string, string>) => {
  bed.change(scaledObject, "web", (copy) => {
    copy.metadata.annotations = annotations;
  });
  await bed.settle();
};

const requests = (threshold = "10") => ({
  type: "prometheus",
  name: "requests",
  metadata: { serverAddress: "http://prometheus.istio-system:9090", query: "sum(rate(requests[1m]))", threshold },
});

function scaler(spec: KubeFields = {}): KubeObject {
  return {
    apiVersion: "keda.sh/v1alpha1",
    kind: "ScaledObject",
    metadata: { name: "web", namespace: "default" },
    spec: {
      scaleTargetRef: { name: "web" },
      pollingInterval: 5,
      cooldownPeriod: 20,
      minReplicaCount: 0,
      maxReplicaCount: 6,
      triggers: [requests()],
      ...spec,
    },
  };
}

beforeEach(async () => {
  clock = createManualClock();
  listeners = new Set();
  answer = 0;
  asked = [];
  const tick = (listener: () => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const query = async (server: string, text: string) => {
    asked.push(`${server} ${text}`);
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const usage = () => ({ cpuMillis: 100, requestsPerSecond: 0 });
  bed = await startTestbed({ clock, crds: kedaCrds(), autoscaler: { usage, tick }, keda: { query } });
  const template = puppetTemplate("web", "1", {}, { resources: { requests: { cpu: "100m" } } });
  bed.apply(puppetDeployment("web", { replicas: 2, template }));
  await bed.settle();
});

afterEach(async () => {
  await bed.stop();
  expect(bed.reports).toEqual([]);
});

describe("a ScaledObject", () => {
  it("makes an autoscaler of its own, which grows the target by what the query answers", async () => {
    answer = 45;
    bed.apply(scaler({ minReplicaCount: 2 }));
    await bed.settle();
    const made = bed.get(hpa, "keda-hpa-web");
    expect(made?.metadata.ownerReferences).toMatchObject([{ kind: "ScaledObject", name: "web", controller: true }]);
    expect(made?.spec).toMatchObject({
      minReplicas: 2,
      maxReplicas: 6,
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
      metrics: [{ external: { metric: { name: "s0-prometheus" }, target: { averageValue: "10" } } }],
    });
    expect(asked).toEqual(["http://prometheus.istio-system:9090 sum(rate(requests[1m]))"]);
    expect(status()).toMatchObject({ hpaName: "keda-hpa-web", triggersTypes: "prometheus", originalReplicaCount: 2 });
    expect([condition("Ready"), condition("Active")]).toEqual(["True ScaledObjectReady", "True ScalerActive"]);
    await pass(2);
    expect(replicas()).toBe(5);
    bed.store.remove(scaledObject, "default", "web");
    await bed.settle();
    expect([bed.get(scaledObject, "web"), bed.get(hpa, "keda-hpa-web"), replicas()]).toEqual([undefined, undefined, 5]);
  });

  it("takes the target to nothing when there is nothing to do, and brings it back", async () => {
    answer = 1;
    bed.apply(scaler());
    await pass(6);
    answer = 0;
    await pass(15);
    expect([replicas(), condition("Active")]).toEqual([2, "False ScalerCooldown"]);
    await pass(15);
    expect([replicas(), condition("Active")]).toEqual([0, "False ScalerNotActive"]);
    answer = 7;
    await pass(5);
    expect([replicas(), condition("Active")]).toEqual([1, "True ScalerActive"]);
    expect(bed.events("web")).toContain("KEDAScaleTargetActivated: Scaled Deployment default/web from 0 to 1");
  });

  it("that is paused at a number has no autoscaler, and lets users scale the target", async () => {
    answer = 45;
    bed.apply(scaler({ minReplicaCount: 1 }));
    await bed.settle();
    await annotate({ [PAUSED_REPLICAS]: "0" });
    expect([replicas(), bed.get(hpa, "keda-hpa-web"), status().pausedReplicaCount]).toEqual([0, undefined, 0]);
    expect(condition("Paused")).toBe("True ScaledObjectPaused");
    bed.change(deployment, "web", (copy) => {
      copy.spec.replicas = 1;
    });
    await pass(12);
    expect(replicas()).toBe(1);
    const before = asked.length;
    await annotate({});
    expect(asked.length).toBe(before + 1);
    expect(condition("Paused")).toBe("False ScaledObjectUnpaused");
    await pass(2);
    expect([bed.get(hpa, "keda-hpa-web")?.spec.minReplicas, replicas()]).toEqual([1, 5]);
  });

  it("that is paused without a number leaves the target as it is", async () => {
    bed.apply(scaler({ minReplicaCount: 1 }));
    await bed.settle();
    await annotate({ [PAUSED]: "true" });
    expect([replicas(), bed.get(hpa, "keda-hpa-web")]).toEqual([2, undefined]);
    await annotate({ [PAUSED]: "false" });
    expect(bed.get(hpa, "keda-hpa-web")).toBeDefined();
  });

  it("that asks for CPU alone always has something to do", async () => {
    const trigger = { type: "cpu", metricType: "Utilization", metadata: { value: "50" } };
    bed.apply(scaler({ minReplicaCount: 1, triggers: [trigger] }));
    await pass(1);
    expect([replicas(), condition("Active")]).toEqual([4, "True ScalerActive"]);
    expect(status().resourceMetricNames).toEqual(["cpu"]);
  });

  it("says what is wrong, and works when that has been put right", async () => {
    bed.apply(scaler({ minReplicaCount: 3, triggers: [{ type: "kafka", metadata: {} }] }));
    await bed.settle();
    expect(condition("Ready")).toBe("False ScaledObjectCheckFailed");
    expect(bed.events("web")).toContain(
      'ScaledObjectCheckFailed: trigger 0: the sandbox knows "prometheus" and "cpu", not "kafka"',
    );
    answer = new Error("connection refused");
    bed.change(scaledObject, "web", (copy) => {
      copy.spec = scaler({ minReplicaCount: 3 }).spec;
    });
    await bed.settle();
    expect(condition("Ready")).toBe("False TriggerError");
    expect(bed.events("web")).toContain("KEDAScalerFailed: s0-prometheus: connection refused");
    answer = 0;
    await pass(5);
    expect([condition("Ready"), replicas()]).toEqual(["True ScaledObjectReady", 3]);
  });
});

describe("between nothing and the least size", () => {
  const judged = (spec: KubeFields, current: number, more: KubeFields = {}) =>
    judgeActivity({
      spec,
      current,
      active: false,
      failed: false,
      now: 100_000,
      createdAt: 0,
      activeAt: undefined,
      ...more,
    }).replicas;

  it.each([
    ["something to do: at least one", {}, 0, { active: true }, 1],
    ["something to do: at least the least", { minReplicaCount: 3 }, 0, { active: true }, 3],
    ["something to do: what is there stays", { minReplicaCount: 3 }, 2, { active: true }, undefined],
    ["something to do after idling", { minReplicaCount: 3, idleReplicaCount: 1 }, 1, { active: true }, 3],
    ["nothing to do: nothing", {}, 4, {}, 0],
    ["nothing to do, but just before there was", {}, 4, { activeAt: 50_000 }, undefined],
    ["nothing to do for long enough", { cooldownPeriod: 50 }, 4, { activeAt: 50_000 }, 0],
    ["nothing to do, never was, but it is new", { initialCooldownPeriod: 200 }, 4, {}, undefined],
    ["nothing to do: idles", { minReplicaCount: 3, idleReplicaCount: 1 }, 3, {}, 1],
    ["nothing to do: the least", { minReplicaCount: 3 }, 1, {}, 3],
    ["unknown: the replicas stay", {}, 4, { failed: true }, undefined],
  ])("%s", (_name, spec, current, more, expected) => {
    expect(judged(spec, current, more)).toBe(expected);
  });
});

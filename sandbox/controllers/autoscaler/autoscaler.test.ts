import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type KubeFields, type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { createManualClock, type ManualClock } from "../../../src/testing/manual-clock.ts";
import { puppetDeployment, puppetTemplate, startTestbed, type Testbed } from "../testbed.ts";
import { bounded, type Recommendation, recommended } from "./behaviour.ts";
import type { PodUsage } from "./metrics.ts";

const { deployment, hpa } = RESOURCES;

let clock: ManualClock;
let bed: Testbed;
let listeners: Set<() => void>;
let usage: PodUsage | undefined;

const sample = async (next: PodUsage | undefined, seconds = 1) => {
  usage = next;
  for (let i = 0; i < seconds; i += 1) {
    await clock.advance(1_000);
    for (const listener of listeners) listener();
    await bed.settle();
  }
};
const busy = (cpuMillis: number, requestsPerSecond = 0) => ({ cpuMillis, requestsPerSecond });
const replicas = () => bed.get(deployment, "web")?.spec.replicas;
const status = () => bed.get(hpa, "web")?.status;
const condition = (type: string): KubeFields =>
  status().conditions.find((entry: KubeFields) => entry.type === type) as KubeFields;

function autoscaler(spec: KubeFields = {}): KubeObject {
  const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };
  const target = { type: "Utilization", averageUtilization: 50 };
  const metrics = [{ type: "Resource", resource: { name: "cpu", target } }];
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: { name: "web", namespace: "default" },
    spec: { scaleTargetRef, minReplicas: 2, maxReplicas: 6, metrics, ...spec },
  };
}

describe("a HorizontalPodAutoscaler", () => {
  beforeEach(async () => {
    clock = createManualClock();
    listeners = new Set();
    usage = undefined;
    const tick = (listener: () => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    };
    bed = await startTestbed({ clock, autoscaler: { usage: () => usage, tick } });
    const template = puppetTemplate("web", "1", {}, { resources: { requests: { cpu: "100m" } } });
    bed.apply(puppetDeployment("web", { replicas: 2, template }));
    await bed.settle();
  });

  afterEach(async () => {
    await bed.stop();
    expect(listeners.size).toBe(0);
    expect(bed.reports).toEqual([]);
  });

  it("grows with CPU, and shrinks only after the stabilisation window", async () => {
    bed.apply(autoscaler());
    await sample(busy(100));
    expect(replicas()).toBe(4);
    expect(status()).toMatchObject({ currentReplicas: 2, desiredReplicas: 4, lastScaleTime: "2024-01-01T00:00:01Z" });
    expect(condition("AbleToScale")).toMatchObject({ status: "True", reason: "SucceededRescale" });
    await sample(busy(52));
    expect(replicas()).toBe(4);
    expect(condition("ScalingActive")).toMatchObject({ status: "True", reason: "ValidMetricFound" });
    await sample(busy(5), 30);
    expect(replicas()).toBe(4);
    expect(condition("AbleToScale")).toMatchObject({ reason: "ScaleDownStabilized" });
    await clock.advance(300_000);
    await sample(busy(5));
    expect(replicas()).toBe(2);
    expect(condition("ScalingLimited")).toMatchObject({ status: "True", reason: "TooFewReplicas" });
    expect(bed.events("web")).toContain("SuccessfulRescale: New size: 4; reason: metrics above target");
  });

  it("stops at its maximum", async () => {
    bed.apply(autoscaler());
    await sample(busy(1000), 20);
    expect(replicas()).toBe(6);
    expect(condition("ScalingLimited")).toMatchObject({ status: "True", reason: "TooManyReplicas" });
  });

  it("is quiet while its target is at zero, and works again after", async () => {
    bed.apply(autoscaler());
    const scale = async (to: number) => {
      bed.change(deployment, "web", (copy) => {
        copy.spec.replicas = to;
      });
      await bed.settle();
    };
    await scale(0);
    await sample(busy(100), 3);
    expect(replicas()).toBe(0);
    expect(condition("ScalingActive")).toMatchObject({ status: "False", reason: "ScalingDisabled" });
    await scale(1);
    await sample(busy(50));
    expect(replicas()).toBe(2);
  });

  it("does not act on what it cannot measure", async () => {
    bed.apply(autoscaler());
    await sample(undefined, 2);
    expect(replicas()).toBe(2);
    expect(condition("ScalingActive")).toMatchObject({ status: "False", reason: "FailedGetResourceMetric" });
  });

  it.each([
    ["Pods", { pods: { metric: { name: "rps" }, target: { type: "AverageValue", averageValue: "10" } } }],
    ["External", { external: { metric: { name: "rps" }, target: { type: "AverageValue", averageValue: "10" } } }],
    ["Object", objectMetric({ type: "Value", value: "20" })],
  ])("scales by request rate (%s)", async (type, source) => {
    bed.apply(autoscaler({ metrics: [{ type, ...source }] }));
    await sample(busy(0, 20));
    expect(replicas()).toBe(4);
    expect(status().currentMetrics[0].type).toBe(type);
  });
});

function objectMetric(target: KubeFields): KubeFields {
  const describedObject = { apiVersion: "v1", kind: "Service", name: "web" };
  return { object: { metric: { name: "rps" }, describedObject, target } };
}

describe("without a sampling tick", () => {
  it("looks once a second, for as long as there is an autoscaler", async () => {
    const clock = createManualClock();
    const bed = await startTestbed({ clock, autoscaler: { usage: () => ({ cpuMillis: 100, requestsPerSecond: 0 }) } });
    bed.apply(autoscaler());
    await bed.settle();
    const template = puppetTemplate("web", "1", {}, { resources: { requests: { cpu: "100m" } } });
    bed.apply(puppetDeployment("web", { replicas: 2, template }));
    await bed.settle();
    await clock.advance(1_000);
    await bed.settle();
    expect(bed.get(deployment, "web")?.spec.replicas).toBe(4);
    bed.store.remove(hpa, "default", "web");
    await clock.advance(2_000);
    expect(clock.sleeping().filter((ms) => ms <= 1_000)).toEqual([]);
    await bed.stop();
  });
});

describe("spec.behavior", () => {
  const none = { recommendations: [], changes: [] };
  const pods = (value: number) => ({ policies: [{ type: "Pods", value, periodSeconds: 60 }] });

  it.each([
    ["defaults: doubles, or four more", undefined, 2, 50, none, 6],
    ["defaults: doubles when that is more", undefined, 10, 50, none, 20],
    ["one pod a minute", { scaleUp: pods(1) }, 3, 9, none, 4],
    ["one pod a minute, one came already", { scaleUp: pods(1) }, 3, 9, { ...none, changes: [{ at: 0, delta: 1 }] }, 3],
    ["never down", { scaleDown: { selectPolicy: "Disabled" } }, 5, 1, none, 5],
    ["two fewer", { scaleDown: { ...pods(2), stabilizationWindowSeconds: 0 } }, 9, 1, none, 7],
    [
      "waits for the lowest",
      { scaleUp: { stabilizationWindowSeconds: 60 } },
      2,
      4,
      { ...none, recommendations: [{ at: 0, replicas: 3 }] },
      3,
    ],
  ])("%s", (_name, behavior, current, proposed, memory, expected) => {
    expect(bounded(behavior, current, proposed, memory, 30_000).replicas).toBe(expected);
  });

  it("decides by what an autoscaler remembers as by all that it has recommended", () => {
    const size = fc.integer({ min: 1, max: 6 });
    const moments = fc.array(fc.record({ afterMs: fc.integer({ min: 1, max: 90_000 }), replicas: size }));
    const seconds = fc.integer({ min: 0, max: 3600 });
    fc.assert(
      fc.property(moments, seconds, seconds, size, size, (past, up, down, current, proposed) => {
        const all: Recommendation[] = [];
        let kept: readonly Recommendation[] = [];
        let now = 0;
        for (const { afterMs, replicas } of past) {
          now += afterMs;
          all.push({ at: now, replicas });
          kept = recommended(kept, replicas, now);
        }
        expect(kept.length).toBeLessThanOrEqual(6);
        const behavior = {
          scaleUp: { stabilizationWindowSeconds: up },
          scaleDown: { stabilizationWindowSeconds: down },
        };
        const given = (recommendations: readonly Recommendation[]) =>
          bounded(behavior, current, proposed, { ...none, recommendations }, now);
        expect(given(kept)).toEqual(given(all));
      }),
    );
  });
});

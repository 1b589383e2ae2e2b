import { describe, expect, it } from "vitest";
import { aSpec } from "../../testing/canary.ts";
import { MESH, type Story, tell } from "../../testing/story.ts";
import { planFor } from "../plan/plan.ts";
import { routesFor } from "../routes.ts";
import { fromWire, toWire } from "../status/status.ts";
import type { Readiness } from "../turn/observation.ts";

const STARTING: Readiness = { kind: "progressing", detail: "podinfo-primary.test not ready: waiting for rollout" };
const STUCK: Readiness = { kind: "stuck", detail: "podinfo-primary.test not ready: deadline" };
const DOWN: Readiness = { kind: "progressing", detail: "canary deployment podinfo.test not ready: 0 of 1" };

/** A run of a revision whose primary has no pods while it is replaced. */
function released(
  analysis: Readonly<Record<string, unknown>> = { stepWeights: [50] },
  spec: Readonly<Record<string, unknown>> = {},
): Story {
  const story = tell({ analysis, spec });
  story.world.gap = true;
  story.run(60);
  story.world.revision = { spec: "v2" };
  story.world.onPromoted = () => {
    story.world.primary = STARTING;
    story.world.primaryAvailable = 0;
  };
  return story;
}

const since = (story: Story, second: number) => story.timeline.filter((line) => Number.parseInt(line, 10) >= second);

function upAgain({ world }: Story): void {
  world.primary = { kind: "ready" };
  world.primaryAvailable = 1;
}

describe("the canary covers for a primary whose pods are all replaced at once", () => {
  it("by weights: all traffic is on the canary before the copy is made, and until the primary is ready", () => {
    const story = released();
    story.run(40);
    upAgain(story);
    story.run(30);
    expect(since(story, 75)).toEqual([
      "75s Promoting 0/100 The pods of podinfo-primary.test are replaced all at once, routing all traffic to podinfo.test until they are ready",
      "78s Promoting 0/100 Copying podinfo.test template spec to podinfo-primary.test",
      "78s Promoting 0/100 Waiting for podinfo-primary.test rollout to finish: podinfo-primary.test not ready: waiting for rollout",
      "90s Promoting 0/100 podinfo-primary.test not ready: waiting for rollout",
      "100s Finalising 100/0 Routing all traffic to primary",
      "103s Succeeded 100/0 Promotion completed! Scaling down podinfo.test",
    ]);
  });

  it("without analysis, too, and no event speaks of one", () => {
    const story = released({}, { skipAnalysis: true });
    story.run(20);
    upAgain(story);
    story.run(30);
    expect(since(story, 60)).toEqual([
      "60s Progressing 100/0 New revision detected! Scaling up podinfo.test",
      "60s Promoting 0/100 The pods of podinfo-primary.test are replaced all at once, routing all traffic to podinfo.test until they are ready",
      "63s Promoting 0/100 Copying podinfo.test template spec to podinfo-primary.test",
      "63s Promoting 0/100 Waiting for podinfo-primary.test rollout to finish: podinfo-primary.test not ready: waiting for rollout",
      "75s Promoting 0/100 podinfo-primary.test not ready: waiting for rollout",
      "80s Succeeded 100/0 Promotion completed! Canary analysis was skipped for podinfo.test",
    ]);
  });

  it("in an A/B test for everyone, whether matched or not", () => {
    const match = [{ headers: { "x-canary": { exact: "1" } } }];
    const story = released({ iterations: 1, match });
    story.run(40);
    const plan = planFor(aSpec({ analysis: { iterations: 1, match } }), MESH);
    expect(story.status).toMatchObject({ phase: "Promoting", covering: "full" });
    expect(routesFor(plan, story.status)).toEqual({ primary: 0, canary: 100, mirror: false, everyone: true });
  });

  it("and a primary that never gets ready costs no request: the canary serves until the primary is restored", () => {
    const story = released();
    story.run(20);
    story.world.primary = STUCK;
    story.run(20);
    expect(story.status).toMatchObject({ phase: "Failed", recovery: { kind: "restoring" }, canaryWeight: 100 });
    upAgain(story);
    story.run(20);
    expect(story.status).toMatchObject({
      phase: "Failed",
      recovery: { kind: "none" },
      canaryWeight: 0,
      promotedSpec: "v1",
    });
  });

  it("and a primary that fails users while it takes over keeps its pods until the canary covers again", () => {
    const metrics = [{ name: "request-success-rate", thresholdRange: { min: 99 } }];
    const story = released({ stepWeights: [100], stepWeightPromotion: 50, threshold: 1, metrics });
    story.run(20);
    upAgain(story);
    story.world.answer = (probe) =>
      probe.kind === "metric" && probe.of === "primary" ? { kind: "value", value: 50 } : { kind: "passed" };
    let restored = 0;
    story.world.onRestored = () => {
      restored = (story.now - Date.UTC(2026, 0, 1)) / 1000;
      story.world.answer = () => ({ kind: "passed" });
    };
    story.run(60);
    const failed = story.timeline.find((line) => line.includes("Promotion of podinfo.test failed"));
    expect(failed).toContain("95s Failed 0/100");
    expect(restored).toBe(98);
    expect(story.status).toMatchObject({ phase: "Failed", recovery: { kind: "none" }, canaryWeight: 0 });
  });

  it("until then the primary is not touched: a canary that loses its pods gives the traffic back, and covers again", () => {
    const story = released();
    let copies = 0;
    story.world.onPromoted = () => {
      copies += 1;
    };
    story.run(16);
    Object.assign(story.world, { canary: DOWN, canaryAvailable: 0 });
    story.run(30);
    expect(story.status).toMatchObject({
      phase: "Promoting",
      serving: "primary-alone",
      covering: "begun",
      canaryWeight: 0,
    });
    expect(copies).toBe(0);
    Object.assign(story.world, { canary: { kind: "ready" }, canaryAvailable: 1 });
    story.run(30);
    expect(story.status).toMatchObject({ phase: "Succeeded", promotedSpec: "v2" });
    expect(copies).toBe(1);
  });

  it.each<[string, Readiness, number]>([
    ["that never comes back", { kind: "stuck", detail: "canary deployment podinfo.test not ready: deadline" }, 5],
    ["that went down once too often", DOWN, 1],
  ])("a canary %s is rolled back, with the primary untouched", (_, readiness, threshold) => {
    const story = released({ stepWeights: [50], threshold });
    story.run(16);
    Object.assign(story.world, { canary: readiness, canaryAvailable: 0 });
    story.run(30);
    expect(story.status).toMatchObject({
      phase: "Failed",
      recovery: { kind: "none" },
      canaryWeight: 0,
      promotedSpec: "v1",
    });
  });

  it("a target that is reverted meanwhile ends the run, one that moves on restarts it", () => {
    for (const [spec, phase] of [
      ["v1", "Succeeded"],
      ["v3", "Progressing"],
    ] as const) {
      const story = released();
      story.run(16);
      story.world.revision = { spec };
      story.run(1);
      expect(story.status.phase).toBe(phase);
      expect(story.world.primary.kind).toBe("ready");
    }
  });

  it("routes that are not in force are waited for before the copy is made", () => {
    const story = released();
    story.run(14);
    story.world.routesInForce = false;
    story.now += 1_000;
    const copied = () => story.timeline.filter((line) => line.includes("Copying"));
    story.run(40);
    expect(copied()).toEqual([]);
    story.world.routesInForce = true;
    story.run(20);
    expect(copied()).toHaveLength(1);
  });

  it("an operator that forgot how far it was never undoes a copy", () => {
    const story = released();
    story.run(30);
    const { aviary: _memory, ...wire } = toWire(story.status);
    const hints = { intervalMs: 15_000, iterations: 0, weights: [50], mirror: false };
    expect(fromWire(wire, hints)).toMatchObject({ phase: "Promoting", covering: "full", primaryWeight: 0 });
  });
});

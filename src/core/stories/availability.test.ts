/** Traffic goes only to pods that can serve, and a primary that takes over is judged on the way. */
import { describe, expect, it } from "vitest";
import { released, tell } from "../../testing/story.ts";
import type { Answer } from "../turn/observation.ts";

const WAITING = { kind: "progressing", detail: "podinfo-primary.test not ready: 0 of 2" } as const;

describe("availability", () => {
  it("skipAnalysis: the first traffic waits until the primary has a pod that serves", () => {
    const story = tell({ spec: { skipAnalysis: true } });
    story.world.primary = WAITING;
    story.world.primaryAvailable = 0;
    story.run(30);
    expect(story.status.phase).toBe("Initializing");
    story.world.primaryAvailable = 1;
    story.run(30);
    expect(story.status.phase).toBe("Initialized");
  });

  it("skipAnalysis: a primary whose pods are all replaced at once gets the first traffic when it is ready", () => {
    const story = tell({ spec: { skipAnalysis: true } });
    story.world.gap = true;
    story.world.primary = { kind: "progressing", detail: "observed daemonset generation less than desired generation" };
    // The pod that is just going is still counted.
    story.world.primaryAvailable = 1;
    story.run(30);
    expect(story.status.phase).toBe("Initializing");
    story.world.primary = { kind: "ready" };
    story.run(30);
    expect(story.status.phase).toBe("Initialized");
  });

  it("a canary that goes down again and again reaches the threshold and is rolled back", () => {
    const story = released({ analysis: { stepWeights: [50], threshold: 3 } });
    for (let i = 0; i < 3; i += 1) {
      story.world.canary = { kind: "ready" };
      story.world.canaryAvailable = 1;
      story.run(10);
      story.world.canary = { kind: "progressing", detail: "podinfo not ready: 0 of 1" };
      story.world.canaryAvailable = 0;
      story.run(10);
    }
    expect(story.status).toMatchObject({ phase: "Failed", canaryWeight: 0 });
    expect(story.alerts).toContain("error Failed checks threshold reached 3");
  });

  it("after a failed promotion a canary that loses its pods gives the traffic to a primary that has pods", () => {
    const story = released({ analysis: { stepWeights: [50] } });
    story.world.onPromoted = () => {
      story.world.primary = { kind: "stuck", detail: "podinfo-primary.test not ready: exceeded its progress deadline" };
    };
    story.run(30);
    expect(story.status).toMatchObject({ phase: "Failed", recovery: { kind: "restoring" }, canaryWeight: 100 });
    story.world.canaryAvailable = 0;
    story.run(5);
    expect(story.status).toMatchObject({ phase: "Failed", recovery: { kind: "restoring" }, canaryWeight: 0 });
  });

  it("a primary that breaks in the middle of a run ends it", () => {
    const story = released({ analysis: { stepWeights: [50] } });
    story.run(5);
    story.world.primary = { kind: "stuck", detail: "podinfo-primary.test not ready: exceeded its progress deadline" };
    story.run(5);
    expect(story.status).toMatchObject({ phase: "Failed", recovery: { kind: "none" }, canaryWeight: 0 });
  });

  it("the canary stays until routes that were written late are in force", () => {
    const story = released({ analysis: { stepWeights: [50] } });
    story.run(15);
    expect(story.status.phase).toBe("Finalising");
    story.world.routesInForce = false;
    story.run(60);
    expect(story.status.phase).toBe("Finalising");
    story.world.routesInForce = true;
    story.run(10);
    expect(story.status.phase).toBe("Succeeded");
  });

  it("a primary that fails its checks while it takes over is rolled back at the threshold", () => {
    const metrics = [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "15s" }];
    const story = released({ analysis: { stepWeights: [50], stepWeightPromotion: 10, threshold: 2, metrics } });
    story.world.answer = (probe) =>
      probe.kind === "metric" ? { kind: "value", value: probe.of === "primary" ? 50 : 100 } : { kind: "passed" };
    story.run(60);
    expect(story.status).toMatchObject({ phase: "Failed", promotedSpec: "v1" });
  });

  describe("a primary that takes over in steps is judged before it gets all of the traffic", () => {
    const metrics = [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "40s" }];
    const analysis = { interval: "15s", stepWeights: [50], stepWeightPromotion: 30, threshold: 2, metrics };
    const GOOD: Answer = { kind: "value", value: 100 };

    /** @param answer the metric server's answer about the primary, for the window of the query */
    function promoted(answer: (window: string) => Answer) {
      const windows: string[] = [];
      const story = released({ analysis });
      story.world.answer = (probe) => {
        if (probe.kind !== "metric" || probe.of === "canary") return GOOD;
        windows.push(probe.metric.interval);
        return answer(probe.metric.interval);
      };
      return { story, windows };
    }

    it("with a metric window longer than a step: the query covers the time since the shift only", () => {
      const { story, windows } = promoted(() => ({ kind: "value", value: 50 }));
      story.run(60);
      expect(windows).toEqual(["15s", "30s"]);
      expect(story.status).toMatchObject({ phase: "Failed", promotedSpec: "v1" });
    });

    it("with values that come late: the step waits for them, for one whole window at most", () => {
      const nothing: Answer = { kind: "no-data", message: "no values found" };
      const late = promoted((window) => (window === "15s" ? nothing : GOOD));
      late.story.run(120);
      expect(late.story.status.phase).toBe("Succeeded");
      expect(late.windows).toEqual(["15s", "30s"]);
      const never = promoted(() => nothing);
      never.story.run(120);
      expect(never.story.status.phase).toBe("Succeeded");
      expect(never.windows).toEqual(["15s", "30s", "40s"]);
      expect(never.story.timeline.filter((line) => line.includes("no values found"))).toHaveLength(1);
    });

    it("with a failed check and then no values: the promotion is rolled back", () => {
      const heard: Answer[] = [{ kind: "value", value: 0 }];
      const { story } = promoted(() => heard.shift() ?? { kind: "no-data", message: "no values found" });
      story.run(120);
      expect(story.status).toMatchObject({ phase: "Failed", promotedSpec: "v1" });
    });

    it("with a metric server that answers with errors: each error is a failed check", () => {
      const { story } = promoted(() => ({ kind: "error", message: "Prometheus query failed" }));
      story.run(60);
      expect(story.status).toMatchObject({ phase: "Failed", promotedSpec: "v1" });
    });

    it("with routes that are not in force: the hold of the step starts again", () => {
      const { story, windows } = promoted(() => GOOD);
      story.run(16);
      expect(story.status).toMatchObject({ phase: "Promoting", primaryWeight: 80 });
      story.world.routesInForce = false;
      story.run(30);
      expect(windows).toEqual([]);
      expect(story.status).toMatchObject({ phase: "Promoting", primaryWeight: 80 });
      story.world.routesInForce = true;
      story.run(20);
      expect(windows).toEqual(["15s"]);
      expect(story.status.phase).toBe("Succeeded");
    });

    it("without Aviary's own memory: one interval is queried once, and the promotion ends", () => {
      const { story, windows } = promoted(() => ({ kind: "no-data", message: "no values found" }));
      story.run(16);
      if (story.status.phase !== "Promoting") throw new Error(`it is ${story.status.phase}`);
      const { shiftedAt: _pruned, ...status } = story.status;
      story.status = status;
      story.run(60);
      expect(windows).toEqual(["15s"]);
      expect(story.status.phase).toBe("Succeeded");
    });
  });
});

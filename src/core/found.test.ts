/** What the simulation found in the core; each test is named by what broke. */
import { describe, expect, it } from "vitest";
import { tell } from "../testing/story.ts";

function released(parts: Parameters<typeof tell>[0] = {}) {
  const story = tell(parts);
  story.run(60);
  story.timeline.length = 0;
  story.world.revision = { spec: "v2" };
  return story;
}

const WAITING = { kind: "progressing", detail: "podinfo-primary.test not ready: 0 of 2" } as const;

describe("found by simulation", () => {
  it("skipAnalysis: the first traffic went to a primary without pods", () => {
    const story = tell({ spec: { skipAnalysis: true } });
    story.world.primary = WAITING;
    story.world.primaryAvailable = 0;
    story.run(30);
    expect(story.status.phase).toBe("Initializing");
    story.world.primaryAvailable = 1;
    story.run(30);
    expect(story.status.phase).toBe("Initialized");
  });

  it("a canary that went down again and again got its share back each time, for ever", () => {
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

  it("after a failed promotion the canary died, too, and kept everything from a primary that had pods", () => {
    const story = released({ analysis: { stepWeights: [50] } });
    story.world.onPromoted = () => {
      story.world.primary = { kind: "stuck", detail: "podinfo-primary.test not ready: exceeded its progress deadline" };
    };
    story.run(30);
    expect(story.status).toMatchObject({ phase: "Failed", restoring: true, canaryWeight: 100 });
    story.world.canaryAvailable = 0;
    story.run(5);
    expect(story.status).toMatchObject({ phase: "Failed", restoring: true, canaryWeight: 0 });
  });

  it("a primary that breaks in the middle of a run ends it", () => {
    const story = released({ analysis: { stepWeights: [50] } });
    story.run(5);
    story.world.primary = { kind: "stuck", detail: "podinfo-primary.test not ready: exceeded its progress deadline" };
    story.run(5);
    expect(story.status).toMatchObject({ phase: "Failed", restoring: false, canaryWeight: 0 });
  });

  it("the canary went before routes that were written late were known everywhere", () => {
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

  it("a primary that answers badly while it takes over is taken back after as many doubts as checks may fail", () => {
    const metrics = [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "15s" }];
    const story = released({ analysis: { stepWeights: [50], stepWeightPromotion: 10, threshold: 2, metrics } });
    story.world.answer = (probe) =>
      probe.kind === "metric" ? { kind: "value", value: probe.of === "primary" ? 50 : 100 } : { kind: "passed" };
    story.run(60);
    expect(story.status).toMatchObject({ phase: "Failed", promotedSpec: "v1" });
  });
});

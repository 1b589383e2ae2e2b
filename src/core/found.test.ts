/** What the simulation found in the core; each test is named by what broke. */
import { describe, expect, it } from "vitest";
import { tell } from "../testing/story.ts";
import type { Answer } from "./observation.ts";

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

  describe("a primary that takes over in steps was given all of the traffic unjudged", () => {
    const metrics = [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "40s" }];
    const analysis = { interval: "15s", stepWeights: [50], stepWeightPromotion: 30, threshold: 2, metrics };
    const GOOD: Answer = { kind: "value", value: 100 };

    /** @param answer what is said of the primary, by the window that is asked about */
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

    it("when the window of its checks was longer than a step: it is asked about what it answered since", () => {
      const { story, windows } = promoted(() => ({ kind: "value", value: 50 }));
      story.run(60);
      expect(windows).toEqual(["15s", "30s"]);
      expect(story.status).toMatchObject({ phase: "Failed", promotedSpec: "v1" });
    });

    it("when its values came late: they are waited for, until a whole window without any says that nobody asks", () => {
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

    it("when it failed its checks, and then nothing was heard of it any more", () => {
      const heard: Answer[] = [{ kind: "value", value: 0 }];
      const { story } = promoted(() => heard.shift() ?? { kind: "no-data", message: "no values found" });
      story.run(120);
      expect(story.status).toMatchObject({ phase: "Failed", promotedSpec: "v1" });
    });

    it("when nobody could say how it does: that is a failed check", () => {
      const { story } = promoted(() => ({ kind: "error", message: "Prometheus query failed" }));
      story.run(60);
      expect(story.status).toMatchObject({ phase: "Failed", promotedSpec: "v1" });
    });

    it("when its routes were not in force: the step is held anew", () => {
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

    it("without our memory only what is sure is asked about, and nothing is waited for without end", () => {
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

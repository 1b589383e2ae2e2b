import { describe, expect, it } from "vitest";
import { tell } from "../testing/story.ts";

const METRICS = [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "1m" }];

describe("a progressive canary", () => {
  it("goes up step by step and is promoted", () => {
    const story = tell({ analysis: { metrics: METRICS } });
    story.world.answer = (probe) => (probe.kind === "metric" ? { kind: "value", value: 100 } : { kind: "passed" });
    story.run(60);
    story.world.revision = { spec: "v2" };
    story.run(300);
    expect(story.timeline).toMatchInlineSnapshot(`
      [
        "0s Initialized 100/0 all the metrics providers are available!",
        "0s Initialized 100/0 Initialization done! podinfo.test",
        "60s Progressing 100/0 New revision detected! Scaling up podinfo.test",
        "60s Progressing 90/10 Starting canary analysis for podinfo.test",
        "60s Progressing 90/10 Advance podinfo.test canary weight 10",
        "75s Progressing 80/20 Advance podinfo.test canary weight 20",
        "90s Progressing 70/30 Advance podinfo.test canary weight 30",
        "105s Progressing 60/40 Advance podinfo.test canary weight 40",
        "120s Progressing 50/50 Advance podinfo.test canary weight 50",
        "135s Promoting 50/50 Copying podinfo.test template spec to podinfo-primary.test",
        "135s Finalising 100/0 Routing all traffic to primary",
        "138s Succeeded 100/0 Promotion completed! Scaling down podinfo.test",
      ]
    `);
    expect(story.status).toMatchObject({ phase: "Succeeded", canaryWeight: 0, failedChecks: 0, promotedSpec: "v2" });
  });

  it("is rolled back in the turn in which the failed checks reach the threshold", () => {
    const story = tell({ analysis: { metrics: METRICS, threshold: 2 } });
    story.run(60);
    story.world.answer = (probe) => (probe.kind === "metric" ? { kind: "value", value: 50 } : { kind: "passed" });
    story.world.revision = { spec: "v2" };
    story.run(300);
    expect(story.timeline.slice(2)).toMatchInlineSnapshot(`
      [
        "60s Progressing 100/0 New revision detected! Scaling up podinfo.test",
        "60s Progressing 90/10 Starting canary analysis for podinfo.test",
        "60s Progressing 90/10 Advance podinfo.test canary weight 10",
        "75s Progressing 90/10 Halt podinfo.test advancement success rate 50.00% < 99%",
        "90s Failed 100/0 Halt podinfo.test advancement success rate 50.00% < 99%",
        "90s Failed 100/0 Rolling back podinfo.test failed checks threshold reached 2",
        "90s Failed 100/0 Canary failed! Scaling down podinfo.test",
      ]
    `);
    expect(story.status).toMatchObject({ phase: "Failed", canaryWeight: 0, promotedSpec: "v1" });
  });
});

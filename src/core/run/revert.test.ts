import { describe, expect, it } from "vitest";
import { type Story, tell } from "../../testing/story.ts";
import type { Revision } from "../status/canary.ts";

const HOOK = (type: string) => ({ name: type, type, url: "http://hook/" });
const ONE: Revision = { spec: "v1", configs: { "configmap/a": "1" } };
const TWO: Revision = { spec: "v2", configs: { "configmap/a": "2" } };

/** A run of the second revision, with 20 % of the users. */
function running(analysis: Readonly<Record<string, unknown>> = {}, two = TWO): Story {
  const story = tell({ analysis });
  story.world.revision = ONE;
  story.run(60);
  story.world.revision = two;
  story.run(20);
  return story;
}

const since = (story: Story, second: number) =>
  story.timeline.filter((line) => Number.parseInt(line, 10) >= second).map((line) => line.replace(/^\S+ /, ""));

describe("a target that is reverted to the promoted revision", () => {
  it("ends the run at once, with all traffic on the primary", () => {
    const story = running();
    expect(story.status).toMatchObject({ phase: "Progressing", canaryWeight: 20 });
    let copies = 0;
    story.world.onPromoted = () => {
      copies += 1;
    };
    story.world.revision = ONE;
    story.run(300);
    expect(since(story, 80)).toEqual([
      "Succeeded 100/0 podinfo.test was reverted to the promoted revision! Routing all traffic to podinfo-primary.test",
    ]);
    expect(story.alerts.at(-1)).toBe("info Target reverted to the promoted revision, canary analysis ended.");
    expect(copies).toBe(0);
    expect(story.status).toMatchObject({ phase: "Succeeded", promotedSpec: "v1", applied: ONE, canaryWeight: 0 });
    expect(story.status.conditions[0]?.message).toBe("Target reverted to the promoted revision, nothing was promoted.");
  });

  it("keeps its pods until the routes are known everywhere", () => {
    const story = running();
    story.world.revision = ONE;
    story.run(1);
    expect(story.status).toMatchObject({ phase: "Succeeded", drain: { kind: "until", at: story.now - 1_000 + 3_000 } });
    story.run(10);
    expect(story.status).toMatchObject({ phase: "Succeeded", drain: { kind: "none" } });
  });

  it.each([
    ["at a step behind a closed gate", { webhooks: [HOOK("confirm-traffic-increase")] }, "Progressing"],
    [
      "before the promotion is approved of",
      { stepWeights: [50], webhooks: [HOOK("confirm-promotion")] },
      "WaitingPromotion",
    ],
    ["before the release is approved of", { webhooks: [HOOK("confirm-rollout")] }, "Waiting"],
  ])("ends what waits %s", (_, analysis, phase) => {
    const story = tell({ analysis });
    story.world.revision = ONE;
    story.run(60);
    story.world.answer = (probe) => (probe.kind === "hook" ? { kind: "refused", detail: "no" } : { kind: "passed" });
    story.world.revision = TWO;
    story.run(40);
    expect(story.status.phase).toBe(phase);
    story.world.revision = ONE;
    story.run(100);
    expect(story.status).toMatchObject({ phase: "Succeeded", promotedSpec: "v1", applied: ONE });
    story.world.answer = () => ({ kind: "passed" });
    story.run(100);
    expect(since(story, 101).filter((line) => line.includes("New revision"))).toEqual([]);
  });

  it("while a failed revision waited for another try leads back to Failed, not to Succeeded", () => {
    const story = tell({ analysis: { threshold: 1, webhooks: [HOOK("rollback"), HOOK("confirm-rollout")] } });
    story.world.revision = ONE;
    story.run(60);
    story.world.revision = TWO;
    story.run(60);
    expect(story.status.phase).toBe("Failed");
    story.world.answer = () => ({ kind: "refused", detail: "no" });
    story.world.revision = { spec: "v3" };
    story.run(5);
    expect(story.status.phase).toBe("Waiting");
    story.world.revision = TWO;
    story.run(100);
    expect(story.status).toMatchObject({ phase: "Failed", promotedSpec: "v1", applied: TWO });
  });

  it("pays the post-rollout hooks, and no event speaks of a promotion", () => {
    const story = running({ webhooks: [HOOK("post-rollout")] });
    story.world.revision = ONE;
    story.run(100);
    expect(story.asked.at(-1)).toBe("post-rollout post-rollout");
    expect(story.timeline.some((line) => line.includes("Promotion completed") || line.includes("Copying"))).toBe(false);
  });

  it("but with the configuration of the run is another revision: the analysis restarts at once, and does not climb twice", () => {
    const story = running();
    story.world.revision = { ...ONE, configs: TWO.configs ?? {} };
    story.run(1);
    expect(since(story, 80)[0]).toContain("Restarting analysis");
    story.run(300);
    expect(story.timeline.filter((line) => line.includes("canary weight 50"))).toHaveLength(1);
    expect(story.status).toMatchObject({ phase: "Succeeded", promotedSpec: "v1" });
  });

  it("after its copy was made is a release of its own: what was tested is promoted first", () => {
    const story = running({ stepWeights: [50], stepWeightPromotion: 25 }, { spec: "v2" });
    expect(story.status.phase).toBe("Promoting");
    story.world.revision = { spec: "v1" };
    story.run(300);
    expect(story.timeline.filter((line) => line.includes("Scaling up podinfo.test"))).toHaveLength(2);
    expect(story.status).toMatchObject({ phase: "Succeeded", promotedSpec: "v1" });
  });
});

/** The API server's clock was hours ahead when the status was written, and is right again. */
import { describe, expect, it } from "vitest";
import { type Story, tell } from "../../testing/story.ts";

const HOURS = 2 * 3_600_000;

function released(): Story {
  const story = tell({ analysis: { interval: "30s", stepWeights: [50] } });
  story.run(60);
  story.world.revision = { spec: "v2" };
  return story;
}

describe("a clock that is set back by hours", () => {
  it.each([
    ["Progressing", 0],
    ["Finalising", 30],
  ])("in %s ends the wait after its time", (phase, seconds) => {
    const story = released();
    story.run(seconds);
    expect(story.status.phase).toBe(phase);
    story.now -= HOURS;
    story.run(120);
    expect(story.status).toMatchObject({ phase: "Succeeded", drain: { kind: "none" } });
  });

  it("lets a workload that drains go", () => {
    const story = tell({ analysis: { interval: "30s", stepWeights: [50] } });
    story.run(1);
    expect(story.status).toMatchObject({ phase: "Initialized", drain: { kind: "until" } });
    story.now -= HOURS;
    story.run(10);
    expect(story.status).toMatchObject({ drain: { kind: "none" } });
  });

  it("forgets when routes were written, and says that pods are not ready", () => {
    const story = released();
    story.world.canary = { kind: "progressing", detail: "canary not ready: waiting" };
    story.run(1);
    story.world.routesSince = story.now;
    story.now -= HOURS;
    story.run(1);
    expect(story.timeline.at(-1)).toContain("not ready");
    story.world.canary = { kind: "ready" };
    story.run(120);
    expect(story.status.phase).toBe("Succeeded");
  });

  it("does not put off the restart for a newer revision", () => {
    const story = released();
    story.run(1);
    story.world.revision = { spec: "v3" };
    story.run(1);
    story.now -= HOURS;
    story.world.revision = { spec: "v4" };
    story.run(120);
    expect(story.status.phase).toBe("Succeeded");
    expect(story.status.promotedSpec).toBe("v4");
  });
});

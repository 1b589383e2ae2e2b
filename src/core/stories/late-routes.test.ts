/** A busy API server takes seconds to write routes. What waits for routes counts from when they were written. */
import { describe, expect, it } from "vitest";
import { released, type Story } from "../../testing/story.ts";
import type { Probe } from "../turn/observation.ts";

const SECOND = 1000;

/** The turn that the story just took decided about routes, and they are written `seconds` later. */
function written(story: Story, seconds: number): void {
  story.world.routesSince = story.now + seconds * SECOND;
  story.now = story.world.routesSince;
}

const timeOf = ({ timeline }: Story, text: string) => timeline.find((line) => line.includes(text))?.split(" ")[0];

describe("a step whose routes are written late", () => {
  it.each([
    [0, "75s"],
    [0.5, "75s"],
    [4, "78.25s"],
    [20, "94.25s"],
  ])("by %d s is judged after an interval of its routes, but for a twentieth", (late, judged) => {
    const story = released({ analysis: { interval: "15s", stepWeights: [10, 20] } });
    story.run(0);
    written(story, late);
    story.run(30);
    expect(timeOf(story, "canary weight 20")).toBe(judged);
  });

  it("and whose metrics were not asked before", () => {
    const story = released({
      analysis: { interval: "15s", stepWeights: [10, 20], metrics: [{ name: "m", query: "q", threshold: 1 }] },
    });
    const asked: number[] = [];
    story.world.answer = (probe: Probe, now: number) => {
      if (probe.kind === "metric") asked.push(now);
      return { kind: "passed" };
    };
    story.run(0);
    written(story, 4);
    const since = story.now;
    story.run(20);
    expect(asked).toEqual([since + 14.25 * SECOND]);
  });
});

describe("a workload that lost its traffic late", () => {
  it("is kept until every proxy knows, after a promotion", () => {
    const story = released({ analysis: { interval: "30s", stepWeights: [50] } });
    story.run(30);
    expect(story.status.phase).toBe("Finalising");
    written(story, 6);
    story.run(30);
    expect(timeOf(story, "Promotion completed!")).toBe("100.75s");
  });

  it("is kept until every proxy knows, after a rollback", () => {
    const metrics = [{ name: "m", query: "q", threshold: 1 }];
    const story = released({ analysis: { interval: "30s", stepWeights: [50], threshold: 1, metrics } });
    story.world.answer = (probe: Probe) =>
      probe.kind === "metric" ? { kind: "value", value: 99, of: "m" } : { kind: "passed" };
    story.run(30);
    expect(story.status).toMatchObject({ phase: "Failed", drain: { kind: "until" } });
    written(story, 6);
    const since = story.now;
    story.run(4);
    expect(story.status).toMatchObject({ phase: "Failed", drain: { kind: "until" } });
    story.run(1);
    expect(story.status).toMatchObject({ phase: "Failed", drain: { kind: "none" } });
    expect(story.turns.at(-1)?.input.now).toBeLessThanOrEqual(since + 5 * SECOND);
  });
});

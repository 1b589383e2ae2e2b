/** Every rollout waits for pods for a moment. Only a wait that lasts is announced (ADR 0019). */
import { describe, expect, it } from "vitest";
import { type Story, tell } from "../../testing/story.ts";
import type { Readiness } from "../turn/observation.ts";

const pods = (which: string, text = "0 of 1 updated replicas are available"): Readiness => ({
  kind: "progressing",
  detail: `${which} not ready: waiting for rollout to finish: ${text}`,
  progress: text,
});

function initialised(interval: string, spec: object = {}): Story {
  const story = tell({ analysis: { interval, stepWeights: [50] }, ...spec });
  story.run(60);
  story.timeline.length = 0;
  return story;
}

/** Releases v2, whose pods do not get ready. */
function released(interval: string, spec: object = {}): Story {
  const story = initialised(interval, spec);
  story.world.canary = pods("canary");
  story.world.revision = { spec: "v2" };
  return story;
}

const warnings = ({ timeline }: Story) => timeline.filter((line) => line.includes("not ready"));

describe("pods of the canary that start", () => {
  it("within the interval are not said, and the wait writes no status", () => {
    const story = released("15s");
    story.run(1);
    const { status } = story;
    story.run(13);
    expect(story.status).toBe(status);
    story.world.canary = { kind: "ready" };
    story.run(60);
    expect(story.status.phase).toBe("Succeeded");
    expect(warnings(story)).toEqual([]);
  });

  it.each([
    ["15s", {}, 15],
    ["10m", {}, 60],
    ["1m", { spec: { progressDeadlineSeconds: 60 } }, 30],
  ])("and take longer are announced once: interval %s, %o, after %d s", (interval, spec, seconds) => {
    const story = released(interval, spec);
    story.run(300);
    expect(warnings(story)).toEqual([
      `${60 + seconds}s Progressing 100/0 canary not ready: waiting for rollout to finish: 0 of 1 updated replicas are available`,
    ]);
  });

  it("are announced as their number changes, once the wait lasts", () => {
    const story = released("15s");
    story.run(5);
    story.world.canary = pods("canary", "1 of 3 updated replicas are available");
    story.run(20);
    story.world.canary = pods("canary", "2 of 3 updated replicas are available");
    story.run(20);
    expect(warnings(story).map((line) => line.split(" ")[0])).toEqual(["75s", "85s"]);
  });

  it("and are lost for a moment in the middle of a step are not said before the step is judged", () => {
    const story = released("15s");
    story.world.canary = { kind: "ready" };
    story.run(5);
    story.world.canary = pods("canary");
    story.run(5);
    story.world.canary = { kind: "ready" };
    story.run(60);
    expect(story.status.phase).toBe("Succeeded");
    expect(warnings(story)).toEqual([]);
  });
});

describe("a primary that takes over", () => {
  it("is announced as awaited at once, and as not ready only when the wait lasts", () => {
    const story = released("15s");
    story.world.canary = { kind: "ready" };
    story.world.onPromoted = () => {
      story.world.primary = pods("podinfo-primary.test");
    };
    story.run(80);
    expect(story.status.phase).toBe("Promoting");
    expect(story.timeline.slice(-2)).toEqual([
      "75s Promoting 50/50 Waiting for podinfo-primary.test rollout to finish: 0 of 1 updated replicas are available",
      "90s Promoting 50/50 podinfo-primary.test not ready: waiting for rollout to finish: 0 of 1 updated replicas are available",
    ]);
  });
});

describe("a primary that is made", () => {
  it("is not said to be not ready while it starts, and the metric servers are asked once", () => {
    const story = tell({ analysis: { interval: "15s", metrics: [{ name: "m", query: "q", threshold: 1 }] } });
    story.world.primary = pods("podinfo-primary.test");
    story.run(10);
    story.world.primary = pods("podinfo-primary.test", "1 of 2 updated replicas are available");
    story.run(4);
    story.world.primary = { kind: "ready" };
    story.run(60);
    expect(story.status.phase).toBe("Initialized");
    expect(story.asked.filter((probe) => probe === "metric-servers")).toHaveLength(1);
    expect(story.timeline.map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
      "0s Initializing",
      "14s Initialized",
    ]);
  });
});

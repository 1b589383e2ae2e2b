import { expect, it } from "vitest";
import { type Story, tell } from "../../testing/story.ts";
import { fromWire, toWire } from "../status/status.ts";

/** On its first step, with 10 % of the users. */
function running(): Story {
  const story = tell();
  story.run(60);
  story.world.revision = { spec: "v2", configs: { "configmap/a": "1" } };
  story.run(5);
  expect(story.status).toMatchObject({ phase: "Progressing", step: 1, canaryWeight: 10 });
  return story;
}

const restartsIn = ({ timeline }: Story) => timeline.filter((line) => line.includes("Restarting analysis"));

it("a newer revision restarts the analysis at once", () => {
  const story = running();
  story.world.revision = { spec: "v3" };
  story.run(1);
  expect(restartsIn(story)).toEqual([
    "65s Progressing 100/0 New revision detected! Restarting analysis for podinfo.test",
  ]);
});

it("revisions that follow faster than an interval restart it once in an interval, which is announced once", () => {
  const story = running();
  for (let second = 0; second < 46; second += 1) {
    story.world.revision = { spec: `v${3 + second}` };
    story.run(1);
    if (second > 0 && second % 15 !== 14) expect(story.status.canaryWeight).toBe(0);
  }
  story.run(200);
  expect(restartsIn(story).map((line) => line.split(" ")[0])).toEqual(["65s", "80s", "95s", "110s", "125s"]);
  expect(story.timeline.filter((line) => line.includes("The next restart"))).toEqual([
    "66s Progressing 100/0 The next restart of the analysis for podinfo.test waits 14 s: the revision changed again within one interval",
  ]);
  expect(story.status).toMatchObject({ phase: "Succeeded", promotedSpec: "v48" });
  expect(story.status.restarted).toBeUndefined();
});

it("a record that does not stay as it was written restarts it once in an interval, and the cause is named", () => {
  const story = running();
  story.world.revision = { spec: "v3", configs: {} };
  for (let second = 0; second < 40; second += 1) {
    story.run(1);
    // Another writer restores a field that a patch removed from the status.
    const { aviary, ...wire } = toWire(story.status);
    const kept = { ...wire, trackedConfigs: { "configmap/a": "1" }, ...(aviary === undefined ? {} : { aviary }) };
    const hints = { intervalMs: 15_000, iterations: 0, weights: [10, 20, 30, 40, 50], mirror: false };
    story.status = fromWire(kept, hints);
  }
  expect(restartsIn(story).map((line) => line.split(" ")[0])).toEqual(["65s", "80s", "95s"]);
  expect(story.timeline.filter((line) => line.includes("The next restart"))).toEqual([
    "66s Progressing 100/0 The next restart of the analysis for podinfo.test waits 14 s: it was restarted for this very " +
      "revision before, what is recorded in the status does not stay as written",
  ]);
});

it("a target that is back at the revision of the run when the time comes goes on with it", () => {
  const story = running();
  story.world.revision = { spec: "v3" };
  story.run(3);
  story.world.revision = { spec: "v4" };
  story.run(3);
  story.world.revision = { spec: "v3" };
  story.run(300);
  expect(restartsIn(story)).toHaveLength(1);
  expect(story.status).toMatchObject({ phase: "Succeeded", promotedSpec: "v3" });
});

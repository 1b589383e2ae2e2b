import { expect, it } from "vitest";
import { tell } from "../../testing/story.ts";
import type { Readiness } from "../turn/observation.ts";

const STUCK: Readiness = { kind: "stuck", detail: "canary deployment podinfo.test not ready: deadline" };
const GONE = "HorizontalPodAutoscaler podinfo.test get query error; the rollout goes on without the autoscaler";

it("a rollout goes on with a warning, which is announced once, and again when it comes back", () => {
  const story = tell({ analysis: { stepWeights: [50] } });
  story.run(60);
  story.world.revision = { spec: "v2" };
  story.run(5);
  story.world.warning = GONE;
  story.run(5);
  story.run(2);
  expect(story.status.warned).toBe(GONE);
  story.world.warning = undefined;
  story.run(1);
  expect(story.status.warned).toBeUndefined();
  story.world.warning = GONE;
  story.run(60);
  expect(story.timeline.filter((line) => line.includes(GONE))).toHaveLength(2);
  expect(story.status).toMatchObject({ phase: "Succeeded", promotedSpec: "v2" });
});

it("a run whose pods cannot start ends with the reason of the pods in its cause; the event keeps Flagger's text", () => {
  const story = tell({ analysis: { stepWeights: [50] } });
  story.run(60);
  story.world.revision = { spec: "v2" };
  story.world.trouble = "canary pods cannot start: ImagePullBackOff ghcr.io/x:y";
  story.world.canary = STUCK;
  story.run(30);
  expect(story.status).toMatchObject({
    phase: "Failed",
    cause: { kind: "deadline", detail: `${STUCK.detail}; canary pods cannot start: ImagePullBackOff ghcr.io/x:y` },
  });
  expect(story.timeline.join("\n")).not.toContain("ImagePullBackOff");
});

it("a deletion whose target cannot serve says what ends it, once, and gives the traffic back when the target can", () => {
  const story = tell({ spec: { revertOnDeletion: true } });
  story.run(60);
  story.world.canary = STUCK;
  story.world.canaryAvailable = 0;
  story.world.deleting = true;
  story.run(600);
  expect(story.status).toMatchObject({ phase: "Terminating", handedBack: false });
  const said = story.timeline.filter((line) => line.includes("spec.revertOnDeletion to false"));
  expect(said).toHaveLength(1);
  expect(story.alerts.at(-1)).toContain("error Deletion waits, the target is not ready");
  story.world.canary = { kind: "ready" };
  story.world.canaryAvailable = 1;
  story.run(10);
  expect(story.status).toMatchObject({ phase: "Terminating", handedBack: true });
});

/** Gates that people open and close at the load tester, while users send requests. */
import { describe, it } from "vitest";
import { RESOURCES } from "../../../src/ports/kubernetes.ts";
import { GOOD, gate } from "./manifests.ts";
import { KILLED_BY_STORY, type StoryRun } from "./story-run.ts";

const DEPLOYMENT = RESOURCES.deployment;
const STARTED = "Starting canary analysis for podinfo";
const NEW = "New revision detected! Scaling up podinfo";
const LOADED = ["Pre-rollout check load-start passed", "Pre-rollout check warm-up passed"];
const PROMOTED = [
  "Copying podinfo template spec to podinfo-primary",
  "Routing all traffic to primary",
  "Promotion completed! Scaling down podinfo",
];
const UNHARMED = { dropped: [], injected: 0, failedByPrimary: 0 };

/** Each story runs twice: withoutKills, and with the operator killed. */
export function gates(run: StoryRun): void {
  const { further } = run;
  describe.concurrent("a gate", () => {
    it("holds the rollout and every increase of the traffic until it is opened", async ({ expect }) => {
      const story = await run.stage(
        "increase",
        {
          analysis: { stepWeights: [60] },
          hooks: [gate("confirm-rollout", "/gate/check"), gate("confirm-traffic-increase", "/gate/check")],
        },
        KILLED_BY_STORY,
      );
      await story.release(GOOD);
      await story.heard(/waiting for approval confirm-rollout/);
      expect(story.routes()).toEqual(["100/0"]);
      await story.turn("gate", "open");
      await story.untilPhase("Progressing");
      await story.turn("gate", "close");
      await story.heard(/waiting for traffic increase approval/);
      await run.kill("increase");
      expect(story.routes()).toEqual(["100/0"]);
      await story.turn("gate", "open");
      const { dropped, injected, failedByPrimary } = await story.end("Succeeded");
      run.said(expect, story.timeline(), [
        "Halt podinfo advancement waiting for approval confirm-rollout",
        "Confirm-rollout check confirm-rollout passed",
        NEW,
        STARTED,
        ...LOADED,
        "Halt podinfo advancement waiting for traffic increase approval confirm-traffic-increase",
        "Confirm-traffic-increase check confirm-traffic-increase passed",
        "Advance podinfo canary weight 60",
        "Confirm-traffic-increase check confirm-traffic-increase passed",
        ...PROMOTED,
      ]);
      expect(story.routes()).toEqual(["100/0", "40/60", "100/0"]);
      expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
    });

    further("holds the promotion until it is opened", async ({ expect }) => {
      const story = await run.stage(
        "promotion",
        {
          analysis: { stepWeights: [60] },
          hooks: [gate("confirm-promotion", "/gate/check")],
        },
        ["WaitingPromotion"],
      );
      await story.release(GOOD);
      await story.untilPhase("WaitingPromotion");
      const sofar = story.users.answers.length;
      await story.users.until("the canary while it waits", (answers) => answers.length > sofar + 20);
      expect(story.get({ type: DEPLOYMENT, name: "podinfo-primary" })?.spec.template.spec.containers[0].image).toMatch(
        /:6\.0\.0$/,
      );
      await story.turn("gate", "open");
      const { dropped, injected, failedByPrimary } = await story.end("Succeeded");
      run.said(expect, story.timeline(), [
        NEW,
        STARTED,
        ...LOADED,
        "Advance podinfo canary weight 60",
        "Halt podinfo advancement waiting for promotion approval confirm-promotion",
        "Confirm-promotion check confirm-promotion passed",
        ...PROMOTED,
      ]);
      expect(story.routes()).toEqual(["100/0", "40/60", "100/0"]);
      expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
    });

    it("of type rollback rolls back a good revision", async ({ expect }) => {
      const story = await run.stage(
        "rollback",
        {
          analysis: { stepWeights: [40, 80] },
          hooks: [gate("rollback", "/rollback/check")],
        },
        KILLED_BY_STORY,
      );
      await story.release(GOOD);
      await story.untilWeight(40);
      await story.turn("rollback", "open");
      await run.kill("rollback");
      const { dropped, injected, failedByPrimary } = await story.end("Failed");
      run.said(expect, story.timeline(), [
        NEW,
        "Rollback hook rollback not signaling a rollback",
        STARTED,
        ...LOADED,
        "Advance podinfo canary weight 40",
        "Rollback check rollback passed",
        "Rolling back podinfo manual webhook invoked",
        "Canary failed! Scaling down podinfo",
      ]);
      expect(story.routes()).toEqual(["100/0", "60/40", "100/0"]);
      expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
    });
  });

  describe.concurrent("a canary that turns bad", () => {
    const analysis = { stepWeights: [40, 80], threshold: 6 };

    it("while the traffic waits for approval is rolled back", async ({ expect }) => {
      const story = await run.stage(
        "bad-traffic",
        {
          analysis,
          hooks: [gate("confirm-traffic-increase", "/gate/check")],
        },
        KILLED_BY_STORY,
      );
      await story.turn("gate", "open");
      await story.release(GOOD);
      await story.untilWeight(40);
      await story.turn("gate", "close");
      await story.heard(/waiting for traffic increase approval/);
      await run.kill("bad-traffic");
      await story.breakPods("podinfo");
      const { dropped, failedByPrimary } = await story.end("Failed");
      run.said(expect, story.timeline(), [
        NEW,
        STARTED,
        ...LOADED,
        "Confirm-traffic-increase check confirm-traffic-increase passed",
        "Advance podinfo canary weight 40",
        "Halt podinfo advancement waiting for traffic increase approval confirm-traffic-increase",
        "Halt podinfo advancement success rate N < 99%",
        "Rolling back podinfo failed checks threshold reached 6",
        "Canary failed! Scaling down podinfo",
      ]);
      expect({ dropped, failedByPrimary }).toEqual({ dropped: [], failedByPrimary: 0 });
    });

    further("while its promotion waits for approval is rolled back", async ({ expect }) => {
      const story = await run.stage(
        "bad-promotion",
        {
          analysis: { ...analysis, stepWeights: [40] },
          hooks: [gate("confirm-promotion", "/gate/check")],
        },
        ["WaitingPromotion"],
      );
      await story.release(GOOD);
      await story.untilPhase("WaitingPromotion");
      await story.breakPods("podinfo");
      const { dropped, failedByPrimary } = await story.end("Failed");
      run.said(expect, story.timeline(), [
        NEW,
        STARTED,
        ...LOADED,
        "Advance podinfo canary weight 40",
        "Halt podinfo advancement waiting for promotion approval confirm-promotion",
        "Halt podinfo advancement success rate N < 99%",
        "Rolling back podinfo failed checks threshold reached 6",
        "Canary failed! Scaling down podinfo",
      ]);
      expect(story.routes()).toEqual(["100/0", "60/40", "100/0"]);
      expect({ dropped, failedByPrimary }).toEqual({ dropped: [], failedByPrimary: 0 });
    });
  });
}

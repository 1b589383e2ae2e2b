/** Progressive releases under traffic: a good and a bad revision of each kind. */
import { describe, it } from "vitest";
import { BAD, checks } from "./manifests.ts";
import type { StoryRun } from "./story-run.ts";

/** Each story runs twice: withoutKills, and with the operator killed. */
export function canaries(run: StoryRun): void {
  const { further } = run;
  describe.concurrent("a progressive canary", () => {
    it("of a good revision goes up step by step and is promoted", async ({ expect }) => {
      const story = await run.stage("good", { analysis: { stepWeights: [30, 60] } });
      await story.release({ version: "6.0.1" });
      const { dropped, injected, failedByPrimary, versions } = await story.end("Succeeded");
      run.said(expect, story.timeline(), [
        "New revision detected! Scaling up podinfo",
        "Starting canary analysis for podinfo",
        "Pre-rollout check load-start passed",
        "Pre-rollout check warm-up passed",
        "Advance podinfo canary weight 30",
        "Advance podinfo canary weight 60",
        "Copying podinfo template spec to podinfo-primary",
        "Routing all traffic to primary",
        "Promotion completed! Scaling down podinfo",
      ]);
      expect(story.routes()).toEqual(["100/0", "70/30", "40/60", "100/0"]);
      expect({ dropped, injected, failedByPrimary }).toEqual({ dropped: [], injected: 0, failedByPrimary: 0 });
      expect(versions).toEqual({ "6.0.0": expect.any(Number), "6.0.1": expect.any(Number) });
    });

    it("of a revision that fails requests is rolled back", async ({ expect }) => {
      const story = await run.stage("errors", { analysis: { stepWeights: [30, 60], threshold: 6 } });
      await story.release(BAD);
      const { dropped, failedByPrimary } = await story.end("Failed");
      run.said(expect, story.timeline(), [
        "New revision detected! Scaling up podinfo",
        "Starting canary analysis for podinfo",
        "Pre-rollout check load-start passed",
        "Pre-rollout check warm-up passed",
        "Advance podinfo canary weight 30",
        "Halt podinfo advancement success rate N < 99%",
        "Rolling back podinfo failed checks threshold reached 6",
        "Canary failed! Scaling down podinfo",
      ]);
      expect(story.routes()).toEqual(["100/0", "70/30", "100/0"]);
      expect({ dropped, failedByPrimary }).toEqual({ dropped: [], failedByPrimary: 0 });
    });

    further("of a revision that answers late is rolled back", async ({ expect }) => {
      const story = await run.stage("delays", {
        analysis: { stepWeights: [30, 60], threshold: 6, metrics: checks(1_500) },
      });
      const flags = ["--random-delay", "--random-delay-min=2000", "--random-delay-max=2400", "--random-delay-unit=ms"];
      await story.release({ version: "6.0.1", flags });
      const { dropped, injected, failedByPrimary } = await story.end("Failed");
      // On a busy machine the first check may come before the first late answer: then the run halts without values.
      run.said(
        expect,
        story.timeline().filter((line) => !line.startsWith("Halt")),
        [
          "New revision detected! Scaling up podinfo",
          "Starting canary analysis for podinfo",
          "Pre-rollout check load-start passed",
          "Pre-rollout check warm-up passed",
          "Advance podinfo canary weight 30",
          "Rolling back podinfo failed checks threshold reached 6",
          "Canary failed! Scaling down podinfo",
        ],
      );
      expect(story.routes().at(-1)).toBe("100/0");
      expect({ dropped, injected, failedByPrimary }).toEqual({ dropped: [], injected: 0, failedByPrimary: 0 });
    });

    further.for([
      ["crashes", "--no-such-flag"],
      ["unready", "--unready"],
    ] as const)("of a revision that %s at its start never gets a request", async ([name, flag], { expect }) => {
      const story = await run.stage(name, {
        analysis: { stepWeights: [30, 60] },
        spec: { progressDeadlineSeconds: 3 },
      });
      await story.release({ version: "6.0.1", flags: [flag] });
      const { dropped, failedByPrimary, versions } = await story.end("Failed");
      run.said(expect, story.timeline(), [
        "New revision detected! Scaling up podinfo",
        "Canary failed! Scaling down podinfo",
      ]);
      expect(story.routes()).toEqual(["100/0"]);
      expect({ dropped, failedByPrimary }).toEqual({ dropped: [], failedByPrimary: 0 });
      expect(versions).toEqual({ "6.0.0": expect.any(Number) });
    });
  });
}

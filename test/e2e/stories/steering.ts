/** People steer a rollout through CanaryActions while users send requests; every run leaves a record. */
import { describe, it } from "vitest";
import { type KubeFields, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { STEERING } from "../../../src/ports/steering.ts";
import { steer } from "./steer.ts";
import type { StoryRun } from "./story-run.ts";

export function steering(run: StoryRun): void {
  describe.concurrent("a person", () => {
    it("pauses a run, which keeps its weight, and aborts it; the record says who and why", async ({ expect }) => {
      const name = "steered";
      const story = await run.stage(name, { analysis: { stepWeights: [40, 80] } });
      await story.release({ version: "6.0.1" });
      await story.untilWeight(40);
      expect(await steer(run.fixture, name, "hold", { verb: "pause", reason: "watching" })).toMatchObject({
        phase: "Applied",
        message: "paused at 40 %, checks go on",
      });
      expect(await steer(run.fixture, name, "stale", { verb: "promote", expect: { step: 7 } })).toMatchObject({
        phase: "Refused",
      });
      expect(await steer(run.fixture, name, "stop", { verb: "abort", reason: "wrong image" })).toMatchObject({
        phase: "Applied",
      });
      const ref = { type: RESOURCES.canary, namespace: name, name: "podinfo" };
      const failed = await run.fixture.until(ref, "rolled back", (found) => found?.["status"]?.phase === "Failed");
      const id = failed["status"].aviary.run.id;
      const recorded = (found: KubeFields) => found?.status?.verdict === "rolled-back";
      const record = await run.fixture.until({ type: STEERING.run, namespace: name, name: id }, "recorded", recorded);
      expect(record["status"]).toMatchObject({
        sentence: 'Aborted at step 1 of 2 (40 %) by alice: "wrong image".',
        people: [
          { verb: "pause", outcome: "applied" },
          { verb: "promote", outcome: "refused" },
          { verb: "abort", outcome: "applied" },
        ],
      });
    });
  });
}

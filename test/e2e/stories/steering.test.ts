/** People steer a rollout through CanaryActions while users send requests; every run leaves a record. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type KubeFields, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { STEERING } from "../../../src/ports/steering.ts";
import { type Fixture, startFixture } from "./fixture.ts";
import { steer } from "./steer.ts";
import { stage } from "./story.ts";

let fixture: Fixture;

beforeAll(async () => {
  fixture = await startFixture();
});

afterAll(() => fixture.stop());

describe("a person", () => {
  it("pauses a run, which keeps its weight, and aborts it; the record says who and why", async () => {
    const name = "steered";
    const story = await stage(fixture, name, { analysis: { stepWeights: [40, 80] } });
    await story.release({ version: "6.0.1" });
    await story.untilWeight(40);
    expect(await steer(fixture, name, "hold", { verb: "pause", reason: "watching" })).toMatchObject({
      phase: "Applied",
      message: "paused at 40 %, checks go on",
    });
    expect(await steer(fixture, name, "stale", { verb: "promote", expect: { step: 7 } })).toMatchObject({
      phase: "Refused",
    });
    expect(await steer(fixture, name, "stop", { verb: "abort", reason: "wrong image" })).toMatchObject({
      phase: "Applied",
    });
    const ref = { type: RESOURCES.canary, namespace: name, name: "podinfo" };
    const failed = await fixture.until(ref, "rolled back", (found) => found?.["status"]?.phase === "Failed");
    const id = failed["status"].aviary.run.id;
    const recorded = (found: KubeFields) => found?.status?.verdict === "rolled-back";
    const run = await fixture.until({ type: STEERING.run, namespace: name, name: id }, "recorded", recorded);
    expect(run["status"]).toMatchObject({
      sentence: 'Aborted at step 1 of 2 (40 %) by alice: "wrong image".',
      people: [
        { verb: "pause", outcome: "applied" },
        { verb: "promote", outcome: "refused" },
        { verb: "abort", outcome: "applied" },
      ],
    });
  });
});

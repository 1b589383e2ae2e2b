/** A Knative Service: Knative keeps every revision and splits the requests; Aviary sets the split. */
import { describe, it } from "vitest";
import { type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { BAD, GOOD, knativeService } from "./manifests.ts";
import type { Story } from "./story.ts";
import { KILLED_BY_STORY, type StoryRun } from "./story-run.ts";
import { BEGUN, IMPATIENT, PROMOTED, STEPS, TAKEN_BACK, UP } from "./two-steps.ts";

const NOTHING: KubeObject = { apiVersion: "", kind: "", metadata: { name: "" } };

/** Only users send requests, so there are no load tests to pass. */
const NOTICED = BEGUN.filter((line) => !line.startsWith("Pre-rollout"));

const plot = (namespace: string) => ({
  kind: "Service",
  apiVersion: "serving.knative.dev/v1",
  target: [knativeService(namespace, { version: "6.0.0" })],
  spec: { provider: "knative", service: undefined },
  load: 0,
  requestsPerSecond: 20,
  // The consequences of the last status are written after it, possibly by the next operator.
  atRest: (service: KubeObject | undefined) =>
    service?.metadata.annotations?.["aviary.flagger.app/previous-revision"] === undefined &&
    service?.status?.traffic?.[1]?.percent === 100,
});

function ending(story: Story) {
  const service = story.get({ type: RESOURCES.knativeService, name: "podinfo" });
  return { annotations: service?.metadata.annotations, traffic: service?.status?.traffic };
}

/** Each story runs twice: withoutKills, and with the operator killed. */
export function knative(run: StoryRun): void {
  const { further } = run;
  describe.concurrent("a Knative Service", () => {
    further("is released", async ({ expect }) => {
      const story = await run.stage("knative", { ...plot("knative"), analysis: STEPS });
      await story.change(knativeService("knative", GOOD));
      const { dropped, injected, versions } = await story.end("Succeeded");
      run.said(expect, story.timeline(), [...NOTICED, ...UP, ...PROMOTED]);
      expect(story.routes()).toEqual(["100/0", "70/30", "40/60", "100/0"]);
      expect({ dropped, injected }).toEqual({ dropped: [], injected: 0 });
      expect(Object.keys(versions).sort()).toEqual(["6.0.0", "6.0.1"]);
      expect(ending(story)).toEqual({
        annotations: { "flagger.app/primary-revision": "podinfo-00002" },
        traffic: [
          { revisionName: "podinfo-00002", latestRevision: true, percent: 0 },
          { revisionName: "podinfo-00002", latestRevision: false, percent: 100 },
        ],
      });
    });

    further("is rolled back", async ({ expect }) => {
      const story = await run.stage("knative-bad", { ...plot("knative-bad"), analysis: IMPATIENT });
      await story.change(knativeService("knative-bad", BAD));
      const { dropped, answers } = await story.end("Failed");
      run.said(expect, story.timeline(), [...NOTICED, UP[0], ...TAKEN_BACK]);
      expect(dropped).toEqual([]);
      expect(answers.some(({ injected }) => injected)).toBe(true);
      const failedByPrimary = run.fixture.sandbox.mesh
        .totals()
        .filter(
          ({ namespace, service, code }) =>
            namespace === "knative-bad" && service.startsWith("podinfo-00001.") && code >= 500,
        );
      expect(failedByPrimary).toEqual([]);
      expect(ending(story)).toEqual({
        annotations: { "flagger.app/primary-revision": "podinfo-00001" },
        traffic: [
          { revisionName: "podinfo-00002", latestRevision: true, percent: 0 },
          { revisionName: "podinfo-00001", latestRevision: false, percent: 100 },
        ],
      });
    });

    it("that fails requests during its promotion gets its last revision back", async ({ expect }) => {
      const name = "knative-failing";
      const analysis = {
        interval: "3s",
        stepWeights: [60],
        // Five more turns follow the first: the pods fail long before the last one, on a busy machine, too.
        stepWeightPromotion: 10,
        // Prometheus of a starved machine does not answer now and then.
        threshold: 12,
        metrics: [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "20s" }],
      };
      const story = await run.stage(name, { ...plot(name), analysis }, KILLED_BY_STORY);
      await story.change(knativeService(name, GOOD));
      await story.untilWeight(50);
      await story.breakPods("podinfo-00002");
      await run.kill(name);
      await story.untilPhase("Failed");
      await story.users.until("the last revision", (answers) =>
        answers.slice(-20).every(({ version }) => version === "6.0.0"),
      );
      const { dropped } = await story.end("Failed");
      // How far the promotion came by then is the machine's affair.
      const told = story.timeline().filter((line) => !line.startsWith("Advance podinfo primary weight"));
      run.said(expect, told, [
        ...NOTICED,
        "Advance podinfo canary weight 60",
        PROMOTED[0],
        "Halt podinfo advancement success rate N < 99%",
        expect.stringMatching(/^Promotion of podinfo failed, primary not ready: Halt podinfo advancement success rate/),
        "Restored podinfo-primary, routing all traffic to primary",
      ]);
      expect(dropped.filter((answer) => !answer.startsWith("500 "))).toEqual([]);
      expect(ending(story).annotations).toEqual({ "flagger.app/primary-revision": "podinfo-00001" });
    });

    further("follows its latest revision again when its Canary is deleted during a release", async ({ expect }) => {
      const name = "knative-leaving";
      const parts = plot(name);
      const spec = { ...parts.spec, revertOnDeletion: true };
      const story = await run.stage(name, { ...parts, spec, analysis: STEPS }, ["Terminating"]);
      await story.change(knativeService(name, GOOD));
      await story.untilWeight(30);
      await story.leave();
      const ref = { type: RESOURCES.knativeService, namespace: name, name: "podinfo" };
      await run.fixture.until(ref, "let go of", ({ status } = NOTHING) => status?.traffic?.length === 1);
      await story.users.until("the latest revision", (answers) =>
        answers.slice(-20).every(({ version }) => version === "6.0.1"),
      );
      const { dropped } = await story.close();
      expect(dropped).toEqual([]);
      expect(ending(story)).toEqual({
        annotations: undefined,
        traffic: [{ revisionName: "podinfo-00002", latestRevision: true, percent: 100 }],
      });
    });
  });
}

/** A Knative Service: Knative keeps every revision and splits the requests between them; Aviary says how. */
import { describe, it } from "vitest";
import { type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { BAD, GOOD, knativeService } from "./manifests.ts";
import type { Story } from "./story.ts";
import { BY_HAND, type Telling } from "./telling.ts";
import { BEGUN, IMPATIENT, PROMOTED, STEPS, TAKEN_BACK, UP } from "./two-steps.ts";

const NOTHING: KubeObject = { apiVersion: "", kind: "", metadata: { name: "" } };

/** Nobody comes but the users, so there are no load tests to pass. */
const NOTICED = BEGUN.filter((line) => !line.startsWith("Pre-rollout"));

const plot = (namespace: string) => ({
  kind: "Service",
  apiVersion: "serving.knative.dev/v1",
  target: [knativeService(namespace, { version: "6.0.0" })],
  spec: { provider: "knative", service: undefined },
  load: 0,
  requestsPerSecond: 20,
  // What follows from the last status is written after it, if need be by the next operator.
  atRest: (service: KubeObject | undefined) =>
    service?.metadata.annotations?.["aviary.flagger.app/previous-revision"] === undefined &&
    service?.status?.traffic?.[1]?.percent === 100,
});

function ending(story: Story) {
  const service = story.get({ type: RESOURCES.knativeService, name: "podinfo" });
  return { annotations: service?.metadata.annotations, traffic: service?.status?.traffic };
}

/** Told of users who come and go undisturbed, and again with the operator killed. */
export function knative(telling: Telling): void {
  describe.concurrent("a Knative Service", () => {
    it("is released", async ({ expect }) => {
      const story = await telling.stage("knative", { ...plot("knative"), analysis: STEPS });
      await story.change(knativeService("knative", GOOD));
      const { dropped, injected, versions } = await story.end("Succeeded");
      telling.said(expect, story.timeline(), [...NOTICED, ...UP, ...PROMOTED]);
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

    it("is taken back", async ({ expect }) => {
      const story = await telling.stage("knative-bad", { ...plot("knative-bad"), analysis: IMPATIENT });
      await story.change(knativeService("knative-bad", BAD));
      const { dropped, answers } = await story.end("Failed");
      telling.said(expect, story.timeline(), [...NOTICED, UP[0], ...TAKEN_BACK]);
      expect(dropped).toEqual([]);
      expect(answers.some(({ injected }) => injected)).toBe(true);
      const failedByPrimary = telling.town.sandbox.mesh
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

    it("that fails requests while it is promoted gets its last revision back", async ({ expect }) => {
      const name = "knative-failing";
      const analysis = {
        interval: "3s",
        stepWeights: [60],
        stepWeightPromotion: 30,
        threshold: 3,
        metrics: [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "20s" }],
      };
      const story = await telling.stage(name, { ...plot(name), analysis }, BY_HAND);
      await story.change(knativeService(name, GOOD));
      await story.untilWeight(30);
      await story.breakPods("podinfo-00002");
      await telling.kill(name);
      await story.untilPhase("Failed");
      await story.users.until("the last revision", (answers) =>
        answers.slice(-20).every(({ version }) => version === "6.0.0"),
      );
      const { dropped } = await story.end("Failed");
      telling.said(expect, story.timeline(), [
        ...NOTICED,
        "Advance podinfo canary weight 60",
        PROMOTED[0],
        "Advance podinfo primary weight 70",
        "Halt podinfo advancement success rate N < 99%",
        expect.stringMatching(/^Promotion of podinfo failed, primary not ready: Halt podinfo advancement success rate/),
        "Restored podinfo-primary, routing all traffic to primary",
      ]);
      expect(dropped.filter((answer) => !answer.startsWith("500 "))).toEqual([]);
      expect(ending(story).annotations).toEqual({ "flagger.app/primary-revision": "podinfo-00001" });
    });

    it("follows its latest revision again when its Canary goes in the middle of a release", async ({ expect }) => {
      const name = "knative-leaving";
      const parts = plot(name);
      const spec = { ...parts.spec, revertOnDeletion: true };
      const story = await telling.stage(name, { ...parts, spec, analysis: STEPS }, ["Terminating"]);
      await story.change(knativeService(name, GOOD));
      await story.untilWeight(30);
      await story.leave();
      const ref = { type: RESOURCES.knativeService, namespace: name, name: "podinfo" };
      await telling.town.until(ref, "let go of", ({ status } = NOTHING) => status?.traffic?.length === 1);
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

/** Two ends that must not harm users: a primary that cannot take over, and a Canary that is deleted under traffic. */
import { describe, it } from "vitest";
import { RESOURCES } from "../../../src/ports/kubernetes.ts";
import { beforeCanary, deployment, GOOD } from "./manifests.ts";
import type { Story } from "./story.ts";
import { KILLED_BY_STORY, type StoryRun } from "./story-run.ts";

const BEGUN = [
  "New revision detected! Scaling up podinfo",
  "Starting canary analysis for podinfo",
  "Pre-rollout check load-start passed",
  "Pre-rollout check warm-up passed",
];
const COPYING = "Copying podinfo template spec to podinfo-primary";
const RESTORED = "Restored podinfo-primary, routing all traffic to primary";
const { deployment: DEPLOYMENT, service: SERVICE } = RESOURCES;

const imageOf = (story: Story, name: string): string =>
  story.get({ type: DEPLOYMENT, name })?.spec.template.spec.containers[0].image;

/** Each story runs twice: withoutKills, and with the operator killed. */
export function endings(run: StoryRun): void {
  const { further } = run;
  describe.concurrent("a revision that works as canary and not as primary", () => {
    it("crashes as primary: the canary serves until the primary is restored", async ({ expect }) => {
      // podinfo reads the label that distinguishes primary and canary as a number, and only the canary's is one.
      const labelled = (version: string, container: object) => {
        const object = deployment("crashing", {
          version,
          replicas: 1,
          container,
          workload: { progressDeadlineSeconds: 5 },
        });
        object.spec.selector.matchLabels = { name: "5" };
        object.spec.template.metadata.labels = { name: "5" };
        return object;
      };
      const labelRef = { fieldRef: { fieldPath: "metadata.labels['name']" } };
      const story = await run.stage(
        "crashing",
        {
          target: [labelled("6.0.0", {})],
          analysis: { stepWeights: [60] },
        },
        KILLED_BY_STORY,
      );
      await story.change(labelled("6.0.1", { env: [{ name: "PODINFO_RANDOM_DELAY_MIN", valueFrom: labelRef }] }));
      const primary = { type: DEPLOYMENT, namespace: "crashing", name: "podinfo-primary" };
      for (const version of ["6.0.1", "6.0.0"]) {
        await run.fixture.until(primary, version, () => imageOf(story, "podinfo-primary").endsWith(`:${version}`));
      }
      await run.kill("crashing");
      const { dropped, injected, failedByPrimary } = await story.end("Failed");
      run.said(expect, story.timeline(), [
        ...BEGUN,
        "Advance podinfo canary weight 60",
        COPYING,
        "Promotion of podinfo failed, primary not ready: " +
          'podinfo-primary not ready: deployment "podinfo-primary" exceeded its progress deadline',
        RESTORED,
      ]);
      // An operator that comes back late finds the primary restored.
      expect(story.routes().filter((route) => route !== "0/100")).toEqual(["100/0", "40/60", "100/0"]);
      expect({ dropped, injected, failedByPrimary }).toEqual({ dropped: [], injected: 0, failedByPrimary: 0 });
      expect(imageOf(story, "podinfo-primary")).toMatch(/:6\.0\.0$/);
      expect(imageOf(story, "podinfo")).toMatch(/:6\.0\.1$/);
      // The corrected revision is released.
      await story.change(labelled("6.0.2", {}));
      await story.untilPhase("Succeeded");
      expect(imageOf(story, "podinfo-primary")).toMatch(/:6\.0\.2$/);
    });

    it("fails requests as primary: it gets no more of them, and is restored", async ({ expect }) => {
      const story = await run.stage(
        "failing",
        {
          analysis: {
            interval: "3s",
            stepWeights: [60],
            stepWeightPromotion: 30,
            threshold: 6,
            // The machine may be too busy to measure for this long: the primary waits for values, and is not promoted
            // without any.
            metrics: [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "20s" }],
          },
        },
        KILLED_BY_STORY,
      );
      await story.release(GOOD);
      await story.untilWeight(30);
      await story.breakPods("podinfo-primary");
      await run.kill("failing");
      const { dropped, answers } = await story.end("Failed");
      run.said(expect, story.timeline(), [
        ...BEGUN,
        "Advance podinfo canary weight 60",
        COPYING,
        "Advance podinfo primary weight 70",
        "Halt podinfo advancement success rate N < 99%",
        expect.stringMatching(/^Promotion of podinfo failed, primary not ready: Halt podinfo advancement success rate/),
        RESTORED,
      ]);
      expect(story.routes()).toEqual(["100/0", "40/60", "70/30", "0/100", "100/0"]);
      expect(dropped).toEqual([]);
      expect(imageOf(story, "podinfo-primary")).toMatch(/:6\.0\.0$/);
      expect(answers.at(-1)?.status).toBe(200);
    });
  });

  describe.concurrent("a Canary with revertOnDeletion that is deleted", () => {
    const gone = (namespace: string, type: typeof DEPLOYMENT, name: string) =>
      run.fixture.until({ type, namespace, name }, "gone", (object) => object === undefined);

    further("hands everything back when idle, and no request fails", async ({ expect }) => {
      const story = await run.stage(
        "leaving",
        {
          target: beforeCanary("leaving"),
          analysis: { stepWeights: [60] },
          spec: { revertOnDeletion: true },
          requestsPerSecond: 40,
        },
        ["Terminating"],
      );
      await story.leave();
      await gone("leaving", DEPLOYMENT, "podinfo-primary");
      const sofar = story.users.answers.length;
      await story.users.until("the target", (answers) => answers.length > sofar + 40);
      const { dropped, injected, failedByPrimary, answers } = await story.close();
      expect({ dropped, injected, failedByPrimary }).toEqual({ dropped: [], injected: 0, failedByPrimary: 0 });
      expect(answers.at(-1)?.pod).not.toContain("podinfo-primary");
      expect(story.get({ type: DEPLOYMENT, name: "podinfo" })?.status).toMatchObject({ availableReplicas: 1 });
      expect(story.get({ type: SERVICE, name: "podinfo" })?.spec.selector).toEqual({ app: "podinfo" });
    });

    it("hands everything back during a release, and no request fails", async ({ expect }) => {
      const story = await run.stage(
        "leaving-early",
        {
          target: beforeCanary("leaving-early"),
          analysis: { stepWeights: [60, 80] },
          spec: { revertOnDeletion: true },
          requestsPerSecond: 40,
        },
        ["Terminating"],
      );
      await story.release(GOOD);
      await story.untilWeight(60);
      await story.leave();
      await gone("leaving-early", DEPLOYMENT, "podinfo-primary");
      const sofar = story.users.answers.length;
      await story.users.until("the target", (answers) => answers.length > sofar + 40);
      const { dropped, injected, failedByPrimary, answers } = await story.close();
      expect({ dropped, injected, failedByPrimary }).toEqual({ dropped: [], injected: 0, failedByPrimary: 0 });
      expect(answers.at(-1)?.version).toBe("6.0.1");
    });
  });
}

/**
 * Deployments whose pods are all replaced at once: the canary covers for its primary, and no request fails (ADR 0014).
 */
import { describe, it } from "vitest";
import { deployment, GOOD, type Revision } from "./manifests.ts";
import type { StoryRun } from "./story-run.ts";
import { BEGUN, STEPS, UNHARMED, UP } from "./two-steps.ts";

const RECREATE = { workload: { strategy: { type: "Recreate" } } };
const COVERED = [
  "The pods of podinfo-primary are replaced all at once, routing all traffic to podinfo until they are ready",
  "Copying podinfo template spec to podinfo-primary",
  "Routing all traffic to primary",
  "Promotion completed! Scaling down podinfo",
];
/** So many requests at least are counted, so that none failed means something. */
const MANY = 100;

export function recreate(run: StoryRun): void {
  describe.concurrent("a Deployment with the strategy Recreate", () => {
    const revision = (parts: Revision): Revision => ({ ...parts, ...RECREATE });

    it("is promoted by weights without a failed request", async ({ expect }) => {
      const target = [deployment("recreated", revision({ version: "6.0.0" }))];
      const story = await run.stage("recreated", { target, analysis: STEPS, requestsPerSecond: 16 });
      await story.change(deployment("recreated", revision(GOOD)));
      const { dropped, injected, failedByPrimary, answers } = await story.end("Succeeded");
      run.said(expect, story.timeline(), [...BEGUN, ...UP, ...COVERED]);
      expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
      expect(answers.length).toBeGreaterThan(MANY);
    });

    it("is promoted after an A/B test without a failed request, of those who match and of all others", async ({
      expect,
    }) => {
      const target = [deployment("recreated-ab", revision({ version: "6.0.0" }))];
      const match = [{ headers: { "x-canary": { exact: "insider" } } }];
      const story = await run.stage("recreated-ab", {
        target,
        analysis: { iterations: 2, match },
        people: ({ ingress, service }) => [
          { doors: [ingress, service] },
          { doors: [ingress, service], headers: { "x-canary": "insider" } },
        ],
        requestsPerSecond: 16,
      });
      await story.change(deployment("recreated-ab", revision(GOOD)));
      const { dropped, injected, failedByPrimary, answers } = await story.end("Succeeded");
      expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
      expect(answers.length).toBeGreaterThan(MANY);
      expect(story.timeline().some((line) => line.includes("are replaced all at once"))).toBe(true);
    });
  });
}

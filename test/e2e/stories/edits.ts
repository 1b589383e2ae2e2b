/** Selector, provider and target are edited while users send requests: no request fails. */
import { describe, it } from "vitest";
import { RESOURCES } from "../../../src/ports/kubernetes.ts";
import { canary, deployment, gate, podTemplate, type Revision } from "./manifests.ts";
import type { StoryRun } from "./story-run.ts";
import { UNHARMED } from "./two-steps.ts";

const notAborted = new AbortController().signal;
const DEPLOYMENT = RESOURCES.deployment;

/** The Deployment with other labels in its selector and on its pods. */
function relabelled(namespace: string, revision: Revision, labels: Record<string, string>) {
  const template = podTemplate("podinfo", revision);
  const metadata = { ...template.metadata, labels };
  const workload = { selector: { matchLabels: labels }, template: { ...template, metadata } };
  return deployment(namespace, { ...revision, replicas: 1, workload });
}

export function edits(run: StoryRun): void {
  describe.concurrent("users are served without a failure", () => {
    it("when the target is created again with another selector, and released", async ({ expect }) => {
      const name = "selector-moved";
      const story = await run.stage(name, { analysis: { stepWeights: [40, 80] } });
      const target = { type: DEPLOYMENT, namespace: name, name: "podinfo" };
      await run.fixture.client.kube.delete(target, { propagation: "Foreground" }, notAborted);
      await run.fixture.until(target, "gone", (object) => object === undefined);
      await story.change(relabelled(name, { version: "6.0.1" }, { "app.kubernetes.io/name": "podinfo" }));
      const { dropped, injected, failedByPrimary, versions } = await story.end("Succeeded");
      expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
      expect(versions["6.0.1"]).toBeGreaterThan(0);
      const { selector } = story.get({ type: RESOURCES.service, name: "podinfo-primary" })?.spec ?? {};
      expect(selector).toEqual({ app: "podinfo-primary" });
    });

    it.for([
      ["is promoted", "port-moves", "Succeeded", []],
      ["is rolled back", "port-stays", "Failed", [gate("rollback", "/rollback/check")]],
    ] as const)(
      "when the program answers at another port from a release on that %s",
      async ([, name, phase, hooks], { expect }) => {
        const plot = { analysis: { stepWeights: [40, 80], metrics: [] }, load: 0, hooks };
        const story = await run.stage(name, plot);
        const container = {
          command: ["./podinfo", "--port=9797", "--level=error"],
          ports: [{ name: "http", containerPort: 9797 }],
        };
        // As `kubectl apply -f FOLDER` does: the Canary comes first.
        await story.apply(canary(name, { ...plot, service: { targetPort: 9797 } }));
        await story.release({ version: "6.0.1", container });
        await story.untilWeight(40);
        if (phase === "Failed") await story.turn("rollback", "open");
        const { dropped, failedByPrimary, versions, answers } = await story.end(phase);
        expect({ dropped, failedByPrimary }).toEqual({ dropped: [], failedByPrimary: 0 });
        expect(versions["6.0.1"]).toBeGreaterThan(0);
        expect(answers.at(-1)?.version).toBe(phase === "Succeeded" ? "6.0.1" : "6.0.0");
      },
    );

    it("when the provider is edited during a run", async ({ expect }) => {
      const name = "provider-edited";
      const plot = { analysis: { stepWeights: [40, 80] }, load: 0 };
      const analysis = { ...plot.analysis, metrics: [] };
      const story = await run.stage(name, { ...plot, analysis });
      await story.release({ version: "6.0.1" });
      await story.untilWeight(40);
      await story.apply(canary(name, { ...plot, analysis, spec: { provider: "kubernetes" } }));
      const { dropped, injected, failedByPrimary, answers } = await story.end("Succeeded");
      expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
      expect(answers.at(-1)?.pod).toContain("podinfo-primary");
      expect(story.routes().at(-1)).toBe("100/0");
      expect(story.timeline()).toContainEqual(expect.stringContaining("was changed from istio (Service podinfo)"));
    });
  });
}

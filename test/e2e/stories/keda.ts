/**
 * A Deployment that KEDA scales: when idle it is paused at 0 replicas, in a run it follows its load, and its primary
 * always does.
 */
import { describe, it } from "vitest";
import { type KubeFields, type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { BAD, beforeCanary, deployment, GOOD } from "./manifests.ts";
import type { Story } from "./story.ts";
import type { StoryRun } from "./story-run.ts";
import { BEGUN, IMPATIENT, PROMOTED, STEPS, TAKEN_BACK, UNHARMED, UP } from "./two-steps.ts";

const PAUSED_REPLICAS = "autoscaling.keda.sh/paused-replicas";

const rateOf = (namespace: string, workload: string) =>
  `sum(rate(istio_requests_total{destination_workload_namespace="${namespace}",destination_workload="${workload}"}[5s]))`;

function scaledObject(namespace: string, spec: KubeFields): KubeObject {
  const metadata = {
    serverAddress: "http://prometheus.istio-system:9090",
    query: rateOf(namespace, "podinfo"),
    threshold: "4",
  };
  return {
    apiVersion: "keda.sh/v1alpha1",
    kind: "ScaledObject",
    metadata: { name: "podinfo", namespace },
    spec: {
      scaleTargetRef: { name: "podinfo" },
      pollingInterval: 1,
      maxReplicaCount: 2,
      triggers: [{ type: "prometheus", name: "requests", metadata }],
      ...spec,
    },
  };
}

const ref = { apiVersion: "keda.sh/v1alpha1", kind: "ScaledObject", name: "podinfo" };

function scalers(story: Story) {
  const [source, primary] = ["podinfo", "podinfo-primary"].map((name) =>
    story.get({ type: RESOURCES.scaledObject, name }),
  );
  const hpas = ["keda-hpa-podinfo", "keda-hpa-podinfo-primary"].map((name) => story.get({ type: RESOURCES.hpa, name }));
  return { source, primary, hpa: hpas[0], primaryHpa: hpas[1] };
}

/** Each story runs twice: withoutKills, and with the operator killed. */
export function keda(run: StoryRun): void {
  const { further } = run;
  describe.concurrent("a Deployment with a ScaledObject", () => {
    it("is resumed for the run, grows with its load, and is paused at 0 replicas again", async ({ expect }) => {
      const name = "keda";
      const primaryScalerQueries = { requests: rateOf(name, "podinfo.*") };
      const story = await run.stage(name, {
        target: [deployment(name, { version: "6.0.0" }), scaledObject(name, { minReplicaCount: 1 })],
        spec: {
          autoscalerRef: { ...ref, primaryScalerReplicas: { minReplicas: 2, maxReplicas: 3 }, primaryScalerQueries },
        },
        analysis: STEPS,
      });
      const rested = () => {
        const { source, primary, hpa, primaryHpa } = scalers(story);
        expect(source?.metadata.annotations).toMatchObject({ [PAUSED_REPLICAS]: "0" });
        expect(hpa).toBeUndefined();
        expect(primary?.metadata.annotations?.[PAUSED_REPLICAS]).toBeUndefined();
        expect(primary?.spec).toMatchObject({ minReplicaCount: 2, maxReplicaCount: 3 });
        expect(primary?.spec.triggers[0].metadata.query).toBe(primaryScalerQueries.requests);
        expect(primaryHpa?.spec).toMatchObject({ scaleTargetRef: { name: "podinfo-primary" }, minReplicas: 2 });
      };
      rested();
      await story.change(deployment(name, GOOD));
      const target = { type: RESOURCES.deployment, namespace: name, name: "podinfo" };
      await run.fixture.until(target, "scaled up by its load", (object) => object?.spec?.replicas === 2);
      expect(scalers(story).hpa?.spec).toMatchObject({ minReplicas: 1, maxReplicas: 2 });
      const { dropped, injected, failedByPrimary } = await story.end("Succeeded");
      run.said(expect, story.timeline(), [...BEGUN, ...UP, ...PROMOTED]);
      expect(story.routes()).toEqual(["100/0", "70/30", "40/60", "100/0"]);
      expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
      rested();
      expect(story.get({ type: RESOURCES.deployment, name: "podinfo-primary" })?.spec.replicas).toBeGreaterThan(1);
    });

    further(
      "is rolled back, and paused at 0 replicas; its primary's scaler measures the primary",
      async ({ expect }) => {
        const name = "keda-bad";
        const story = await run.stage(name, {
          target: [deployment(name, { version: "6.0.0" }), scaledObject(name, { minReplicaCount: 1 })],
          spec: { autoscalerRef: ref },
          analysis: IMPATIENT,
        });
        await story.change(deployment(name, BAD));
        const { dropped, failedByPrimary } = await story.end("Failed");
        run.said(expect, story.timeline(), [...BEGUN, UP[0], ...TAKEN_BACK]);
        expect({ dropped, failedByPrimary }).toEqual({ dropped: [], failedByPrimary: 0 });
        const { source, primary, hpa } = scalers(story);
        expect(source?.metadata.annotations).toMatchObject({ [PAUSED_REPLICAS]: "0" });
        expect(hpa).toBeUndefined();
        expect(primary?.spec.triggers[0].metadata.query).toBe(rateOf(name, "podinfo-primary"));
      },
    );

    further("is scaled by its own ScaledObject again when its Canary is deleted", async ({ expect }) => {
      const name = "keda-leaving";
      const story = await run.stage(
        name,
        {
          target: [...beforeCanary(name), scaledObject(name, { minReplicaCount: 1 })],
          spec: { autoscalerRef: ref, revertOnDeletion: true },
          analysis: STEPS,
        },
        ["Terminating"],
      );
      await story.leave();
      const target = { type: RESOURCES.hpa, namespace: name, name: "keda-hpa-podinfo" };
      await run.fixture.until(target, "there", (hpa) => hpa?.status?.currentReplicas > 0);
      await run.fixture.until({ ...target, name: "keda-hpa-podinfo-primary" }, "gone", (hpa) => hpa === undefined);
      const { dropped } = await story.close();
      expect(dropped).toEqual([]);
      const { source, primary } = scalers(story);
      expect(source?.metadata.annotations?.[PAUSED_REPLICAS]).toBeUndefined();
      expect(primary).toBeUndefined();
    });
  });
}

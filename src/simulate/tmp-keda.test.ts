import { expect, it } from "vitest";
import { RESOURCES, type KubeObject } from "../ports/kubernetes.ts";
import { judge } from "./campaign.ts";
import { aScenario } from "./stories.ts";
import { run } from "./universe.ts";
import { CALM } from "./weather.ts";
const SO: KubeObject = {
  apiVersion: "keda.sh/v1alpha1", kind: "ScaledObject", metadata: { name: "podinfo", namespace: "test" },
  spec: { scaleTargetRef: { name: "podinfo" }, minReplicaCount: 2, maxReplicaCount: 4, triggers: [] },
};
it.each([2, 20, 35, 50, 65, 80, 95, 110, 125, 140, 200])("%i", async (s) => {
  const ref = { apiVersion: "keda.sh/v1alpha1", kind: "ScaledObject", name: "podinfo" };
  for (const [name, spec] of [["removed", { autoscalerRef: null }], ["hpa", { autoscalerRef: { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", name: "podinfo" } }]] as const) {
    const scenario = aScenario({ patienceMs: 400_000, canary: { spec: { autoscalerRef: ref } }, objects: [SO, { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", metadata: { name: "podinfo", namespace: "test" }, spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" }, minReplicas: 2, maxReplicas: 4 } }], users: [{ afterMs: s * 1000, kind: "edit-canary", spec }] });
    const { violations, end } = await judge({ scenario, seed: 1, weather: () => CALM });
    const u = await run({ scenario, seed: 1, weather: CALM, watchers: [] });
    const so = u.api.get({ type: RESOURCES.scaledObject, namespace: "test", name: "podinfo" });
    console.log(s, name, JSON.stringify({ end, so: so?.metadata.annotations, rep: u.target()?.spec?.replicas, v: violations.map((v) => v.invariant + ": " + v.text.slice(0, 200)), msg: u.canary()?.status?.conditions?.[0]?.message, fights: u.canary()?.status?.aviary?.said }));
  }
  expect(1).toBe(1);
});

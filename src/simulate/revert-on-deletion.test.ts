/**
 * A Canary with revertOnDeletion is deleted after its autoscaler was edited: the target serves again, under the scaler
 * that users gave it, and no scaler of the operator is left.
 */
import { describe, expect, it } from "vitest";
import { HPA, played, SCALED_OBJECT } from "../../test/played.ts";
import { type KubeFields, RESOURCES } from "../ports/kubernetes.ts";
import { aScenario } from "./stories.ts";

const OF_HPA = { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", name: "podinfo" };
const OF_KEDA = { apiVersion: "keda.sh/v1alpha1", kind: "ScaledObject", name: "podinfo" };

const ROWS: readonly (readonly [string, KubeFields, KubeFields | null])[] = [
  ["a ScaledObject that is named no more", OF_KEDA, null],
  ["a ScaledObject whose place an HPA took", OF_KEDA, OF_HPA],
  ["an HPA that is named no more", OF_HPA, null],
  ["an HPA whose place a ScaledObject took", OF_HPA, OF_KEDA],
  ["a ScaledObject", OF_KEDA, OF_KEDA],
  ["an HPA", OF_HPA, OF_HPA],
];

describe.each(ROWS)("%s", (_, before, after) => {
  it.each([65_000, 300_000])("and a deletion %i ms after the release", async (afterMs) => {
    const scenario = aScenario({
      patienceMs: 600_000,
      canary: { spec: { autoscalerRef: before, revertOnDeletion: true } },
      objects: [HPA, SCALED_OBJECT],
      users: [
        { afterMs, kind: "edit-canary", spec: { autoscalerRef: after } },
        { afterMs: afterMs + 20_000, kind: "delete-canary" },
      ],
    });
    const { api, canary, target } = await played(scenario, ["scalers-follow"]);
    expect(canary()).toBeUndefined();
    expect(target()?.spec?.replicas).toBeGreaterThan(0);
    const source = api.get({ type: RESOURCES.scaledObject, namespace: "test", name: "podinfo" });
    expect(source?.metadata.annotations ?? {}).toEqual({});
  });
});

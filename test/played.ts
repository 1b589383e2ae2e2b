/** For tests: one scenario played in calm weather, and the two autoscalers that a Canary of them may name. */
import { expect } from "vitest";
import type { KubeObject } from "../src/ports/kubernetes.ts";
import { judge } from "../src/simulate/campaign.ts";
import type { Scenario } from "../src/simulate/scenario.ts";
import type { Universe } from "../src/simulate/watcher.ts";
import { CALM } from "../src/simulate/weather.ts";

export const HPA: KubeObject = {
  apiVersion: "autoscaling/v2",
  kind: "HorizontalPodAutoscaler",
  metadata: { name: "podinfo", namespace: "test" },
  spec: {
    scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" },
    minReplicas: 2,
    maxReplicas: 4,
  },
};
export const SCALED_OBJECT: KubeObject = {
  apiVersion: "keda.sh/v1alpha1",
  kind: "ScaledObject",
  metadata: { name: "podinfo", namespace: "test" },
  spec: { scaleTargetRef: { name: "podinfo" }, minReplicaCount: 2, maxReplicaCount: 4, triggers: [] },
};

/** @param expected invariants that do not hold here @returns the cluster at the end */
export async function played(scenario: Scenario, expected: readonly string[]): Promise<Universe> {
  let universe: Universe | undefined;
  const keep = (seen: Universe) => {
    universe = seen;
    return {};
  };
  const { violations, end } = await judge({ scenario, seed: 1, weather: () => CALM, watchers: [keep] });
  expect(violations.filter(({ invariant }) => !expected.includes(invariant))).toEqual([]);
  expect(end).toBeDefined();
  return universe as Universe;
}

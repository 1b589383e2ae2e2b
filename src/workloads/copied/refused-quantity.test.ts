/** A quantity that the API server takes and that is too long to calculate with: the Canary says so, and goes on. */
import { describe, expect, it } from "vitest";
import { mergePatch } from "../../json/merge-patch.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import { aDesiredState, inPhase } from "../../testing/desired-state.ts";
import { createToyCluster } from "../../testing/toy-cluster.ts";
import { createWorkloads } from "../table.ts";

const HUGE = "1234567890123456789e300000000";

function target(kind: string, cpu: string): KubeObject {
  const containers = [{ name: "app" }, { name: "beside", resources: { limits: { memory: "1Gi", cpu } } }];
  const template = { metadata: { labels: { app: "web" } }, spec: { containers } };
  return {
    ...{ apiVersion: "apps/v1", kind },
    metadata: { name: "web", namespace: "test", generation: 1 },
    spec: { selector: { matchLabels: { app: "web" } }, template },
    status: { observedGeneration: 1, availableReplicas: 1, numberAvailable: 1 },
  };
}

describe.each(["Deployment", "DaemonSet", "StatefulSet"])(
  "a %s with a quantity of a thousand digits and more",
  (kind) => {
    const targetRef = { apiVersion: "apps/v1", kind, name: "web" };
    const options = { selectorLabels: ["app"], includeLabelPrefixes: [], configTracking: true };
    const workload = createWorkloads(options).find((found) => found.matches(targetRef));
    const parts = { name: "web", spec: { targetRef } };
    const [cluster, NOW] = [createToyCluster(mergePatch, target(kind, HUGE)), 0];

    it("cannot be released: the event names object, field, cause and cure", () => {
      const fault =
        `${kind} web.test spec.template.spec.containers[1].resources.limits.cpu: ` +
        `"${HUGE}" has more than 10000 digits: write it with fewer`;
      expect(workload?.read(inPhase("", parts), cluster, NOW)).toEqual({
        ...{ kind: "problem", unreadable: true },
        detail: `createPrimary${kind} failed: ${fault}`,
      });
      const begun = createToyCluster(mergePatch, target(kind, "100m"));
      begun.apply(workload?.renderPrimary(inPhase("Initializing", parts), aDesiredState(), begun) ?? []);
      begun.put(target(kind, HUGE));
      expect(workload?.read(inPhase("Succeeded", parts), begun, NOW)).toMatchObject({ kind: "problem", detail: fault });
      expect(begun.apply(workload?.renderPrimary(inPhase("Succeeded", parts), aDesiredState(), begun) ?? [])).toEqual(
        [],
      );
    });

    it("ends no turn by an error: also its works beforehand do not, nor its primary, nor its deletion", () => {
      for (const work of workload?.digests?.(inPhase("", parts), cluster) ?? []) work();
      expect(workload?.renderPrimary(inPhase("Initializing", parts), aDesiredState(), cluster)).toEqual([]);
      const leaving = { ...inPhase("Terminating", parts), deleting: true };
      expect(workload?.read(leaving, cluster, NOW)).toMatchObject({ kind: "reading" });
    });
  },
);

import { describe, expect, it } from "vitest";
import { mergePatch } from "../../json/merge-patch.ts";
import { createRouters } from "../../routers/table.ts";
import { createServicesRouter } from "../../services/services.ts";
import { aCanary } from "../../testing/canary.ts";
import { createToyCluster } from "../../testing/toy-cluster.ts";
import { createAutoscalers } from "../../workloads/autoscalers.ts";
import { createWorkloads } from "../../workloads/table.ts";
import { createWorld } from "./cluster-view.ts";

const OPTIONS = { selectorLabels: ["app"], includeLabelPrefixes: [], configTracking: true };
const NOW = Date.UTC(2026, 0, 1);
const HOUR = 3_600_000;

/** What a turn sees of pods that are missing since a moment ago, by the cluster's clock. */
async function observe(aheadMs: number) {
  const labels = { app: "podinfo" };
  const cluster = createToyCluster(mergePatch, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "podinfo", namespace: "test", generation: 1 },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [] } },
    },
    status: {
      ...{ observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 0 },
      conditions: [
        { type: "Progressing", status: "True", reason: "ReplicaSetUpdated" },
        {
          ...{ type: "Available", status: "False", reason: "MinimumReplicasUnavailable" },
          lastUpdateTime: new Date(NOW + aheadMs).toISOString(),
        },
      ],
    },
  });
  const world = createWorld({
    tables: {
      routers: createRouters({ setOwnerRefs: true }),
      workloads: createWorkloads(OPTIONS),
      autoscalers: createAutoscalers(OPTIONS),
      services: createServicesRouter(),
    },
    snapshot: { ...cluster, learn: () => {}, echoed: () => false, unlearn: () => {}, deleted: () => {} },
    follow: () => Promise.resolve(),
    unfollow: () => {},
    remove: () => Promise.resolve(false),
    write: () => Promise.resolve(false),
    serverAheadMs: () => aheadMs,
  });
  const canary = aCanary({ spec: { progressDeadlineSeconds: 60 } });
  return (await world.observe(canary, NOW, new AbortController().signal)).readings;
}

describe("the deadline of a rollout", () => {
  it.each([0, 2 * HOUR, -2 * HOUR])("is the same when the cluster's clock is ahead by %i ms", async (aheadMs) => {
    const { target, recheckAt } = await observe(aheadMs);
    expect(target.readiness.kind).toBe("progressing");
    expect(recheckAt).toBe(NOW + 60_001);
  });
});

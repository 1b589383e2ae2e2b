/** What a rollout costs the API server, counted there. Counts, not times: they are the same on every machine. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RESOURCES } from "../../../src/ports/kubernetes.ts";
import { canary, inPhase, podinfo } from "../harness/objects.ts";
import { type MetricServer, startMetricServer } from "../harness/servers.ts";
import { startWorld, type World } from "../harness/world.ts";

let world: World;
let metrics: MetricServer;

beforeAll(async () => {
  metrics = await startMetricServer();
  world = await startWorld();
});

afterAll(async () => {
  await world.stop();
  await metrics.stop();
});

/** "PATCH canaries/podinfo/status", watches and Events' own paths shortened to their kind. */
const said = () => world.requests().map(({ method, url }) => `${method} ${shortOf(url)}`);

function shortOf(url: string): string {
  const { pathname, searchParams } = new URL(url, "https://api");
  const path = pathname.replace(/^.*\/namespaces\/test\//, "").replace(/^events\/.*/, "events");
  return searchParams.has("watch") ? `${path} (watch)` : path;
}

async function quiet(): Promise<void> {
  // Whatever the operator still wants to do after its last event, it does within its drain time and a few turns.
  for (let before = -1; before !== world.requests().length; ) {
    before = world.requests().length;
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
}

describe("requests to the API server", () => {
  it("idle: none, though other objects change; a step: two objects and its event, and no reads", async () => {
    await world.operator([`-metrics-server=${metrics.url}`]);
    const checks = { metrics: [{ name: "up", query: "up", thresholdRange: { min: 99 } }] };
    world.apply(podinfo("podinfo"), canary("podinfo", { ...checks, interval: "1s", stepWeights: [10, 20, 30] }));
    await world.until(RESOURCES.canary, "podinfo", "is initialised", inPhase("Initialized"));
    await quiet();

    world.forgetRequests();
    world.apply(podinfo("bystander"));
    world.edit(RESOURCES.deployment, "podinfo", (copy) => {
      copy.metadata.annotations = { ...copy.metadata.annotations, note: "somebody looks around" };
    });
    await world.until(RESOURCES.deployment, "bystander", "is up", ({ status }) => status?.availableReplicas === 1);
    await quiet();
    expect(said()).toEqual([]);

    // The interval is a second: the revision is seen without waiting for it, in the turn that its watch event caused.
    world.apply(podinfo("podinfo", "6.0.1"));
    const seen = await world.heard("podinfo", "New revision detected! Scaling up podinfo.test");
    expect(seen).toBe("New revision detected! Scaling up podinfo.test");
    await world.heard("podinfo", "Advance podinfo.test canary weight 10");
    world.forgetRequests();
    await world.heard("podinfo", "Advance podinfo.test canary weight 20");
    expect(said()).toEqual(["PATCH canaries/podinfo/status", "PATCH virtualservices/podinfo", "POST events"]);

    await world.until(RESOURCES.canary, "podinfo", "is promoted", inPhase("Succeeded"));
    await world.until(RESOURCES.deployment, "podinfo", "is scaled down", ({ spec }) => spec.replicas === 0);
    expect(said().filter((line) => line.startsWith("GET") && !line.endsWith("(watch)"))).toEqual([]);
  });
});

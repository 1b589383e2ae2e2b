/** The number of API requests of a rollout. Counts, not times: they are the same on every machine. */
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

/** Initialised, its old pods gone, its alerts delivered, its events written: nothing is left to do. */
async function atRest(name: string): Promise<void> {
  await world.heard(name, `Initialization done! ${name}.test`);
  await world.until(RESOURCES.deployment, name, "is scaled down", ({ spec }) => spec.replicas === 0);
  await world.until(RESOURCES.canary, name, "rests", ({ status }) => {
    const { drainUntil, owedAlerts } = status?.aviary ?? {};
    return drainUntil === 0 && owedAlerts === undefined;
  });
}

describe("a new revision", () => {
  it("is noticed when it is written, although the interval is an hour", async () => {
    const operator = await world.operator();
    world.apply(podinfo("slow"), canary("slow", { interval: "60m" }));
    await world.until(RESOURCES.canary, "slow", "is initialised", inPhase("Initialized"));
    world.apply(podinfo("slow", "6.0.1"));
    await world.heard("slow", "Advance slow.test canary weight 30");
    world.apply(podinfo("slow", "6.0.2"));
    await world.heard("slow", "New revision detected! Restarting analysis for slow.test");
    await operator.stop();
    world.cluster.remove(RESOURCES.canary, "test", "slow");
  });
});

describe("requests to the API server", () => {
  it("idle: none, even when other objects change; a step: two objects and its event, and no reads", async () => {
    await world.operator([`-metrics-server=${metrics.url}`]);
    const checks = { metrics: [{ name: "up", query: "up", thresholdRange: { min: 99 } }] };
    world.apply(podinfo("podinfo"), canary("podinfo", { ...checks, interval: "1s", stepWeights: [10, 20, 30] }));
    await atRest("podinfo");

    world.forgetRequests();
    world.apply(podinfo("bystander"), canary("bystander", { interval: "1s" }));
    world.edit(RESOURCES.deployment, "podinfo", (copy) => {
      copy.metadata.annotations = { ...copy.metadata.annotations, note: "another tool's" };
    });
    await atRest("bystander");
    expect(said().filter((line) => line.startsWith("GET"))).toEqual([]);
    expect(said().filter((line) => line.includes("podinfo"))).toEqual([]);
    expect(world.told("podinfo").at(-1)).toBe("Normal Initialization done! podinfo.test");

    // The interval is a second: the revision is noticed earlier, in the turn that its watch event caused.
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

/** The operator dies without a word in the middle of every kind of run: whoever comes next brings it to the same end. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startUserTraffic } from "../../../src/cli/demo/traffic.ts";
import { RESOURCES } from "../../../src/ports/kubernetes.ts";
import { canary, inPhase, podinfo, startWorld, type World } from "./world.ts";

let world: World;

beforeAll(async () => {
  world = await startWorld();
});

afterAll(async () => {
  await world.stop();
});

const MATCH = [{ headers: { "x-canary": { exact: "insider" } } }];
const RUNS = [
  ["progressive", { stepWeight: 25, maxWeight: 50 }],
  ["tested", { iterations: 3, match: MATCH }],
  ["switched", { iterations: 2 }],
] as const;

describe("kill -9 of the operator", () => {
  it("in the middle of three runs at once, and again while they promote: all end promoted, no user notices", async () => {
    const begun = RUNS.map(async ([name, analysis]) => {
      await world.apply(podinfo(name), canary(name, analysis));
      await world.until(RESOURCES.canary, name, inPhase("Initialized"));
      await world.until(RESOURCES.deployment, name, ({ spec }) => spec.replicas === 0);
    });
    await Promise.all(begun);
    const traffic = RUNS.map(([name]) =>
      startUserTraffic({ url: world.sandbox.ingressUrl, host: `${name}.example.com`, requestsPerSecond: 10 }),
    );
    await world.apply(...RUNS.map(([name]) => podinfo(name, "6.0.1")));
    await world.until(RESOURCES.canary, "progressive", ({ status }) => status?.canaryWeight === 25);
    world.killOperator();
    await world.until(RESOURCES.canary, "switched", inPhase("Promoting"));
    world.killOperator();
    for (const [name] of RUNS) {
      const { status } = await world.until(RESOURCES.canary, name, inPhase("Succeeded"));
      expect(status.lastPromotedSpec).toBe(status.lastAppliedSpec);
      await world.until(RESOURCES.deployment, name, ({ spec }) => spec.replicas === 0);
      const primary = world.sandbox.cluster.get(RESOURCES.deployment, "test", `${name}-primary`);
      expect(primary?.spec.template.spec.containers[0].image).toBe("ghcr.io/stefanprodan/podinfo:6.0.1");
    }
    for (const users of traffic) {
      await users.stop();
      expect(users.totals()).toMatchObject({ failed: 0 });
    }
  });
});

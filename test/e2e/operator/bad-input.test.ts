/** What users get wrong, and what breaks around the operator: one clear message each, and it goes on when it is mended. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RESOURCES } from "../../../src/ports/kubernetes.ts";
import { canary, inPhase, podinfo } from "../harness/objects.ts";
import { startWorld, type World } from "../harness/world.ts";

let world: World;

beforeAll(async () => {
  world = await startWorld();
  await world.operator();
});

afterAll(async () => {
  await world.stop();
});

describe("x", () => {
  it("a rollout", async () => {
    world.apply(podinfo("a"), canary("a"));
    await world.until(RESOURCES.canary, "a", "is Initialized", inPhase("Initialized"));
    await world.until(RESOURCES.deployment, "a", "is down", ({ spec }) => spec.replicas === 0);
    world.edit(RESOURCES.deployment, "a", (copy) => {
      copy.spec.template.spec.containers[0].image = "podinfo:6.0.1";
    });
    await world.until(RESOURCES.canary, "a", "Succeeded", inPhase("Succeeded"));
    expect(world.told("a")).toEqual([]);
  });
});

/** Taking a cluster over from Flagger 1.44, and handing it back: a change of the operator starts no rollout. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { istioCrds } from "../../../sandbox/crds/istio.ts";
import { fromWire } from "../../../src/core/status/status.ts";
import { type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { configured, flaggerCrds, type Left, leftByFlagger, settings } from "../harness/flagger.ts";
import { canary, imageOf, inPhase, podinfo, weightsOf } from "../harness/objects.ts";
import { startReceiver } from "../harness/servers.ts";
import { startWorld, type World } from "../harness/world.ts";

let world: World;

beforeEach(async () => {
  world = await startWorld({ crds: [...flaggerCrds(), ...istioCrds()] });
});
afterEach(() => world.stop());

const status = () => world.get(RESOURCES.canary, "podinfo")?.status;
const idOf = () => world.get(RESOURCES.deployment, "podinfo-primary")?.spec.template.metadata.annotations["flagger-id"];
const isWait = (line: string) => line.includes("not ready:") || line.includes("rollout to finish");
const told = () => world.told("podinfo").filter((line) => !isWait(line));
/** The writes so far, except Events: "PATCH deployments/podinfo", "POST services". */
const writes = () =>
  world
    .requests()
    .filter(({ method, url }) => method !== "GET" && !url.includes("/events"))
    .map(({ method, url }) => `${method} ${url.replace(/^.*\/namespaces\/test\/|\?.*$/g, "")}`);
/** The time that the bystander takes. */
const BYSTANDER = [
  ...["POST deployments", "POST services", "POST services", "POST services"],
  ...["POST destinationrules", "POST destinationrules", "POST virtualservices"],
];
/** The canary weights of the routes from now on. */
function weights(): number[] {
  const seen: number[] = [];
  world.cluster.watch(RESOURCES.virtualService, ({ object }) => {
    const weight = weightsOf(object)[1] ?? -1;
    if (seen.at(-1) !== weight) seen.push(weight);
  });
  return seen;
}

/** The operator has taken its first turns: another Canary, created after its start, has finished. */
async function rested(): Promise<void> {
  await world.operator();
  world.apply(podinfo("bystander"), canary("bystander"));
  await world.until(RESOURCES.canary, "bystander", "is initialised", inPhase("Initialized"));
  await world.until(RESOURCES.deployment, "bystander", "is scaled down", ({ spec }) => spec.replicas === 0);
}

describe("an idle canary", () => {
  it.each<Left>([
    { phase: "Initialized", target: "6.0.0", primary: "6.0.0" },
    { phase: "Succeeded", target: "6.0.0", primary: "6.0.0" },
    { phase: "Failed", target: "6.0.1", primary: "6.0.0" },
  ])("$phase: the operator writes nothing, and releases the next revision", async (left) => {
    await leftByFlagger(world, left);
    const id = idOf();
    world.forgetRequests();
    await rested();
    expect(writes().filter((line) => line.includes("podinfo"))).toEqual([]);
    expect(
      writes()
        .filter((line) => line.startsWith("POST"))
        .sort(),
    ).toEqual([...BYSTANDER].sort());
    expect(world.told("podinfo")).toEqual([]);
    world.apply(configured("6.0.2"));
    await world.until(
      RESOURCES.canary,
      "podinfo",
      "is promoted",
      ({ status: now }) =>
        now?.phase === "Succeeded" &&
        now?.lastAppliedSpec === now?.lastPromotedSpec &&
        imageOf(world.get(RESOURCES.deployment, "podinfo-primary")) === "podinfo:6.0.2",
    );
    expect(idOf()).not.toBe(id);
    expect(told()[0]).toBe("Normal New revision detected! Scaling up podinfo.test");
  });

  it.each(["Initialized", "Succeeded"])(
    "%s with other hashes: the operator rewrites them without an event",
    async (phase) => {
      await leftByFlagger(world, { phase, target: "6.0.0", primary: "6.0.0", otherHashes: true });
      const before = status();
      const id = idOf();
      await rested();
      const now = status();
      expect(now.lastAppliedSpec).not.toBe(before.lastAppliedSpec);
      expect(now).toMatchObject({
        phase,
        lastPromotedSpec: now.lastAppliedSpec,
        trackedConfigs: before.trackedConfigs,
      });
      expect(world.told("podinfo")).toEqual([]);
      expect(idOf()).toBe(id);
      expect(world.get(RESOURCES.deployment, "podinfo")?.spec.replicas).toBe(0);
    },
  );

  it("with other hashes, and a target that was changed meanwhile: the change is released", async () => {
    await leftByFlagger(world, { phase: "Succeeded", target: "6.0.0", primary: "6.0.0", otherHashes: true });
    world.apply(configured("6.0.1"));
    await world.operator();
    await world.heard("podinfo", "New revision detected! Scaling up podinfo.test");
  });
});

describe("a ConfigMap", () => {
  it.each([false, true])("that changes after the takeover is released (other hashes: %s)", async (otherHashes) => {
    await leftByFlagger(world, { phase: "Succeeded", target: "6.0.0", primary: "6.0.0", otherHashes });
    await rested();
    expect(world.told("podinfo")).toEqual([]);
    world.apply(settings("blue"));
    await world.heard("podinfo", "New revision detected! Scaling up podinfo.test");
    await world.heard("podinfo", "Promotion completed!");
    expect(world.get(RESOURCES.configMap, "settings-primary")?.data).toEqual({ color: "blue" });
  });
});

describe("a canary in a run", () => {
  it("Progressing at weight 30: goes on from there", async () => {
    await leftByFlagger(world, { phase: "Progressing", target: "6.0.1", primary: "6.0.0", weight: 30 });
    const seen = weights();
    await world.operator();
    await world.until(RESOURCES.canary, "podinfo", "is promoted", inPhase("Succeeded"));
    await world.heard("podinfo", "Promotion completed!");
    expect(seen).toEqual([30, 60, 0]);
    expect(told()).toEqual([
      "Normal Advance podinfo.test canary weight 60",
      "Normal Copying podinfo.test template spec to podinfo-primary.test",
      "Normal Routing all traffic to primary",
      "Normal Promotion completed! Scaling down podinfo.test",
    ]);
  });

  it("WaitingPromotion: waits with its traffic until the gate opens", async () => {
    const hooks = await startReceiver();
    hooks.answer = () => ({ status: 403, body: "Forbidden" });
    const webhooks = [{ name: "gate", type: "confirm-promotion", url: `${hooks.url}/gate` }];
    const waiting = { phase: "WaitingPromotion", target: "6.0.1", primary: "6.0.0" } as const;
    // Flagger records neither the weight nor a sensible number of iterations.
    const recorded = { canaryWeight: 0, iterations: -1 };
    await leftByFlagger(world, { ...waiting, weight: 60, status: recorded, analysis: { webhooks } });
    const seen = weights();
    await world.operator();
    await hooks.until("the gate is asked twice", (calls) => calls.length >= 2);
    expect(hooks.received[0]?.body).toMatchObject({ name: "podinfo", namespace: "test", phase: "Progressing" });
    expect(seen).toEqual([60]);
    hooks.answer = () => ({ status: 200 });
    await world.until(RESOURCES.canary, "podinfo", "is promoted", inPhase("Succeeded"));
    await world.heard("podinfo", "Promotion completed!");
    expect(seen).toEqual([60, 0]);
    expect(told()[0]).toBe("Normal Confirm-promotion check gate passed");
    await hooks.stop();
  });

  it.each([
    { phase: "Promoting", weight: 60 },
    { phase: "Finalising", weight: 0 },
  ])("$phase: is finished", async ({ phase, weight }) => {
    const recorded = { lastPromotedSpec: "" };
    await leftByFlagger(world, { phase, target: "6.0.1", primary: "6.0.1", weight, status: recorded });
    const seen = weights();
    await world.operator();
    await world.until(RESOURCES.canary, "podinfo", "is promoted", inPhase("Succeeded"));
    await world.heard("podinfo", "Promotion completed!");
    expect(seen).toEqual(weight === 0 ? [0] : [weight, 0]);
    expect(told().filter((line) => line.includes("New revision") || line.includes("Rolling back"))).toEqual([]);
    expect(status().lastPromotedSpec).toBe(status().lastAppliedSpec);
  });
});

/** The fields of a status that Flagger reads: they must be what Flagger itself would have written. */
function asFlaggerWouldRead(own: KubeObject | undefined): object {
  const { aviary, ...wire } = own?.status ?? {};
  expect(aviary).toBeUndefined();
  const routes = world.get(RESOURCES.virtualService, "podinfo");
  expect(wire.canaryWeight).toBe(weightsOf(routes)[1]);
  return {
    phase: wire.phase,
    weight: wire.canaryWeight,
    applied: wire.lastAppliedSpec,
    promoted: wire.lastPromotedSpec,
  };
}

describe("handing back to Flagger, whose CRD prunes status.aviary", () => {
  it("a whole rollout works, and leaves Flagger's status in the middle and at the end", async () => {
    await leftByFlagger(world, { phase: "Initialized", target: "6.0.0", primary: "6.0.0" });
    const before = status();
    const operator = await world.operator();
    world.apply(configured("6.0.1"));
    await world.until(RESOURCES.virtualService, "podinfo", "takes a step", (routes) => weightsOf(routes)[1] === 30);
    await operator.stop();
    const middle = asFlaggerWouldRead(world.get(RESOURCES.canary, "podinfo"));
    expect(middle).toMatchObject({ phase: "Progressing", weight: 30, promoted: before.lastPromotedSpec });
    const seen = weights();
    await world.operator();
    await world.until(RESOURCES.canary, "podinfo", "is promoted", inPhase("Succeeded"));
    await world.heard("podinfo", "Promotion completed!");
    expect(seen).toEqual([30, 60, 0]);
    const end = asFlaggerWouldRead(world.get(RESOURCES.canary, "podinfo"));
    const { lastAppliedSpec } = status();
    expect(end).toEqual({ phase: "Succeeded", weight: 0, applied: lastAppliedSpec, promoted: lastAppliedSpec });
    expect(fromWire(status(), { intervalMs: 300, iterations: 0, weights: [30, 60], mirror: false }).phase).toBe(
      "Succeeded",
    );
    const { message, reason } = status().conditions[0];
    expect({ message, reason }).toEqual({
      message: "Canary analysis completed successfully, promotion finished.",
      reason: "Succeeded",
    });
  });
});

/** Two operators with one leader; operators that are killed; alerts that must survive them. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { istioCrds } from "../../../sandbox/crds/istio.ts";
import { OWED_ALERTS } from "../../../src/operator/notify/owed-alerts-annotation.ts";
import { RESOURCES } from "../../../src/ports/kubernetes.ts";
import { flaggerCrds } from "../harness/flagger.ts";
import { canary, imageOf, inPhase, podinfo, weightsOf } from "../harness/objects.ts";
import { startOperatorProcess } from "../harness/process.ts";
import { startReceiver } from "../harness/servers.ts";
import { startWorld, type World, type WorldOptions } from "../harness/world.ts";

let world: World;
const begin = async (options: WorldOptions = {}) => {
  world = await startWorld(options);
};

beforeEach(() => begin());
afterEach(() => world.stop());

/** Asks often whether the lease is free, and keeps it however busy the machine is. */
const ASKS_OFTEN = { durationMs: 600_000, renewMs: 500_000, retryMs: 500 };
/** Gives up soon. */
const GIVES_UP_SOON = { durationMs: 8000, renewMs: 6000, retryMs: 500 };
const CANDIDATE = ["-enable-leader-election", "-leader-election-namespace=test"];
const lease = () => world.get(RESOURCES.lease, "flagger-leader-election")?.spec;

async function initialized(): Promise<void> {
  await world.until(RESOURCES.canary, "podinfo", "is initialised", inPhase("Initialized"));
  await world.until(RESOURCES.deployment, "podinfo", "is scaled down", ({ spec }) => spec.replicas === 0);
}

function weights(): number[] {
  const seen: number[] = [];
  world.cluster.watch(RESOURCES.virtualService, ({ object }) => {
    const weight = weightsOf(object)[1] ?? -1;
    if (seen.at(-1) !== weight) seen.push(weight);
  });
  return seen;
}

describe("of two operators", () => {
  it("one leads, and the other takes over at once when the leader stops regularly", async () => {
    const first = await world.operator(CANDIDATE);
    const second = await world.operator(CANDIDATE, { begun: "Starting leader election id" });
    expect(await second.get("/healthz")).toEqual({ status: 200, body: "OK" });
    expect((await second.get("/metrics")).body).toContain('flagger_info{version="1.44.0",mesh_provider="istio"} 1');
    world.apply(podinfo("podinfo"), canary("podinfo"));
    await initialized();
    expect(lease().holderIdentity).toMatch(/^.+_[0-9a-f-]{36}$/);
    const { holderIdentity } = lease();
    await second.logged(`Another instance has been elected as leader: ${holderIdentity}`);
    world.apply(podinfo("podinfo", "6.0.1"));
    const seen = weights();
    await world.until(RESOURCES.canary, "podinfo", "takes a step", ({ status }) => status?.canaryWeight === 30);
    // The timing of production, 20 seconds: the other one can lead within this test only because the lease is released.
    await first.stop();
    await second.logged("Acting as elected leader");
    expect(lease().holderIdentity).not.toBe(holderIdentity);
    await world.until(RESOURCES.canary, "podinfo", "is promoted", inPhase("Succeeded"));
    expect(seen.filter((weight) => weight > 0)).toEqual([30, 60]);
  });

  it("the other one takes over in the middle of a rollout when the leader is killed", async () => {
    // The leader is a separate process: a killed one releases no lease.
    const killed = await startOperatorProcess(world.kubeconfig, CANDIDATE);
    await killed.logged("Acting as elected leader");
    world.apply(podinfo("podinfo"), canary("podinfo"));
    await initialized();
    const second = await world.operator(CANDIDATE, { leaseTiming: ASKS_OFTEN, begun: "Starting leader election id" });
    world.apply(podinfo("podinfo", "6.0.1"));
    await world.until(RESOURCES.canary, "podinfo", "takes a step", ({ status }) => status?.canaryWeight === 30);
    await killed.kill();
    expect(second.lines.filter(({ msg }) => msg === "Acting as elected leader")).toEqual([]);
    // 20 seconds in production; for the test it expires in a second.
    world.edit(RESOURCES.lease, "flagger-leader-election", ({ spec }) => {
      spec.leaseDurationSeconds = 1;
    });
    await second.logged("Acting as elected leader");
    await world.until(RESOURCES.canary, "podinfo", "is promoted", inPhase("Succeeded"));
    expect(imageOf(world.get(RESOURCES.deployment, "podinfo-primary"))).toBe("podinfo:6.0.1");
  });

  it("one that cannot reach the API server steps down before another may lead", async () => {
    const leader = await world.operator(CANDIDATE, { leaseTiming: GIVES_UP_SOON });
    const outage = await world.outage();
    await leader.logged("Leadership lost");
    expect(await leader.ended).toEqual({ kind: "lost" });
    await outage.end();
  });
});

describe("kill -9 in the middle of a rollout", () => {
  it.each([
    ["our CRD", {}],
    ["Flagger's CRD, which keeps none of our memory", { crds: [...flaggerCrds(), ...istioCrds()] }],
  ])("with %s: the next operator continues, and repeats at most one step", async (_name, options) => {
    await world.stop();
    await begin(options);
    world.apply(podinfo("podinfo"), canary("podinfo", { stepWeights: [20, 40, 60] }));
    const first = await startOperatorProcess(world.kubeconfig);
    await initialized();
    world.apply(podinfo("podinfo", "6.0.1"));
    const seen = weights();
    await world.until(RESOURCES.canary, "podinfo", "takes two steps", ({ status }) => status?.canaryWeight === 40);
    await first.kill();
    const second = await startOperatorProcess(world.kubeconfig);
    await world.until(RESOURCES.canary, "podinfo", "is promoted", inPhase("Succeeded"));
    await world.until(RESOURCES.deployment, "podinfo", "is scaled down", ({ spec }) => spec.replicas === 0);
    expect(seen).toEqual([0, 20, 40, 60, 0]);
    expect(await second.stop()).toBe(0);
  });
});

describe("alerts", () => {
  it.each([
    ["our CRD", {}],
    ["Flagger's CRD, which keeps none of our memory", { crds: [...flaggerCrds(), ...istioCrds()] }],
  ])("with %s: that were saved but not delivered are delivered by the next operator", async (_name, options) => {
    await world.stop();
    await begin(options);
    const slack = await startReceiver();
    slack.answer = () => "silence";
    const flags = [`-slack-url=${slack.url}/hook`, "-slack-channel=general", "-cluster-name=prod"];
    const first = await startOperatorProcess(world.kubeconfig, flags);
    world.apply(podinfo("podinfo"), canary("podinfo"));
    await initialized();
    await slack.until("it is tried", (calls) => calls.length > 0);
    await first.kill();
    const tried = slack.received.length;
    slack.answer = () => ({ status: 200, body: "ok" });
    await world.operator(flags);
    await slack.until("it is delivered", (calls) => calls.length > tried);
    const { body, path } = slack.received[tried] ?? { body: undefined, path: "" };
    expect(path).toBe("/hook");
    expect(body.attachments[0].text).toBe("New Deployment detected, initialization completed.");
    expect(body.attachments[0].author_name).toBe("podinfo.test");
    await world.until(
      RESOURCES.canary,
      "podinfo",
      "owes nothing",
      ({ status, metadata }) =>
        status.aviary?.owedAlerts === undefined && metadata.annotations?.[OWED_ALERTS] === undefined,
    );
    expect(slack.received).toHaveLength(tried + 1);
    await slack.stop();
  });

  it("a service that is down delays no rollout", async () => {
    await world.operator(["-slack-url=http://127.0.0.1:1/hook", "-slack-channel=general"]);
    world.apply(podinfo("podinfo"), canary("podinfo"));
    await initialized();
    world.apply(podinfo("podinfo", "6.0.1"));
    await world.until(RESOURCES.canary, "podinfo", "is promoted", inPhase("Succeeded"));
  });
});

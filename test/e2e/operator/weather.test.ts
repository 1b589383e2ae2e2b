/** The API server stops, comes back, lacks kinds, or other clients write: the operator goes on. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { istioCrds } from "../../../sandbox/crds/istio.ts";
import { crds } from "../../../src/crd/index.ts";
import { type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { canary, imageOf, inPhase, podinfo, weightsOf } from "../harness/objects.ts";
import { startReceiver } from "../harness/servers.ts";
import { startWorld, type World, type WorldOptions } from "../harness/world.ts";

let world: World;

async function begin(options: WorldOptions = {}): Promise<void> {
  world = await startWorld(options);
}

beforeEach(() => begin());
afterEach(() => world.stop());

async function initialized(): Promise<void> {
  await world.until(RESOURCES.canary, "podinfo", "is initialised", inPhase("Initialized"));
  await world.until(RESOURCES.deployment, "podinfo", "is scaled down", ({ spec }) => spec.replicas === 0);
}

const ROLLOUT = [
  "Normal New revision detected! Scaling up podinfo.test",
  "Normal Starting canary analysis for podinfo.test",
  "Normal Advance podinfo.test canary weight 30",
  "Normal Advance podinfo.test canary weight 60",
  "Normal Copying podinfo.test template spec to podinfo-primary.test",
  "Normal Routing all traffic to primary",
  "Normal Promotion completed! Scaling down podinfo.test",
];
const isWait = (line: string) => line.includes("not ready:") || line.includes("rollout to finish");
const told = () => world.told("podinfo").filter((line) => !isWait(line));

describe("an API server that stops", () => {
  it("during a rollout: routes stay, and the rollout goes on when it is back", async () => {
    const operator = await world.operator();
    world.apply(podinfo("podinfo"), canary("podinfo"));
    await initialized();
    world.apply(podinfo("podinfo", "6.0.1"));
    await world.until(RESOURCES.canary, "podinfo", "takes a step", ({ status }) => status?.canaryWeight === 30);
    await world.until(RESOURCES.virtualService, "podinfo", "follows", (routes) => weightsOf(routes)[1] === 30);
    const outage = await world.outage();
    const failed = await operator.logged("turn failed:");
    expect(failed).toMatchObject({ level: "error", canary: "podinfo.test" });
    expect(failed.msg).toContain(`cannot reach the API server ${world.url}`);
    expect(weightsOf(world.get(RESOURCES.virtualService, "podinfo"))).toEqual([70, 30]);
    await outage.end();
    await world.until(RESOURCES.canary, "podinfo", "is promoted", inPhase("Succeeded"));
    await world.heard("podinfo", "Promotion completed!");
    expect(told().slice(1)).toEqual(ROLLOUT);
    expect(imageOf(world.get(RESOURCES.deployment, "podinfo-primary"))).toBe("podinfo:6.0.1");
  });

  it("while the Canary is idle: a revision that came meanwhile is found", async () => {
    await world.operator();
    world.apply(podinfo("podinfo"), canary("podinfo"));
    await initialized();
    const outage = await world.outage();
    world.apply(podinfo("podinfo", "6.0.1"));
    await outage.end();
    await world.until(RESOURCES.canary, "podinfo", "is promoted", inPhase("Succeeded"));
  });

  it("does not prevent the operator from stopping regularly", async () => {
    const operator = await world.operator();
    world.apply(podinfo("podinfo"), canary("podinfo"));
    await initialized();
    const outage = await world.outage();
    await operator.stop();
    expect(await operator.ended).toEqual({ kind: "stopped" });
    await outage.end();
  });
});

describe("webhooks that hang", () => {
  it("delay no other Canary, even when there are many", async () => {
    await world.operator(["-threadiness=1"]);
    const hooks = await startReceiver();
    hooks.answer = () => "silence";
    const webhooks = [{ name: "gate", type: "confirm-rollout", url: hooks.url, timeout: "60s" }];
    const stuck = Array.from({ length: 12 }, (_, index) => `stuck-${index}`);
    for (const name of stuck) world.apply(podinfo(name), canary(name, { webhooks }));
    world.apply(podinfo("podinfo"), canary("podinfo"));
    for (const name of [...stuck, "podinfo"]) {
      await world.until(RESOURCES.canary, name, "is initialised", inPhase("Initialized"));
    }
    for (const name of stuck) world.apply(podinfo(name, "6.0.1"));
    await hooks.until("all are asked", (received) => received.length === stuck.length);
    world.apply(podinfo("podinfo", "6.0.1"));
    await world.until(RESOURCES.canary, "podinfo", "is promoted", inPhase("Succeeded"));
    await hooks.stop();
  });
});

describe("other clients that write", () => {
  it("a status that another client wrote meanwhile is read again, without an event", async () => {
    const operator = await world.operator();
    const hooks = await startReceiver();
    // The gate is called in the middle of the turn: a write at that time comes before the turn's own status.
    hooks.answer = ({ path }) => {
      if (path === "/gate" && hooks.received.length === 1) {
        world.edit(RESOURCES.canary, "podinfo", ({ metadata }) => {
          metadata.labels = { touched: "yes" };
        });
      }
      return { status: 200 };
    };
    const webhooks = [{ name: "gate", type: "confirm-rollout", url: `${hooks.url}/gate` }];
    world.apply(podinfo("podinfo"), canary("podinfo", { webhooks }));
    await initialized();
    world.apply(podinfo("podinfo", "6.0.1"));
    await world.until(RESOURCES.canary, "podinfo", "is promoted", inPhase("Succeeded"));
    await world.heard("podinfo", "Promotion completed!");
    expect(operator.lines.filter(({ msg }) => msg.includes("another client wrote meanwhile")).length).toBe(1);
    const errors = operator.lines.filter(({ level, msg }) => level === "error" && !msg.startsWith("Metrics server"));
    expect(errors).toEqual([]);
    expect(told().slice(1)).toEqual(["Normal Confirm-rollout check gate passed", ...ROLLOUT]);
    await hooks.stop();
  });

  it("routes that another client changes during a step are restored, and the step is held again", async () => {
    await world.operator();
    world.apply(podinfo("podinfo"), canary("podinfo", { interval: "1s" }));
    await initialized();
    world.apply(podinfo("podinfo", "6.0.1"));
    await world.until(RESOURCES.virtualService, "podinfo", "takes a step", (routes) => weightsOf(routes)[1] === 30);
    const holdUntil = (): number => world.get(RESOURCES.canary, "podinfo")?.status.aviary.holdUntil;
    const before = holdUntil();
    world.edit(RESOURCES.virtualService, "podinfo", ({ spec }) => {
      spec.http[0].route[0].weight = 0;
      spec.http[0].route[1].weight = 100;
    });
    await world.until(RESOURCES.virtualService, "podinfo", "is restored", (routes) => weightsOf(routes)[1] === 30);
    await world.heard("podinfo", "Routes of podinfo.test are not as promised, restoring them");
    // The wait has no end until the routes are in force again; the turn that sees them writes its end.
    const held = await world.until(
      RESOURCES.canary,
      "podinfo",
      "waits at its step again",
      ({ status }) => status?.aviary?.holdUntil > before && status.aviary.holdAfterRoutes === undefined,
    );
    expect(held.status.canaryWeight).toBe(30);
    await world.until(RESOURCES.canary, "podinfo", "is promoted", inPhase("Succeeded"));
  });

  it("deleted objects are created again", async () => {
    await world.operator();
    world.apply(podinfo("podinfo"), canary("podinfo"));
    await initialized();
    for (const [type, name] of [
      [RESOURCES.service, "podinfo"],
      [RESOURCES.virtualService, "podinfo"],
      [RESOURCES.destinationRule, "podinfo-primary"],
      [RESOURCES.deployment, "podinfo-primary"],
    ] as const) {
      const { uid } = world.get(type, name)?.metadata ?? {};
      world.cluster.remove(type, "test", name);
      await world.until(type, name, "is there again", ({ metadata }) => metadata.uid !== uid);
    }
  });

  it("a refused write is reported once, and done when it is allowed", async () => {
    await world.stop();
    const strict = istioCrds().map((crd) => structuredClone(crd) as KubeObject);
    for (const version of strict[0]?.spec.versions ?? []) {
      version.schema.openAPIV3Schema.properties.spec = {
        type: "object",
        "x-kubernetes-preserve-unknown-fields": true,
        properties: { hosts: { type: "array", maxItems: 1, items: { type: "string" } } },
      };
    }
    await begin({ crds: [...(crds() as readonly KubeObject[]), ...strict] });
    await world.operator();
    world.apply(podinfo("podinfo"), canary("podinfo", {}, { service: { port: 9898, hosts: ["a.example.com"] } }));
    const text = await world.heard("podinfo", "VirtualService podinfo.test create error: ");
    expect(text).toContain("spec.hosts: Too many: 2: must have at most 1 items");
    world.apply(canary("podinfo"));
    await initialized();
    expect(world.told("podinfo").filter((line) => line.includes("create error"))).toHaveLength(1);
  });
});

describe("a cluster that lacks something", () => {
  it("when Aviary's CRDs are not installed, the operator names them and what to do", async () => {
    await world.stop();
    await begin({ crds: istioCrds() });
    await expect(world.operator()).rejects.toThrow(
      "Canary CRD is not registered the server could not find the requested resource: " +
        "apply deploy/crds (kind Canary of flagger.app/v1beta1) first",
    );
  });

  it("when Istio is not installed yet, the Canary waits for it", async () => {
    await world.stop();
    await begin({ crds: crds() as readonly KubeObject[] });
    await world.operator();
    world.apply(podinfo("podinfo"), canary("podinfo"));
    await world.heard(
      "podinfo",
      "kind DestinationRule of networking.istio.io/v1beta1 is not installed in the cluster: " +
        "install it, or choose another spec.provider",
    );
    expect(world.get(RESOURCES.deployment, "podinfo-primary")).toBeUndefined();
    for (const crd of istioCrds()) world.cluster.create(RESOURCES.crd, crd);
    await initialized();
  });
});

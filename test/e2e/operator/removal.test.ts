/** A Canary that is deleted, an operator that stops: users are served all the time. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type KubeFields, type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { canary, inPhase, podinfo, weightsOf } from "../harness/objects.ts";
import { startWorld, type World } from "../harness/world.ts";

let world: World;

beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.stop());

const FINALIZER = "finalizer.flagger.app";

async function initialized(): Promise<void> {
  await world.until(RESOURCES.canary, "podinfo", "is initialised", inPhase("Initialized"));
  await world.until(RESOURCES.deployment, "podinfo", "is scaled down", ({ spec }) => spec.replicas === 0);
}

/** The Service that users called before there was a Canary. */
const ownService: KubeObject = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "podinfo", namespace: "test" },
  spec: { selector: { app: "podinfo" }, ports: [{ name: "http", port: 9898 }] },
};

const ownRoutes: KubeObject = {
  apiVersion: "networking.istio.io/v1beta1",
  kind: "VirtualService",
  metadata: { name: "podinfo", namespace: "test" },
  spec: { hosts: ["podinfo"], http: [{ route: [{ destination: { host: "podinfo" } }] }] },
};

describe("revertOnDeletion", () => {
  it("the target serves again before its Service and its routes are handed back", async () => {
    const operator = await world.operator();
    world.apply(podinfo("podinfo", "6.0.0", { replicas: 2 }), ownService, ownRoutes);
    world.apply(canary("podinfo", {}, { revertOnDeletion: true }));
    await initialized();
    expect(world.get(RESOURCES.canary, "podinfo")?.metadata.finalizers).toEqual([FINALIZER]);
    expect(world.get(RESOURCES.service, "podinfo")?.spec.selector).toEqual({ app: "podinfo-primary" });

    const served: string[] = [];
    const note = (what: string) => {
      const pods = world.get(RESOURCES.deployment, "podinfo")?.status?.availableReplicas ?? 0;
      served.push(`${what} with ${pods} pods`);
    };
    world.cluster.watch(RESOURCES.service, ({ type, object }) => {
      const back = type === "MODIFIED" && object.metadata.name === "podinfo" && object.spec.selector.app === "podinfo";
      if (back) note("Service");
    });
    world.cluster.watch(RESOURCES.virtualService, ({ type, object }) => {
      const back = type === "MODIFIED" && object.spec.http[0].route[0].destination.host === "podinfo";
      if (back) note("VirtualService");
    });
    world.cluster.remove(RESOURCES.canary, "test", "podinfo");
    await world.gone(RESOURCES.canary, "podinfo");
    await world.heard("podinfo", "Terminated canary podinfo.test");
    expect(served).toEqual(["Service with 2 pods", "VirtualService with 2 pods"]);
    const told = world.told("podinfo").filter((line) => line.startsWith("Normal"));
    expect(told.slice(-2)).toEqual(["Normal Terminating canary podinfo.test", "Normal Terminated canary podinfo.test"]);
    expect(world.get(RESOURCES.virtualService, "podinfo")?.spec.http[0].route).toEqual([
      { destination: { host: "podinfo" } },
    ]);
    // Removing its own finalizer is no change for the operator.
    expect(operator.lines.filter(({ msg }) => msg.includes("another client wrote"))).toEqual([]);
    // Objects that were created for the Canary are deleted with it; earlier objects stay.
    await world.gone(RESOURCES.deployment, "podinfo-primary");
    await world.gone(RESOURCES.service, "podinfo-canary");
    expect(world.get(RESOURCES.deployment, "podinfo")?.spec.replicas).toBe(2);
    expect(world.get(RESOURCES.service, "podinfo")).toBeDefined();
  });

  it("works during a rollout, with a restart of the operator", async () => {
    const operator = await world.operator();
    world.apply(podinfo("podinfo"), ownService, canary("podinfo", {}, { revertOnDeletion: true }));
    await initialized();
    world.apply(podinfo("podinfo", "6.0.1"));
    await world.until(RESOURCES.canary, "podinfo", "takes a step", ({ status }) => status?.canaryWeight === 30);
    world.cluster.remove(RESOURCES.canary, "test", "podinfo");
    await world.until(RESOURCES.canary, "podinfo", "is terminating", inPhase("Terminating")).catch(() => undefined);
    await operator.stop();
    await world.operator();
    await world.gone(RESOURCES.canary, "podinfo");
    expect(world.get(RESOURCES.service, "podinfo")?.spec.selector).toEqual({ app: "podinfo" });
    expect(world.get(RESOURCES.deployment, "podinfo")?.status?.availableReplicas).toBe(1);
  });

  it("can be disabled, also while the Canary is being deleted", async () => {
    const operator = await world.operator();
    world.apply(podinfo("podinfo"), canary("podinfo", {}, { revertOnDeletion: true }));
    await initialized();
    const finalizers = () => world.get(RESOURCES.canary, "podinfo")?.metadata.finalizers ?? [];
    expect(finalizers()).toEqual([FINALIZER]);
    world.edit(RESOURCES.canary, "podinfo", ({ spec }) => {
      spec.revertOnDeletion = false;
    });
    await world.until(RESOURCES.canary, "podinfo", "is let go", () => finalizers().length === 0);
    expect(world.get(RESOURCES.canary, "podinfo")?.status.phase).toBe("Initialized");

    world.edit(RESOURCES.canary, "podinfo", ({ spec }) => {
      spec.revertOnDeletion = true;
    });
    await world.until(RESOURCES.canary, "podinfo", "is held", () => finalizers().length === 1);
    await operator.stop();
    world.cluster.remove(RESOURCES.canary, "test", "podinfo");
    world.edit(RESOURCES.canary, "podinfo", ({ spec }) => {
      spec.revertOnDeletion = false;
    });
    await world.operator();
    await world.gone(RESOURCES.canary, "podinfo");
    expect(world.told("podinfo").filter((line) => line.includes("Terminat"))).toEqual([]);
  });

  it("works for an invalid Canary, too", async () => {
    await world.operator();
    world.apply(podinfo("podinfo"), canary("podinfo", {}, { revertOnDeletion: true }));
    await initialized();
    world.apply(canary("podinfo", { stepWeight: 0 }, { revertOnDeletion: true }));
    await world.heard("podinfo", "no step could ever be taken");
    world.cluster.remove(RESOURCES.canary, "test", "podinfo");
    await world.gone(RESOURCES.canary, "podinfo");
    await world.heard("podinfo", "Terminated canary podinfo.test");
    expect(world.get(RESOURCES.deployment, "podinfo")?.status?.availableReplicas).toBe(1);
  });
});

describe("revertOnDeletion of a Canary that has become invalid", () => {
  it.each([
    [
      "routes",
      ({ service, analysis, ...spec }: KubeFields) => ({
        ...spec,
        service: { ...service, appProtocol: "TCP" },
        analysis: { ...analysis, mirror: true },
      }),
      "VirtualService podinfo.test routes TCP, which cannot be mirrored",
    ],
    [
      "port",
      ({ service, ...spec }: KubeFields) => ({ ...spec, service: { ...service, port: 0 } }),
      "spec.service.port is required",
    ],
  ])("for its %s: it hands back what it took over", async (_, edit, said) => {
    await world.operator();
    world.apply(podinfo("podinfo"), ownService, ownRoutes, canary("podinfo", {}, { revertOnDeletion: true }));
    await initialized();
    world.edit(RESOURCES.canary, "podinfo", ({ spec }) => Object.assign(spec, edit(spec)));
    await world.heard("podinfo", said);
    world.cluster.remove(RESOURCES.canary, "test", "podinfo");
    await world.gone(RESOURCES.canary, "podinfo");
    expect(world.get(RESOURCES.service, "podinfo")?.spec.selector).toEqual({ app: "podinfo" });
    expect(world.get(RESOURCES.virtualService, "podinfo")?.spec).toEqual(ownRoutes.spec);
    expect(world.get(RESOURCES.deployment, "podinfo")?.status?.availableReplicas).toBe(1);
  });
});

describe("without revertOnDeletion", () => {
  it("the Canary's objects are deleted with it, and no others are touched", async () => {
    const operator = await world.operator();
    world.apply(podinfo("podinfo"), ownService, canary("podinfo"));
    await initialized();
    world.cluster.remove(RESOURCES.canary, "test", "podinfo");
    for (const [type, name] of [
      [RESOURCES.deployment, "podinfo-primary"],
      [RESOURCES.service, "podinfo-primary"],
      [RESOURCES.service, "podinfo-canary"],
      [RESOURCES.virtualService, "podinfo"],
      [RESOURCES.destinationRule, "podinfo-primary"],
    ] as const) {
      await world.gone(type, name);
    }
    expect(world.get(RESOURCES.deployment, "podinfo")?.spec.replicas).toBe(0);
    expect(world.get(RESOURCES.service, "podinfo")).toBeDefined();
    await operator.logged("Deleting podinfo.test from cache");
    const { body } = await operator.get("/metrics");
    expect(body).toContain('flagger_canary_total{namespace="test"} 0');
    expect(body).not.toContain('name="podinfo"');
    expect(body).not.toContain('workload="podinfo');
  });
});

describe("the operator", () => {
  it("can stop during a rollout: routes and pods stay as they are", async () => {
    const operator = await world.operator();
    world.apply(podinfo("podinfo"), canary("podinfo"));
    await initialized();
    world.apply(podinfo("podinfo", "6.0.1"));
    await world.until(RESOURCES.virtualService, "podinfo", "takes a step", (routes) => weightsOf(routes)[1] === 30);
    await operator.stop();
    const writes = world.requests().filter(({ method }) => method !== "GET").length;
    for (const name of ["podinfo", "podinfo-primary"]) {
      expect(world.get(RESOURCES.deployment, name)?.status?.availableReplicas).toBe(1);
    }
    expect(weightsOf(world.get(RESOURCES.virtualService, "podinfo"))[1]).toBe(30);
    expect(world.requests().filter(({ method }) => method !== "GET")).toHaveLength(writes);
  });
});

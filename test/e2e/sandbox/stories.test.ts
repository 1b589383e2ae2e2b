/** Real rollouts on a real sandbox: real HTTP, real metrics, real processes. Users ask all the while. */
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

async function initialised(name: string, analysis: object, spec: object = {}): Promise<void> {
  await world.apply(podinfo(name), canary(name, analysis, spec));
  await world.until(RESOURCES.canary, name, inPhase("Initialized"));
  await world.until(RESOURCES.deployment, name, ({ spec: deployed }) => deployed.replicas === 0);
}

const promoted = (name: string) => world.heard(name, "Promotion completed!");

const users = (name: string) =>
  startUserTraffic({ url: world.sandbox.ingressUrl, host: `${name}.example.com`, requestsPerSecond: 20 });

async function version(name: string, headers: Record<string, string> = {}): Promise<string> {
  const { request } = await import("undici");
  const answer = await request(`${world.sandbox.ingressUrl}/version`, {
    headers: { host: `${name}.example.com`, ...headers },
  });
  return ((await answer.body.json()) as { version: string }).version;
}

const PROMOTED = (name: string) => [
  `Copying ${name}.test template spec to ${name}-primary.test`,
  "Routing all traffic to primary",
  `Promotion completed! Scaling down ${name}.test`,
];
const STARTED = (name: string) => [
  `New revision detected! Scaling up ${name}.test`,
  `Starting canary analysis for ${name}.test`,
  "Pre-rollout check load passed",
];

/** From the first new revision on, without what depends on the machine's speed: checks that found no traffic yet. */
const journey = (name: string) => {
  const said = world.events(name).filter((message) => !message.startsWith("Halt advancement no values found"));
  return said.slice(said.findIndex((message) => message.startsWith("New revision")));
};

describe("a good release", () => {
  it.concurrent("goes up step by step and is promoted", async () => {
    await initialised("up", { stepWeight: 25, maxWeight: 50 });
    const traffic = users("up");
    await world.apply(podinfo("up", "6.0.1"));
    await promoted("up");
    await world.until(RESOURCES.deployment, "up", ({ spec }) => spec.replicas === 0);
    await traffic.stop();
    expect(await version("up")).toBe("6.0.1");
    expect(traffic.totals()).toMatchObject({ failed: 0, failures: [] });
    const weights = ["Advance up.test canary weight 25", "Advance up.test canary weight 50"];
    expect(journey("up")).toEqual([...STARTED("up"), ...weights, ...PROMOTED("up")]);
  });

  it.concurrent("by A/B testing reaches only those who match", async () => {
    await initialised("ab", { iterations: 3, match: [{ headers: { "x-canary": { exact: "insider" } } }] });
    const traffic = users("ab");
    await world.apply(podinfo("ab", "6.0.1"));
    await world.until(RESOURCES.canary, "ab", ({ status }) => status?.iterations >= 1);
    await world.until(
      RESOURCES.virtualService,
      "ab",
      ({ spec }) =>
        spec.http[0].route.find((d: { weight: number }) => d.weight === 100)?.destination.host === "ab-canary",
    );
    expect([await version("ab"), await version("ab", { "x-canary": "insider" })]).toEqual(["6.0.0", "6.0.1"]);
    await promoted("ab");
    await traffic.stop();
    expect(traffic.totals()).toMatchObject({ failed: 0, failures: [] });
    const iterations = [1, 2, 3].map((i) => `Advance ab.test canary iteration ${i}/3`);
    expect(journey("ab")).toEqual([...STARTED("ab"), ...iterations, ...PROMOTED("ab")]);
  });

  it.concurrent("by blue/green with mirroring is tried with copies of the traffic, then with all of it", async () => {
    await initialised("bg", { iterations: 2, mirror: true });
    const traffic = users("bg");
    await world.apply(podinfo("bg", "6.0.1"));
    await world.until(RESOURCES.virtualService, "bg", ({ spec }) => spec.http[0].mirror?.host === "bg-canary");
    await promoted("bg");
    await traffic.stop();
    expect(traffic.totals()).toMatchObject({ failed: 0, failures: [] });
    expect(journey("bg")).toEqual([
      ...STARTED("bg"),
      "Advance bg.test canary iteration 1/2",
      "Advance bg.test canary iteration 2/2",
      "Stop traffic mirroring and route all traffic to canary",
      ...PROMOTED("bg"),
    ]);
  });
});

describe("a bad release", () => {
  it.concurrent("that fails requests is taken back", async () => {
    // A ninth of its requests fail with 5xx: steps enough that some are seen.
    await initialised("bad", { stepWeight: 5, maxWeight: 50, threshold: 2 });
    await world.apply(podinfo("bad", "6.0.1", ["--random-error"]));
    await world.heard("bad", "Canary failed!");
    await world.until(RESOURCES.deployment, "bad", ({ spec }) => spec.replicas === 0);
    expect(await version("bad")).toBe("6.0.0");
    expect(journey("bad").slice(-2)).toEqual([
      "Rolling back bad.test failed checks threshold reached 2",
      "Canary failed! Scaling down bad.test",
    ]);
  });

  it.concurrent("that never becomes ready gets no user, and is taken back at its deadline", async () => {
    await initialised("dead", { stepWeight: 50, maxWeight: 50 }, { progressDeadlineSeconds: 5 });
    const traffic = users("dead");
    const unready = podinfo("dead", "6.0.1", ["--unready"]);
    unready.spec.progressDeadlineSeconds = 5;
    await world.apply(unready);
    await world.until(RESOURCES.canary, "dead", inPhase("Failed"));
    await traffic.stop();
    expect(traffic.totals()).toMatchObject({ failed: 0, failures: [] });
    expect(world.events("dead").filter((message) => message.includes("Advance"))).toEqual([]);
  });
});

describe("gates", () => {
  it.concurrent("hold the promotion until they are opened", async () => {
    const url = "http://flagger-loadtester.test/gate/check";
    const gate = { name: "sign-off", type: "confirm-promotion", url };
    await initialised("gated", { stepWeight: 50, maxWeight: 50, webhooks: [gate], metrics: [] });
    await world.apply(podinfo("gated", "6.0.1"));
    await world.until(RESOURCES.canary, "gated", inPhase("WaitingPromotion"));
    const { request } = await import("undici");
    const tester = world.sandbox.cluster.get(RESOURCES.service, "test", "flagger-loadtester");
    const opened = await request(`http://${tester?.spec.clusterIP}/gate/open`, {
      method: "POST",
      body: JSON.stringify({ name: "gated", namespace: "test" }),
    });
    expect(opened.statusCode).toBe(202);
    await promoted("gated");
    expect(journey("gated")).toEqual([
      "New revision detected! Scaling up gated.test",
      "Starting canary analysis for gated.test",
      "Advance gated.test canary weight 50",
      "Halt gated.test advancement waiting for promotion approval sign-off",
      "Confirm-promotion check sign-off passed",
      ...PROMOTED("gated"),
    ]);
  });
});

describe("configuration", () => {
  it.concurrent("that changes alone is a release, and what was tested is what is promoted", async () => {
    const config = (color: string) => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "conf", namespace: "test" },
      data: { PODINFO_UI_COLOR: color },
    });
    const target = podinfo("conf");
    target.spec.template.spec.containers[0].envFrom = [{ configMapRef: { name: "conf" } }];
    await world.apply(config("red"), target, canary("conf", { stepWeight: 50, maxWeight: 50 }));
    await world.until(RESOURCES.canary, "conf", inPhase("Initialized"));
    await world.until(RESOURCES.deployment, "conf", ({ spec }) => spec.replicas === 0);
    await world.apply(config("blue"));
    await promoted("conf");
    expect(world.sandbox.cluster.get(RESOURCES.configMap, "test", "conf-primary")?.data).toEqual({
      PODINFO_UI_COLOR: "blue",
    });
    expect(journey("conf")[0]).toBe("New revision detected! Scaling up conf.test");
  });
});

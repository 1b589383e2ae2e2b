/** Mistakes of users: one clear message each, no object is touched, and correcting the mistake is enough. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type KubeFields, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { canary, inPhase, podinfo, weightsOf } from "../harness/objects.ts";
import type { Operator } from "../harness/operator.ts";
import { type MetricServer, type Receiver, startMetricServer, startReceiver } from "../harness/servers.ts";
import { startWorld, type World } from "../harness/world.ts";

let world: World;
let hooks: Receiver;
let metrics: MetricServer;
let operator: Operator;

beforeAll(async () => {
  hooks = await startReceiver();
  metrics = await startMetricServer();
  world = await startWorld();
  operator = await world.operator([`-metrics-server=${metrics.url}`, "-no-cross-namespace-refs"]);
});

afterAll(async () => {
  await world.stop();
  await Promise.all([hooks.stop(), metrics.stop()]);
});

async function initialized(name: string): Promise<void> {
  await world.until(RESOURCES.canary, name, "is initialised", inPhase("Initialized"));
  // The last action.
  const { name: target } = world.get(RESOURCES.canary, name)?.spec.targetRef ?? {};
  await world.until(RESOURCES.deployment, target, "is scaled down", ({ spec }) => spec.replicas === 0);
}

const count = (name: string, text: string) => world.told(name).filter((line) => line.includes(text)).length;

async function started(name: string, analysis: KubeFields): Promise<void> {
  world.apply(podinfo(name), canary(name, analysis));
  await initialized(name);
  world.apply(podinfo(name, "6.0.1"));
}

describe("an invalid Canary is refused, and no object is touched", () => {
  it.concurrent.each<[string, KubeFields, KubeFields, string]>([
    [
      "no-step",
      { stepWeight: 0 },
      {},
      "invalid canary spec: spec.analysis needs iterations, stepWeights or a stepWeight greater than 0: " +
        "no step could ever be taken",
    ],
    [
      "half-step",
      { stepWeight: 2.5 },
      {},
      "invalid canary spec: spec.analysis.stepWeight: must be a whole number, found 2.5",
    ],
    [
      "falling",
      { stepWeights: [10, 0] },
      {},
      "invalid canary spec: spec.analysis.stepWeights must be greater than 0, found 0",
    ],
    [
      "cookies",
      { sessionAffinity: { cookieName: "a", primaryCookieName: "a" } },
      {},
      "invalid canary spec: can't use the same cookie name for both primary and cookie name; please update them to be different (spec.analysis.sessionAffinity.cookieName and primaryCookieName)",
    ],
    [
      "abroad",
      { metrics: [{ name: "latency", templateRef: { name: "latency", namespace: "other" } }] },
      {},
      "invalid canary spec: can't access metric template latency.other, cross-namespace references are blocked: name one of this namespace in spec.analysis.metrics",
    ],
    [
      "knative",
      {},
      { provider: "knative" },
      "invalid canary spec: can't use apps/v1/Deployment as target if provider is set to knative: set spec.provider to the provider of this target, or spec.targetRef to a Service of serving.knative.dev/v1",
    ],
    [
      "provider",
      {},
      { provider: "nginx" },
      "ingress selector is empty: set spec.ingressRef to the Ingress that leads to the Service",
    ],
    [
      "portless",
      {},
      { service: { port: 0 } },
      "spec.service.port is required: set it to the port that portless serves",
    ],
    [
      "scaler",
      {},
      { autoscalerRef: { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", name: "scaler" } },
      'HorizontalPodAutoscaler scaler.test get query error: horizontalpodautoscalers.autoscaling "scaler" not found',
    ],
  ])("%s", async (name, analysis, spec, message) => {
    world.apply(podinfo(name), canary(name, analysis, spec));
    expect(await world.heard(name, message)).toBe(message);
    expect(world.get(RESOURCES.deployment, `${name}-primary`)).toBeUndefined();
    expect(world.get(RESOURCES.service, name)).toBeUndefined();
    expect(world.get(RESOURCES.deployment, name)?.spec.replicas).toBe(1);
    world.apply(canary(name));
    await initialized(name);
    expect(count(name, message)).toBe(1);
  });

  it.concurrent("one that becomes invalid between two rollouts keeps its routes", async () => {
    world.apply(podinfo("turned"), canary("turned"));
    await initialized("turned");
    const before = world.get(RESOURCES.virtualService, "turned");
    world.apply(canary("turned", { stepWeight: 0 }));
    await world.heard("turned", "no step could ever be taken");
    world.apply(podinfo("turned", "6.0.1"));
    expect(world.get(RESOURCES.virtualService, "turned")).toEqual(before);
    world.apply(canary("turned"));
    await world.heard("turned", "New revision detected! Scaling up turned.test");
  });
});

describe("targets", () => {
  it.concurrent("a missing one is waited for", async () => {
    world.apply(canary("missing"));
    await world.heard("missing", 'deployment missing.test get query error: deployments.apps "missing" not found');
    world.apply(podinfo("missing"));
    await initialized("missing");
    expect(count("missing", "not found")).toBe(1);
  });

  it.concurrent("one that is deleted leaves the routes as they are", async () => {
    world.apply(podinfo("lost"), canary("lost"));
    await initialized("lost");
    const before = world.get(RESOURCES.virtualService, "lost");
    world.cluster.remove(RESOURCES.deployment, "test", "lost");
    await world.heard("lost", 'deployment lost.test get query error: deployments.apps "lost" not found');
    expect(world.get(RESOURCES.virtualService, "lost")).toEqual(before);
    world.apply(podinfo("lost", "6.0.2"));
    await world.heard("lost", "New revision detected! Scaling up lost.test");
  });

  it.concurrent("one without a selector label is reported", async () => {
    const target = podinfo("unlabelled");
    target.spec.selector.matchLabels = { unknown: "unlabelled" };
    target.spec.template.metadata.labels = { unknown: "unlabelled" };
    world.apply(target, canary("unlabelled"));
    const text =
      "getSelectorLabel failed: deployment unlabelled.test spec.selector.matchLabels must contain one of " +
      "[app name app.kubernetes.io/name]";
    expect(await world.heard("unlabelled", "matchLabels")).toBe(text);
    expect(world.get(RESOURCES.service, "unlabelled")).toBeUndefined();
  });

  it.concurrent("Q14: of two canaries on one target, the older one runs and the other waits for its end", async () => {
    world.apply(podinfo("shared"), canary("shared"));
    await initialized("shared");
    const service = { port: 9898, name: "other" };
    const second = canary("shared-too", {}, { service });
    second.spec.targetRef.name = "shared";
    world.apply(second);
    await world.heard(
      "shared-too",
      "spec.targetRef Deployment shared.test is released by canary shared.test already: delete this canary, or",
    );
    const lines = operator.lines.filter(({ msg }) => msg.includes("Bad things will happen!"));
    const text = "Bad things will happen! Found more than one canary with the same target shared.test";
    expect(lines.map(({ level, canary: who, msg }) => ({ level, who, msg }))).toEqual([
      { level: "error", who: "shared-too.test", msg: text },
      { level: "error", who: "shared.test", msg: text },
    ]);
    expect(world.get(RESOURCES.service, "other")).toBeUndefined();
    world.cluster.remove(RESOURCES.canary, "test", "shared");
    await world.until(RESOURCES.canary, "shared-too", "is initialised", inPhase("Initialized"));
    await world.until(RESOURCES.service, "other", "selects", ({ spec }) => spec.selector.app === "shared-primary");
  });
});

describe("metrics", () => {
  const checked = (name: string, threshold = 3) => ({
    threshold,
    metrics: [{ name, interval: "1m", thresholdRange: { min: 99 }, query: `up{job="${name}"}` }],
  });

  it.concurrent("a query without data halts the analysis, and with data it goes on", async () => {
    let value: number | undefined;
    const { value: others } = metrics;
    metrics.value = (query) => (query.includes("absent") ? value : others(query));
    await started("nodata", checked("absent", 50));
    expect(await world.heard("nodata", "Halt advancement")).toBe("Halt advancement no values found for metric: absent");
    const halted = await world.until(
      RESOURCES.canary,
      "nodata",
      "is halted",
      ({ status }) => status?.failedChecks >= 1,
    );
    expect(halted.status).toMatchObject({ phase: "Progressing", canaryWeight: 30 });
    value = 100;
    await world.until(RESOURCES.canary, "nodata", "is promoted", inPhase("Succeeded"));
  });

  it.concurrent("an unreachable metric server fails checks with its address, and the release is rolled back", async () => {
    world.apply(podinfo("away"), canary("away", checked("away"), { metricsServer: "http://127.0.0.1:1" }));
    await initialized("away");
    world.apply(podinfo("away", "6.0.1"));
    const text = await world.heard("away", "Prometheus query failed");
    expect(text).toMatch(/^Prometheus query failed for away: .*127\.0\.0\.1:1/);
    const failed = await world.until(RESOURCES.canary, "away", "is rolled back", inPhase("Failed"));
    expect(failed.status.canaryWeight).toBe(0);
    await world.until(RESOURCES.virtualService, "away", "is given back", (vs) => weightsOf(vs)[1] === 0);
    await world.heard("away", "Rolling back away.test failed checks threshold reached 3");
  });

  it.concurrent("a missing template is reported by its name", async () => {
    const { metrics: _own, ...analysis } = checked("x");
    await started("untold", { ...analysis, metrics: [{ name: "latency", templateRef: { name: "latency" } }] });
    expect(await world.heard("untold", "Metric template")).toBe(
      'Metric template latency.test error: metrictemplate.flagger.app "latency" not found',
    );
  });
});

describe("webhooks", () => {
  it.concurrent("one that does not answer in time fails the check, with its name and address", async () => {
    hooks.answer = ({ path }) => (path === "/hang" ? "silence" : { status: 200 });
    const url = `${hooks.url}/hang`;
    await started("hung", { threshold: 2, webhooks: [{ name: "load", url, timeout: "200ms", type: "rollout" }] });
    expect(await world.heard("hung", "external check")).toBe(
      `Halt hung.test advancement external check load failed POST ${url} giving up after 1 attempt(s): ` +
        `Post "${url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
    );
    await world.until(RESOURCES.canary, "hung", "is rolled back", inPhase("Failed"));
  });
});

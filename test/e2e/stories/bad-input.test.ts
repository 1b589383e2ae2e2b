/**
 * Mistakes of users, and failures: one clear message each, nothing crashes, and the rollout goes on when they are
 * corrected.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type KubeFields, type KubeObject, RESOURCES, type ResourceType } from "../../../src/ports/kubernetes.ts";
import { type Fixture, startFixture } from "./fixture.ts";
import { canary as canaryOf, deployment } from "./manifests.ts";

let fixture: Fixture;

beforeAll(async () => {
  fixture = await startFixture();
});

afterAll(() => fixture.stop());

const NAMESPACE = "test";

/** All in one namespace, each with the name of its mistake. */
const podinfo = (name: string, version = "6.0.0") => deployment(NAMESPACE, { version, replicas: 1 }, name);
const canary = (name: string, analysis: KubeFields, spec: KubeFields = {}) =>
  canaryOf(NAMESPACE, { analysis, spec, service: { hosts: [`${name}.example.com`] } }, name);
const heard = (name: string, text: string) => fixture.heard(NAMESPACE, text, name);
const until = (type: ResourceType, name: string, what: string, holds: (object: KubeObject) => boolean) =>
  fixture.until({ type, namespace: NAMESPACE, name }, what, (object) => object !== undefined && holds(object));
const untilPhase = (name: string, phase: string) =>
  until(RESOURCES.canary, name, phase, ({ status }) => status?.phase === phase);
const STEPS = { stepWeight: 50, maxWeight: 50 };

describe("mistakes are reported once, and correcting them is enough", () => {
  it.concurrent("a missing target", async () => {
    await fixture.apply(canary("ghost", STEPS));
    await heard("ghost", 'deployment ghost.test get query error: deployments.apps "ghost" not found');
    await fixture.apply(podinfo("ghost"));
    await untilPhase("ghost", "Initialized");
    expect(fixture.said(NAMESPACE, "ghost").filter((message) => message.includes("not found"))).toHaveLength(1);
  });

  it.concurrent("a target without a selector label", async () => {
    const target = podinfo("plain");
    target.spec.selector.matchLabels = { unknown: "plain" };
    target.spec.template.metadata.labels = { unknown: "plain" };
    await fixture.apply(target, canary("plain", STEPS));
    await heard(
      "plain",
      "deployment plain.test spec.selector.matchLabels must contain one of [app name app.kubernetes.io/name]",
    );
    expect(fixture.sandbox.cluster.get(RESOURCES.virtualService, "test", "plain")).toBeUndefined();
  });

  it.concurrent("Q9, Q28: a Canary that could never take a step", async () => {
    await fixture.apply(podinfo("still"), canary("still", { stepWeight: 0, maxWeight: 50 }));
    await heard("still", "no step could ever be taken");
    await fixture.apply(canary("still", STEPS));
    await untilPhase("still", "Initialized");
    expect(fixture.said(NAMESPACE, "still").filter((message) => message.includes("invalid canary spec"))).toHaveLength(
      1,
    );
  });

  it.concurrent("a Service without a port", async () => {
    const portless = canary("portless", STEPS);
    portless.spec.service = { port: 0 };
    await fixture.apply(podinfo("portless"), portless);
    await heard("portless", "spec.service.port is required");
  });

  it.concurrent("a provider that does not exist", async () => {
    await fixture.apply(podinfo("lost"), canary("lost", STEPS, { provider: "linkerd" }));
    await heard("lost", "kind TrafficSplit of split.smi-spec.io/v1alpha1 is not installed in the cluster");
  });

  it.concurrent("a missing ConfigMap", async () => {
    const target = podinfo("needy");
    target.spec.template.spec.containers[0].envFrom = [{ configMapRef: { name: "needed" } }];
    await fixture.apply(target, canary("needy", STEPS));
    await heard("needy", 'configmaps "needed" not found');
    await fixture.apply({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "needed", namespace: "test" },
      data: { a: "b" },
    });
    await untilPhase("needy", "Initialized");
  });

  it.concurrent("the API server refuses an object against its schema, in its own words", async () => {
    const bad = canary("shape", { ...STEPS, interval: "1h" });
    await expect(fixture.apply(bad)).rejects.toThrow(
      /spec\.analysis\.interval: Invalid value: "1h": spec\.analysis\.interval in body should match/,
    );
  });
});

describe("a failure of something that a rollout depends on", () => {
  const released = async (name: string, analysis: object, spec: object = {}) => {
    await fixture.apply(podinfo(name), canary(name, analysis, spec));
    await untilPhase(name, "Initialized");
    await until(RESOURCES.deployment, name, "at rest", ({ spec: deployed }) => deployed.replicas === 0);
    await fixture.apply(podinfo(name, "6.0.1"));
  };

  it.concurrent("a metric server that does not answer fails the checks, and the release is rolled back", async () => {
    await released("blind", { ...STEPS, threshold: 2 }, { metricsServer: "http://127.0.0.1:1" });
    await heard("blind", "Prometheus query failed: running query failed: request failed:");
    await untilPhase("blind", "Failed");
  });

  it.concurrent("a query without data is named", async () => {
    await released("silent", { ...STEPS, threshold: 2, webhooks: [] });
    await heard(
      "silent",
      "Halt advancement no values found for istio metric request-success-rate probably silent.test is not receiving traffic",
    );
  });

  it.concurrent("a webhook that does not answer in time", async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
    const hook = { name: "slow", type: "rollout", url, timeout: "1s" };
    await released("hang", { ...STEPS, threshold: 1, webhooks: [hook], metrics: [] });
    await heard(
      "hang",
      `Halt hang.test advancement external check slow failed POST ${url} giving up after 1 attempt(s)`,
    );
    await untilPhase("hang", "Failed");
    silent.closeAllConnections();
    silent.close();
  });

  it.concurrent("routes that a user edits during a run are restored", async () => {
    await released("edited", { stepWeight: 10, maxWeight: 60, interval: "1s", metrics: [], webhooks: [] });
    await until(RESOURCES.canary, "edited", "at 20", ({ status }) => status?.canaryWeight === 20);
    const { kube } = fixture.client;
    const ref = { type: RESOURCES.virtualService, namespace: "test", name: "edited" };
    await kube.mergePatch(ref, { spec: { http: [] } }, {}, new AbortController().signal);
    await until(RESOURCES.virtualService, "edited", "restored", ({ spec }) => spec.http?.[0]?.route?.length === 2);
    await untilPhase("edited", "Succeeded");
  });
});

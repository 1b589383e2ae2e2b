/** The operator starts, stops and returns while users send requests: after Flagger, before Flagger, and finally. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { flaggerCrds, type Left, leftByFlagger, settings } from "../harness/flagger.ts";
import { type Fixture, startFixture } from "./fixture.ts";
import { beforeCanary, canary, deployment, namespace, PORT } from "./manifests.ts";
import { stage } from "./story.ts";
import { startUsers, type Users } from "./users.ts";

const { canary: CANARY, deployment: DEPLOYMENT, virtualService: ROUTES } = RESOURCES;

let fixture: Fixture;

beforeAll(async () => {
  fixture = await startFixture({ operators: [] });
  await fixture.apply(...flaggerCrds());
});

afterAll(() => fixture.stop());

const notAborted = new AbortController().signal;
const versionOf = (object: KubeObject | undefined) => object?.spec?.template.spec.containers[0].image.split(":")[1];
const statusOf = (name: string) => fixture.sandbox.cluster.get(CANARY, name, "podinfo")?.status;
const routesOf = (name: string) => fixture.sandbox.cluster.get(ROUTES, name, "podinfo")?.spec.http;
const untilPhase = (name: string, phase: string) =>
  fixture.until({ type: CANARY, namespace: name, name: "podinfo" }, phase, (object) => object?.status?.phase === phase);

const target = (name: string) => (version: string, replicas: number) =>
  deployment(name, { version, replicas, container: { envFrom: [{ configMapRef: { name: "settings" } }] } });

/** The objects that Flagger leaves at some moment, with users. */
async function left(name: string, what: Left): Promise<Users> {
  const { cluster } = fixture.sandbox;
  await fixture.clear(name);
  await fixture.apply(namespace(name));
  const until = (type: typeof CANARY, object: string, is: string, holds: (object: KubeObject) => boolean) =>
    fixture.until({ type, namespace: name, name: object }, is, (seen) => seen !== undefined && holds(seen));
  const manifests = {
    target: target(name),
    canary: canary(name, { analysis: { stepWeights: [30, 60] }, service: { portDiscovery: false } }),
  };
  const routes = { hosts: [`${name}.example.com`, "podinfo"], gateways: ["istio-system/public-gateway", "mesh"] };
  await leftByFlagger({ cluster, until, namespace: name }, { ...what, manifests, routes });
  const service = cluster.get(RESOURCES.service, name, "podinfo");
  const doors = [
    { url: fixture.sandbox.ingressUrl, host: `${name}.example.com` },
    { url: `http://${service?.spec?.clusterIP}:${PORT}` },
  ];
  const users = startUsers([{ doors }], 10);
  fixture.activeUsers.set(name, users);
  await users.until("anything", (answers) => answers.length > 5);
  return users;
}

/** Another Canary, created after the operator's start, has finished: every other Canary had its turn. */
async function rested(name: string): Promise<void> {
  await fixture.startOperatorFor(name);
  await fixture.apply(
    deployment(name, { version: "1.0.0", replicas: 1 }, "bystander"),
    canary(name, { analysis: { stepWeights: [50] }, service: { hosts: [`bystander.${name}.com`] } }, "bystander"),
  );
  const ref = { type: CANARY, namespace: name, name: "bystander" };
  await fixture.until(ref, "initialised", (object) => object?.status?.phase === "Initialized");
}

async function more(users: Users): Promise<void> {
  const sofar = users.answers.length;
  await users.until("more answers", (answers) => answers.length > sofar + 20);
}

const failures = ({ answers }: Users) => answers.filter(({ status }) => status !== 200).map(({ text }) => text);
const said = (name: string) => fixture.said(name);

describe.concurrent("taken over from Flagger under traffic", () => {
  it.each<Left>([
    { phase: "Initialized", target: "6.0.0", primary: "6.0.0" },
    { phase: "Succeeded", target: "6.0.0", primary: "6.0.0" },
    { phase: "Failed", target: "6.0.1", primary: "6.0.0" },
    { phase: "Succeeded", target: "6.0.0", primary: "6.0.0", otherHashes: true },
  ])("when idle ($phase, other hashes: $otherHashes): no rollout begins, no request fails", async (what) => {
    const name = `${what.phase}-${what.otherHashes === true ? "other" : "same"}`.toLowerCase();
    const users = await left(name, what);
    const before = {
      routes: routesOf(name),
      primary: versionOf(fixture.sandbox.cluster.get(DEPLOYMENT, name, "podinfo-primary")),
    };
    await rested(name);
    await more(users);
    await users.stop();
    expect(failures(users)).toEqual([]);
    expect(new Set(users.answers.map(({ version }) => version))).toEqual(new Set(["6.0.0"]));
    expect(said(name)).toEqual([]);
    expect(statusOf(name).phase).toBe(what.phase);
    expect({
      routes: routesOf(name),
      primary: versionOf(fixture.sandbox.cluster.get(DEPLOYMENT, name, "podinfo-primary")),
    }).toEqual(before);
  });

  it.each([
    { phase: "Progressing", primary: "6.0.0", weight: 30, routed: [30, 60, 0] },
    { phase: "Promoting", primary: "6.0.1", weight: 60, routed: [60, 0] },
    { phase: "Finalising", primary: "6.0.1", weight: 0, routed: [0] },
  ])("during a run ($phase): the run continues to its end", async ({ routed, ...what }) => {
    const name = what.phase.toLowerCase();
    const users = await left(name, { ...what, target: "6.0.1" });
    const weights: number[] = [];
    fixture.sandbox.cluster.watch(ROUTES, ({ object }) => {
      if (object.metadata.namespace !== name) return;
      const weight = object.spec.http[0].route[1].weight;
      if (weights.at(-1) !== weight) weights.push(weight);
    });
    await fixture.startOperatorFor(name);
    await untilPhase(name, "Succeeded");
    await more(users);
    await users.stop();
    expect(failures(users)).toEqual([]);
    expect(weights).toEqual(routed);
    expect(said(name).filter((line) => /New revision|Rolling back|Canary failed/.test(line))).toEqual([]);
    expect(users.answers.at(-1)?.version).toBe("6.0.1");
    // And the next revision, of the configuration alone.
    await fixture.apply(settings("blue", name));
    await untilPhase(name, "Progressing");
  });
});

describe.concurrent("the operator's Deployment is deleted under traffic", () => {
  const leave = async (name: string) => {
    const ref = { type: DEPLOYMENT, namespace: "istio-system", name: `flagger-${name}` };
    await fixture.client.kube.delete(ref, { propagation: "Foreground" }, notAborted);
    await fixture.until(ref, "gone", (object) => object === undefined);
    const pods = fixture.sandbox.cluster.list(RESOURCES.pod, "istio-system");
    expect(pods.filter(({ metadata }) => metadata.labels?.["app"] === ref.name)).toEqual([]);
  };
  /** Everything that decides which pods answer which users. */
  const decisions = (name: string) =>
    [ROUTES, RESOURCES.service, RESOURCES.destinationRule].flatMap((type) =>
      fixture.sandbox.cluster.list(type, name).map(({ kind, metadata, spec }) => ({ kind, name: metadata.name, spec })),
    );

  it("during a run: all objects stay, Flagger could continue, and the next operator does", async () => {
    const name = "leaving";
    await fixture.clear(name);
    await fixture.startOperatorFor(name);
    const story = await stage(fixture, name, { analysis: { stepWeights: [30, 60] } });
    await story.release({ version: "6.0.1" });
    await story.untilWeight(30);
    await fixture.until(
      { type: ROUTES, namespace: name, name: "podinfo" },
      "at 30",
      () => story.routes().at(-1) === "70/30",
    );
    await leave(name);
    const before = decisions(name);
    const status = statusOf(name);
    expect(status).toMatchObject({ phase: "Progressing", canaryWeight: 30 });
    expect(status.aviary).toBeUndefined();
    await more(story.users);
    expect(decisions(name)).toEqual(before);
    expect(statusOf(name)).toEqual(status);
    await fixture.startOperatorFor(name);
    const { dropped, injected, failedByPrimary } = await story.end("Succeeded");
    expect(story.routes()).toEqual(["100/0", "70/30", "40/60", "100/0"]);
    expect({ dropped, injected, failedByPrimary }).toEqual({ dropped: [], injected: 0, failedByPrimary: 0 });
  });

  it("when idle: all objects stay, and a release meanwhile is noticed when the operator returns", async () => {
    const name = "away";
    await fixture.clear(name);
    await fixture.startOperatorFor(name);
    const story = await stage(fixture, name, { analysis: { stepWeights: [60] } });
    await leave(name);
    const before = decisions(name);
    await fixture.apply(deployment(name, { version: "6.0.1", replicas: 1 }));
    await more(story.users);
    expect(decisions(name)).toEqual(before);
    expect(new Set(story.users.answers.map(({ version }) => version))).toEqual(new Set(["6.0.0"]));
    await fixture.startOperatorFor(name);
    const { dropped, injected, failedByPrimary } = await story.end("Succeeded");
    expect({ dropped, injected, failedByPrimary }).toEqual({ dropped: [], injected: 0, failedByPrimary: 0 });
  });

  it("before its Canaries: they wait for it, users are served, and it hands everything back when it returns", async () => {
    const name = "orphan";
    await fixture.clear(name);
    await fixture.startOperatorFor(name);
    const story = await stage(fixture, name, {
      target: beforeCanary(name),
      analysis: { stepWeights: [60] },
      spec: { revertOnDeletion: true },
    });
    await leave(name);
    const before = decisions(name);
    const ref = { type: CANARY, namespace: name, name: "podinfo" };
    await fixture.client.kube.delete(ref, {}, notAborted);
    await more(story.users);
    expect(decisions(name)).toEqual(before);
    expect(fixture.sandbox.cluster.get(CANARY, name, "podinfo")?.metadata.deletionTimestamp).toBeDefined();
    await fixture.startOperatorFor(name);
    await fixture.until(ref, "gone", (object) => object === undefined);
    await fixture.until(
      { ...ref, type: DEPLOYMENT, name: "podinfo-primary" },
      "gone",
      (object) => object === undefined,
    );
    await more(story.users);
    const { dropped, injected, failedByPrimary, answers } = await story.close();
    expect({ dropped, injected, failedByPrimary }).toEqual({ dropped: [], injected: 0, failedByPrimary: 0 });
    expect(answers.at(-1)?.pod).not.toContain("podinfo-primary");
  });
});

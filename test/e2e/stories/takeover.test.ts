/** The operator comes, goes and comes back while users keep asking: after Flagger, before Flagger, and for good. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { flaggerCrds, type Left, leftByFlagger, settings } from "../harness/flagger.ts";
import { beforeCanary, canary, deployment, namespace, PORT } from "./manifests.ts";
import { stage } from "./story.ts";
import { startTown, type Town } from "./town.ts";
import { startUsers, type Users } from "./users.ts";

vi.setConfig({ testTimeout: 120_000 });

const { canary: CANARY, deployment: DEPLOYMENT, virtualService: ROUTES } = RESOURCES;

let town: Town;

beforeAll(async () => {
  town = await startTown({ operators: [] });
  await town.apply(...flaggerCrds());
});

afterAll(() => town.stop());

const never = new AbortController().signal;
const versionOf = (object: KubeObject | undefined) => object?.spec?.template.spec.containers[0].image.split(":")[1];
const statusOf = (name: string) => town.sandbox.cluster.get(CANARY, name, "podinfo")?.status;
const routesOf = (name: string) => town.sandbox.cluster.get(ROUTES, name, "podinfo")?.spec.http;
const untilPhase = (name: string, phase: string) =>
  town.until({ type: CANARY, namespace: name, name: "podinfo" }, phase, (object) => object?.status?.phase === phase);

const target = (name: string) => (version: string, replicas: number) =>
  deployment(name, { version, replicas, container: { envFrom: [{ configMapRef: { name: "settings" } }] } });

/** What Flagger leaves at some moment, with users who know nothing of all this. */
async function left(name: string, what: Left): Promise<Users> {
  const { cluster } = town.sandbox;
  await town.clear(name);
  await town.apply(namespace(name));
  const until = (type: typeof CANARY, object: string, is: string, holds: (object: KubeObject) => boolean) =>
    town.until({ type, namespace: name, name: object }, is, (seen) => seen !== undefined && holds(seen));
  const manifests = {
    target: target(name),
    canary: canary(name, { analysis: { stepWeights: [30, 60] }, service: { portDiscovery: false } }),
  };
  const routes = { hosts: [`${name}.example.com`, "podinfo"], gateways: ["istio-system/public-gateway", "mesh"] };
  await leftByFlagger({ cluster, until, namespace: name }, { ...what, manifests, routes });
  const service = cluster.get(RESOURCES.service, name, "podinfo");
  const doors = [
    { url: town.sandbox.ingressUrl, host: `${name}.example.com` },
    { url: `http://${service?.spec?.clusterIP}:${PORT}` },
  ];
  const users = startUsers([{ doors }], 10);
  town.guests.set(name, users);
  await users.until("anything", (answers) => answers.length > 5);
  return users;
}

/** Another Canary, made after the operator began, has been brought all the way: every other had its turn. */
async function rested(name: string): Promise<void> {
  await town.employ(name);
  await town.apply(
    deployment(name, { version: "1.0.0", replicas: 1 }, "bystander"),
    canary(name, { analysis: { stepWeights: [50] }, service: { hosts: [`bystander.${name}.com`] } }, "bystander"),
  );
  const ref = { type: CANARY, namespace: name, name: "bystander" };
  await town.until(ref, "initialised", (object) => object?.status?.phase === "Initialized");
}

async function more(users: Users): Promise<void> {
  const sofar = users.answers.length;
  await users.until("more answers", (answers) => answers.length > sofar + 20);
}

const failures = ({ answers }: Users) => answers.filter(({ status }) => status !== 200).map(({ text }) => text);
const said = (name: string) => town.said(name);

describe.concurrent("taken over from Flagger under traffic", () => {
  it.each<Left>([
    { phase: "Initialized", target: "6.0.0", primary: "6.0.0" },
    { phase: "Succeeded", target: "6.0.0", primary: "6.0.0" },
    { phase: "Failed", target: "6.0.1", primary: "6.0.0" },
    { phase: "Succeeded", target: "6.0.0", primary: "6.0.0", otherHashes: true },
  ])("at rest ($phase, other hashes: $otherHashes): no rollout begins, no request fails", async (what) => {
    const name = `${what.phase}-${what.otherHashes === true ? "other" : "same"}`.toLowerCase();
    const users = await left(name, what);
    const before = {
      routes: routesOf(name),
      primary: versionOf(town.sandbox.cluster.get(DEPLOYMENT, name, "podinfo-primary")),
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
      primary: versionOf(town.sandbox.cluster.get(DEPLOYMENT, name, "podinfo-primary")),
    }).toEqual(before);
  });

  it.each([
    { phase: "Progressing", primary: "6.0.0", weight: 30, routed: [30, 60, 0] },
    { phase: "Promoting", primary: "6.0.1", weight: 60, routed: [60, 0] },
    { phase: "Finalising", primary: "6.0.1", weight: 0, routed: [0] },
  ])("in the middle of a run ($phase): it goes on from there to its end", async ({ routed, ...what }) => {
    const name = what.phase.toLowerCase();
    const users = await left(name, { ...what, target: "6.0.1" });
    const weights: number[] = [];
    town.sandbox.cluster.watch(ROUTES, ({ object }) => {
      if (object.metadata.namespace !== name) return;
      const weight = object.spec.http[0].route[1].weight;
      if (weights.at(-1) !== weight) weights.push(weight);
    });
    await town.employ(name);
    await untilPhase(name, "Succeeded");
    await more(users);
    await users.stop();
    expect(failures(users)).toEqual([]);
    expect(weights).toEqual(routed);
    expect(said(name).filter((line) => /New revision|Rolling back|Canary failed/.test(line))).toEqual([]);
    expect(users.answers.at(-1)?.version).toBe("6.0.1");
    // And the next revision, of the configuration alone.
    await town.apply(settings("blue", name));
    await untilPhase(name, "Progressing");
  });
});

describe.concurrent("the operator's Deployment is deleted under traffic", () => {
  const leave = async (name: string) => {
    const ref = { type: DEPLOYMENT, namespace: "istio-system", name: `flagger-${name}` };
    await town.client.kube.delete(ref, { propagation: "Foreground" }, never);
    await town.until(ref, "gone", (object) => object === undefined);
    const pods = town.sandbox.cluster.list(RESOURCES.pod, "istio-system");
    expect(pods.filter(({ metadata }) => metadata.labels?.["app"] === ref.name)).toEqual([]);
  };
  /** All that decides who answers whom. */
  const decisions = (name: string) =>
    [ROUTES, RESOURCES.service, RESOURCES.destinationRule].flatMap((type) =>
      town.sandbox.cluster.list(type, name).map(({ kind, metadata, spec }) => ({ kind, name: metadata.name, spec })),
    );

  it("in the middle of a run: all stays as it is, Flagger could go on from there, and so does its successor", async () => {
    const name = "leaving";
    await town.clear(name);
    await town.employ(name);
    const story = await stage(town, name, { analysis: { stepWeights: [30, 60] } });
    await story.release({ version: "6.0.1" });
    await story.untilWeight(30);
    await town.until(
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
    await town.employ(name);
    const { dropped, injected, failedByPrimary } = await story.end("Succeeded");
    expect(story.routes()).toEqual(["100/0", "70/30", "40/60", "100/0"]);
    expect({ dropped, injected, failedByPrimary }).toEqual({ dropped: [], injected: 0, failedByPrimary: 0 });
  });

  it("at rest: all stays as it is, and what was released meanwhile is noticed when it comes back", async () => {
    const name = "away";
    await town.clear(name);
    await town.employ(name);
    const story = await stage(town, name, { analysis: { stepWeights: [60] } });
    await leave(name);
    const before = decisions(name);
    await town.apply(deployment(name, { version: "6.0.1", replicas: 1 }));
    await more(story.users);
    expect(decisions(name)).toEqual(before);
    expect(new Set(story.users.answers.map(({ version }) => version))).toEqual(new Set(["6.0.0"]));
    await town.employ(name);
    const { dropped, injected, failedByPrimary } = await story.end("Succeeded");
    expect({ dropped, injected, failedByPrimary }).toEqual({ dropped: [], injected: 0, failedByPrimary: 0 });
  });

  it("before its Canaries: they wait for it, users are served as ever, and it gives all back when it returns", async () => {
    const name = "orphan";
    await town.clear(name);
    await town.employ(name);
    const story = await stage(town, name, {
      target: beforeCanary(name),
      analysis: { stepWeights: [60] },
      spec: { revertOnDeletion: true },
    });
    await leave(name);
    const before = decisions(name);
    const ref = { type: CANARY, namespace: name, name: "podinfo" };
    await town.client.kube.delete(ref, {}, never);
    await more(story.users);
    expect(decisions(name)).toEqual(before);
    expect(town.sandbox.cluster.get(CANARY, name, "podinfo")?.metadata.deletionTimestamp).toBeDefined();
    await town.employ(name);
    await town.until(ref, "gone", (object) => object === undefined);
    await town.until({ ...ref, type: DEPLOYMENT, name: "podinfo-primary" }, "gone", (object) => object === undefined);
    await more(story.users);
    const { dropped, injected, failedByPrimary, answers } = await story.close();
    expect({ dropped, injected, failedByPrimary }).toEqual({ dropped: [], injected: 0, failedByPrimary: 0 });
    expect(answers.at(-1)?.pod).not.toContain("podinfo-primary");
  });
});

/**
 * Every verb, asked for by CanaryActions while users send requests and two GitOps tools apply the manifests again and
 * again: one as Flux does it (server-side apply), one as Argo CD's self-healing does it (a patch of what differs). They
 * have nothing to revert.
 */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { VERBS } from "../../../src/core/people/steering.ts";
import { apiVersionOf, type KubeFields, type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { STEERING } from "../../../src/ports/steering.ts";
import { type Fixture, startFixture } from "./fixture.ts";
import { canary, deployment, gate, type Revision } from "./manifests.ts";
import { steer } from "./steer.ts";
import { type Stage, type Story, stage } from "./story.ts";

/** This file, which must ask for every verb. */
const STORIES = readFileSync(import.meta.filename, "utf8");
const notAborted = new AbortController().signal;
const UNHARMED = { dropped: [], injected: 0, failedByPrimary: 0 };

let fixture: Fixture;

beforeAll(async () => {
  fixture = await startFixture();
});

afterAll(() => fixture.stop());

/** Whether the cluster has what the manifest says; fields that the manifest leaves out are for others. */
function covers(live: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return Array.isArray(live) && live.length === wanted.length && wanted.every((item, i) => covers(live[i], item));
  }
  if (typeof wanted !== "object" || wanted === null) return live === wanted;
  const fields = (live ?? {}) as Readonly<Record<string, unknown>>;
  return Object.entries(wanted).every(([name, value]) => covers(fields[name], value));
}

let asked = 0;

/** @returns the answer of the operator, as "Applied: message" */
async function act(namespace: string, verb: string, spec: KubeFields = {}): Promise<string> {
  asked += 1;
  const { phase, message } = await steer(fixture, namespace, `${verb}-${asked}`, { verb, ...spec });
  return `${phase}: ${message}`;
}

interface GitOps {
  /** From now on the manifests say this. */
  wants(version: string): Promise<void>;
  /** @returns what the tools had to put right */
  stop(): Promise<readonly string[]>;
}

/** Both tools, one after the other, without rest. @param fixed what every release has in common */
function startGitOps(namespace: string, plot: Stage, version: string, fixed: Partial<Revision> = {}): GitOps {
  const { kube } = fixture.client;
  const reverted: string[] = [];
  const manifestsOf = (wanted: string) => [
    deployment(namespace, { ...fixed, version: wanted }),
    canary(namespace, plot),
  ];
  let manifests = manifestsOf(version);
  let stopped = false;
  const refOf = ({ kind, metadata }: KubeObject) => ({
    type: kind === "Canary" ? RESOURCES.canary : RESOURCES.deployment,
    namespace,
    name: metadata.name,
  });
  async function apply(report: boolean): Promise<void> {
    for (const manifest of manifests) {
      const ref = refOf(manifest);
      const live = await kube.get(ref, notAborted);
      const isDrift = !covers(live?.["spec"], manifest["spec"]);
      if (isDrift && report) reverted.push(`${manifest.kind}: ${JSON.stringify(live?.["spec"])}`);
      await kube.apply(ref.type, manifest, { fieldManager: "kustomize-controller", force: true }, notAborted);
      // Self-healing patches what differs, and nothing else.
      if (isDrift) await kube.mergePatch(ref, { spec: manifest["spec"] }, {}, notAborted);
    }
  }
  async function loop(): Promise<void> {
    while (!stopped) {
      await apply(true);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  let looping = apply(false).then(loop);
  return {
    async wants(next) {
      stopped = true;
      await looping;
      manifests = manifestsOf(next);
      stopped = false;
      await apply(false);
      looping = loop();
    },
    async stop() {
      stopped = true;
      await looping;
      return reverted;
    },
  };
}

const targetOf = (story: Story): KubeObject | undefined => story.get({ type: RESOURCES.deployment, name: "podinfo" });
const imageOf = (object: KubeObject | undefined): string => object?.["spec"]?.template.spec.containers[0].image ?? "";

async function untilPrimaryRuns(namespace: string, version: string): Promise<void> {
  const ref = { type: RESOURCES.deployment, namespace, name: "podinfo-primary" };
  await fixture.until(ref, `runs ${version}`, (object) => {
    const { replicas = 0, updatedReplicas = 0, readyReplicas = 0, observedGeneration } = object?.["status"] ?? {};
    const isDone = replicas === updatedReplicas && replicas === readyReplicas && replicas > 0;
    return imageOf(object).endsWith(version) && isDone && observedGeneration === object?.metadata["generation"];
  });
}

/** @returns thaws */
async function freeze(namespace: string, name: string, spec: KubeFields): Promise<() => Promise<unknown>> {
  const type = STEERING.freeze;
  const metadata = { name, namespace };
  const object = { apiVersion: apiVersionOf(type), kind: type.kind, metadata, spec: { by: "carol", ...spec } };
  await fixture.client.kube.create(type, object, notAborted);
  return () => fixture.client.kube.delete({ type, namespace, name }, {}, notAborted);
}

describe.concurrent("people steer a release, and GitOps has nothing to revert:", () => {
  it("pause, set-weight, resume, promote, skip, promote --full, undo, retry, abort", async () => {
    const name = "verbs";
    // Steps that end by themselves long after people have acted.
    const plot = { analysis: { stepWeights: [20, 40, 60, 80], interval: "20s" } };
    const story = await stage(fixture, name, plot);
    const gitops = startGitOps(name, plot, "6.0.0");
    await gitops.wants("6.0.1");
    await story.untilWeight(20);
    expect(await act(name, "pause", { reason: "look" })).toBe("Applied: paused at 20 %, checks go on");
    expect(await act(name, "set-weight", { to: { weight: 25 } })).toBe("Applied: weight 20 -> 25, held there");
    await story.untilWeight(25);
    expect(await act(name, "resume")).toBe("Applied: goes on from 25 %");
    expect(await act(name, "promote", { expect: { step: 1 } })).toBe("Applied: step 1 -> 2");
    await story.untilWeight(40);
    // A second click on the same page is not a second step.
    expect(await act(name, "promote", { expect: { step: 1 } })).toBe("Refused: the run is at step 2 by now");
    expect(await act(name, "skip", { to: { step: 4 } })).toBe("Applied: step 2 -> 4");
    await story.untilWeight(80);
    expect(await act(name, "promote-full")).toBe("Applied: the promotion begins, without the rest of the checks");
    await story.untilPhase("Succeeded");
    await untilPrimaryRuns(name, "6.0.1");

    expect(await act(name, "undo", { reason: "checkout breaks" })).toMatch(/^Applied: the primary gets its earlier/);
    const undone = await story.untilStatus("undone", ({ phase, aviary }) => phase === "Failed" && !aviary.restoring);
    await untilPrimaryRuns(name, "6.0.0");
    expect(undone["status"].aviary.cause).toMatchObject({ kind: "undo", by: "alice", reason: "checkout breaks" });
    expect(imageOf(targetOf(story))).toMatch(/:6\.0\.1$/);
    const since = story.users.answers.length;
    await story.users.until("the earlier version", (all) =>
      all.slice(since).some(({ version }) => version === "6.0.0"),
    );
    expect(await act(name, "undo")).toMatch(/^Refused: no earlier revision is kept/);

    expect(await act(name, "retry")).toBe("Applied: the revision is released again");
    await story.untilWeight(20);
    expect(await act(name, "abort", { reason: "enough" })).toBe("Applied: weight 20 -> 0, rolled back");
    await story.untilPhase("Failed");
    expect(await gitops.stop()).toEqual([]);
    const { dropped, injected, failedByPrimary } = await story.close();
    expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
  });

  it("undo --to gives users the revision of an earlier run back, where its template and configuration are kept", async () => {
    const name = "undone-to";
    const config = (value: string) => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "settings", namespace: name },
      data: { PODINFO_UI_MESSAGE: value },
    });
    const fixed = { container: { envFrom: [{ configMapRef: { name: "settings" } }] } };
    const target = [config("red"), deployment(name, { ...fixed, version: "6.0.0", replicas: 1 })];
    const plot = { target, analysis: { stepWeights: [50] } };
    const story = await stage(fixture, name, plot);
    const gitops = startGitOps(name, plot, "6.0.0", fixed);
    const runs: string[] = [];
    const released = async () => {
      const isNew = ({ phase, aviary }: KubeFields) => phase === "Succeeded" && !runs.includes(aviary.run.id);
      const ended = await story.untilStatus(`release ${runs.length + 1} promoted`, isNew);
      runs.push(ended["status"].aviary.run.id);
    };
    await gitops.wants("6.0.1");
    await released();
    // A release of configuration alone.
    await fixture.apply(config("blue"));
    await released();
    for (const version of ["6.0.2", "6.0.3"]) {
      await gitops.wants(version);
      await released();
    }
    const [red = "", blue = "", before = ""] = runs;
    const undoTo = (run: string) => act(name, "undo", { to: { run }, reason: "checkout breaks" });
    const instead = "revert the target instead (kubectl rollout undo, or in Git)";
    expect(await undoTo("podinfo-long-ago")).toBe(
      `Refused: the revision of run podinfo-long-ago is not kept, only those of ${before}, ${blue}, ${red}: ${instead}`,
    );
    expect(await undoTo(red)).toBe(
      `Refused: the configuration of run ${red} is not kept (configmap/settings): ${instead}`,
    );
    expect(await undoTo(blue)).toMatch(/^Applied: the primary gets its earlier revision back/);
    await story.untilStatus("undone", ({ phase, aviary }) => phase === "Failed" && !aviary.restoring);
    await untilPrimaryRuns(name, "6.0.1");
    expect(imageOf(targetOf(story))).toMatch(/:6\.0\.3$/);
    expect(story.get({ type: RESOURCES.configMap, name: "settings-primary" })?.data).toEqual(config("blue").data);
    await story.users.until("the revision of that run alone", (all) =>
      all.slice(-30).every(({ version }) => version === "6.0.1"),
    );
    expect(await undoTo(before)).toMatch(/^Refused: the revision of run \S+ is not kept, only those of/);
    // The release that was undone is analysed like any other when a person asks for it.
    expect(await act(name, "retry")).toBe("Applied: the revision is released again");
    await released();
    await untilPrimaryRuns(name, "6.0.3");
    expect(await gitops.stop()).toEqual([]);
    const { dropped, injected, failedByPrimary, versions, answers } = await story.close();
    expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
    expect(Object.values(versions).reduce((sum, count) => sum + count, 0)).toBe(answers.length);
    expect(Object.keys(versions).sort()).toEqual(["6.0.0", "6.0.1", "6.0.2", "6.0.3"]);
  });

  it("approve lets a release through its gate once, and refuse closes the gate for good", async () => {
    const name = "gates";
    const plot = { analysis: { stepWeights: [50] }, hooks: [gate("confirm-promotion", "/gate/check")] };
    const story = await stage(fixture, name, plot);
    const gitops = startGitOps(name, plot, "6.0.0");
    await gitops.wants("6.0.1");
    await story.untilPhase("WaitingPromotion");
    expect(await act(name, "approve")).toBe(
      "Applied: gate confirm-promotion (confirm-promotion) is open for this step",
    );
    await story.untilPhase("Succeeded");
    await gitops.wants("6.0.2");
    await story.untilPhase("WaitingPromotion");
    expect(await act(name, "refuse", { reason: "not today" })).toBe("Applied: refused, rolled back");
    await story.untilPhase("Failed");
    await untilPrimaryRuns(name, "6.0.1");
    expect(await gitops.stop()).toEqual([]);
    const { dropped, injected, failedByPrimary } = await story.close();
    expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
  });

  it("freeze keeps a release from beginning in the windows of its schedule, until it is thawed or overridden", async () => {
    const name = "frozen";
    const plot = { analysis: { stepWeights: [50] } };
    const story = await stage(fixture, name, plot);
    // A window that begins each minute, and is longer than that: it always stands.
    const thaw = await freeze(name, "sale", { schedule: "* * * * *", duration: "1h", reason: "sale" });
    const gitops = startGitOps(name, plot, "6.0.0");
    await gitops.wants("6.0.1");
    await story.heard(/A new revision waits: frozen by carol \(sale\)/);
    expect(await act(name, "override", { reason: "payments are down" })).toBe(
      "Applied: goes on though frozen by carol (sale): payments are down",
    );
    await story.untilStatus("6.0.1 promoted", ({ phase, aviary }) => phase === "Succeeded" && !aviary.override);
    await untilPrimaryRuns(name, "6.0.1");
    // The override was for that release alone.
    await gitops.wants("6.0.2");
    await story.untilStatus("6.0.2 frozen", ({ aviary }) => aviary.saidReason === "Frozen");
    await thaw();
    await untilPrimaryRuns(name, "6.0.2");
    await story.untilPhase("Succeeded");
    expect(await gitops.stop()).toEqual([]);
    const { dropped, injected, failedByPrimary } = await story.close();
    expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
  });

  it("every verb has a story", () => {
    const verbs = [...VERBS].filter((verb) => !STORIES.includes(`act(name, "${verb}"`));
    expect(verbs).toEqual([]);
    expect(STORIES).toContain("await undoTo(");
  });
});

// It holds every release of the cluster: it runs when the others are over.
it("a freeze of the cluster holds a release in one namespace, and lets none begin in another", async () => {
  const plot = { analysis: { stepWeights: [20, 40] } };
  const [running, waiting] = [await stage(fixture, "wide-a", plot), await stage(fixture, "wide-b", plot)];
  await running.release({ version: "6.0.1" });
  await running.untilWeight(20);
  expect(await act("wide-a", "pause")).toBe("Applied: paused at 20 %, checks go on");
  // In the namespace of the operator's Lease: elsewhere a freeze of the cluster counts for nothing.
  const spec = { scope: "cluster", runs: "hold", reason: "sale" };
  const idle = await freeze("wide-b", "elsewhere", { ...spec, canaries: ["another"] });
  const thaw = await freeze("kube-system", "sale", spec);
  // The pause ends, and the release stays where it is. The operator has seen this action, so it has seen the freeze
  // before it.
  expect(await act("wide-a", "resume")).toBe("Applied: goes on from 20 %");
  await fixture.apply(deployment("wide-b", { version: "6.0.1", replicas: 1 }));
  await waiting.heard(/A new revision waits: frozen by carol \(kube-system\/sale\): sale/);
  const since = running.users.answers.length;
  await running.users.until("requests while the release is held", (all) => all.length > since + 60);
  const held = running.get({ type: RESOURCES.canary, name: "podinfo" })?.["status"];
  expect([held.phase, held.canaryWeight]).toEqual(["Progressing", 20]);
  expect(waiting.get({ type: RESOURCES.canary, name: "podinfo" })?.["status"].phase).toBe("Initialized");
  await thaw();
  await running.untilPhase("Succeeded");
  await waiting.untilPhase("Succeeded");
  await idle();
  for (const story of [running, waiting]) {
    const { dropped, injected, failedByPrimary } = await story.close();
    expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
  }
});

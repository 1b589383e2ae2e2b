import { expect, it } from "vitest";
import { KubeError } from "../../ports/kube.ts";
import type { KubeFields, KubeObject } from "../../ports/kubernetes.ts";
import { SILENT_LOG } from "../../ports/log.ts";
import type { Turn } from "../../ports/recorder.ts";
import { aCanary } from "../../testing/canary.ts";
import { type Story, tell } from "../../testing/story.ts";
import { createRunRecorder, KEPT_RUNS } from "./recorder.ts";

const PARTS = {
  analysis: { metrics: [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "1m" }] },
};

/** The objects of an API server, as far as the recorder reads them. */
function createClient(refuses: (verb: string) => boolean = () => false) {
  const stored = new Map<string, KubeObject>();
  const told = (verb: string) => {
    if (refuses(verb)) throw new KubeError(500, "InternalError", "etcd is away");
  };
  const client = {
    get: async (ref: { name: string }) => stored.get(ref.name),
    list: async () => [...stored.values()],
    async create(_type: unknown, object: KubeObject) {
      told("create");
      stored.set(object.metadata.name, object);
      return object;
    },
    async mergePatch({ name }: { name: string }, patch: KubeFields) {
      told("mergePatch");
      const before = stored.get(name);
      if (before === undefined) throw new KubeError(404, "NotFound", name);
      const after = { ...before, ...patch, metadata: { ...before.metadata, ...patch.metadata } };
      stored.set(name, after);
      return after;
    },
    async delete({ name }: { name: string }) {
      return stored.delete(name);
    },
  };
  return { stored, client, runs: () => [...stored.values()] };
}

const optionsOf = (client: ReturnType<typeof createClient>["client"]) => ({
  client,
  log: SILENT_LOG,
  signal: new AbortController().signal,
});

function recorded(story: Story, recorder: ReturnType<typeof createRunRecorder>): void {
  const canary = aCanary(PARTS);
  for (const { input, transition, routes } of story.turns) {
    recorder.record({ canary, input, transition, routes, tookMs: 1 } satisfies Turn);
  }
}

function rolledBack(): Story {
  const story = tell(PARTS);
  story.world.answer = (probe) => (probe.kind === "metric" ? { kind: "value", value: 100 } : { kind: "passed" });
  story.run(60);
  story.world.revision = { spec: "v2" };
  story.run(20);
  story.act("pause", { reason: "look" });
  story.run(5);
  story.world.answer = () => ({ kind: "value", value: 90 });
  story.run(200);
  return story;
}

it("a run leaves its checks, its events, the people who acted, and one sentence", async () => {
  const { client, runs } = createClient();
  const recorder = createRunRecorder(optionsOf(client));
  const story = rolledBack();
  recorded(story, recorder);
  await recorder.flush();
  const [run, ...others] = runs();
  expect(others).toEqual([]);
  expect(run?.metadata).toMatchObject({
    name: story.status.run?.id,
    labels: { "aviary.flagger.app/canary": "podinfo", "aviary.flagger.app/verdict": "rolled-back" },
  });
  expect(run?.["spec"]).toMatchObject({ revision: "v2", previousRevision: "v1", threshold: 5 });
  const { status } = run as KubeFields;
  expect(status).toMatchObject({
    verdict: "rolled-back",
    sentence: "Rolled back at step 2 of 5 (20 %): request-success-rate 90.00 % < 99 % (5 failed checks).",
    people: [{ verb: "pause", by: "alice", reason: "look", outcome: "applied" }],
    gaps: 0,
  });
  expect(status.checks.filter(({ passed }: KubeFields) => !passed)).toHaveLength(5);
  expect(status.checks.at(-1)).toMatchObject({
    check: "request-success-rate",
    value: 90,
    min: 99,
    step: 2,
    weight: 20,
  });
  expect(status.timeline[0]).toMatchObject({ reason: "NewRevision" });
});

it("a record that the API server refuses counts its gaps, and goes on when it is accepted", async () => {
  let away = true;
  const { client, runs } = createClient(() => away);
  const recorder = createRunRecorder(optionsOf(client));
  const story = rolledBack();
  const half = Math.floor(story.turns.length / 2);
  recorded({ ...story, turns: story.turns.slice(0, half) }, recorder);
  await recorder.flush();
  away = false;
  recorded({ ...story, turns: story.turns.slice(half) }, recorder);
  await recorder.flush();
  expect(runs()[0]?.["status"]).toMatchObject({ verdict: "rolled-back" });
  expect(runs()[0]?.["status"].gaps).toBeGreaterThan(0);
});

it("an operator that takes over continues the record", async () => {
  const { client, runs } = createClient();
  const story = rolledBack();
  const half = story.turns.findIndex(({ transition }) => transition.status.failedChecks === 3);
  const first = createRunRecorder(optionsOf(client));
  recorded({ ...story, turns: story.turns.slice(0, half) }, first);
  await first.flush();
  const second = createRunRecorder(optionsOf(client));
  recorded({ ...story, turns: story.turns.slice(half) }, second);
  await second.flush();
  const { status } = runs()[0] as KubeFields;
  expect(status).toMatchObject({ verdict: "rolled-back", gaps: 1 });
  expect(status.checks.filter(({ passed }: KubeFields) => !passed)).toHaveLength(5);
});

it("the oldest runs of a Canary are deleted as a whole", async () => {
  const { client, stored, runs } = createClient();
  for (let i = 0; i < KEPT_RUNS; i += 1) {
    const name = `podinfo-old-${i}`;
    const startedAt = new Date(i * 1000).toISOString();
    stored.set(name, { apiVersion: "", kind: "", metadata: { name }, spec: { startedAt } });
  }
  const recorder = createRunRecorder(optionsOf(client));
  recorded(rolledBack(), recorder);
  await recorder.flush();
  expect(runs()).toHaveLength(KEPT_RUNS);
  expect(stored.has("podinfo-old-0")).toBe(false);
});

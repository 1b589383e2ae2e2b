import { gunzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { replay } from "../../core/record/journal.ts";
import { KubeError } from "../../ports/kube.ts";
import type { KubeFields, KubeObject } from "../../ports/kubernetes.ts";
import { SILENT_LOG } from "../../ports/log.ts";
import type { Turn } from "../../ports/recorder.ts";
import { canaryLabel } from "../../ports/steering.ts";
import { aCanary, type CanaryParts } from "../../testing/canary.ts";
import { createManualClock } from "../../testing/manual-clock.ts";
import { type Story, type StoryTurn, tell } from "../../testing/story.ts";
import { createRunRecorder } from "./recorder.ts";
import { DEFAULT_RETENTION, outdated } from "./retention.ts";
import { addTurn, EMPTY_RECORD, MOST_ENTRIES } from "./run-record.ts";

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
  clock: createManualClock(),
  log: SILENT_LOG,
  signal: new AbortController().signal,
});

function recorded(
  story: Pick<Story, "turns">,
  recorder: ReturnType<typeof createRunRecorder>,
  parts: CanaryParts = PARTS,
): void {
  const canary = aCanary(parts);
  for (const { input, transition, routes } of story.turns) {
    recorder.record({ canary, input, transition, routes, tookMs: 1 } satisfies Turn);
  }
}

function rolledBack(parts: CanaryParts = PARTS): Story {
  const story = tell(parts);
  story.world.answer = (probe) => (probe.kind === "metric" ? { kind: "value", value: 100 } : { kind: "passed" });
  story.run(60);
  story.world.revision = { spec: "v2" };
  story.run(20);
  story.act("pause", { reason: "look" });
  story.run(5);
  story.world.answer = (probe) => (probe.kind === "metric" ? { kind: "value", value: 90 } : { kind: "passed" });
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

it("a record waits ten seconds for a metric server that does not answer, and is then written without its answers", async () => {
  const { client, runs } = createClient();
  const clock = createManualClock();
  const recorder = createRunRecorder({ ...optionsOf(client), clock });
  const canary = aCanary(PARTS);
  const silent: NonNullable<Turn["askForTheRecord"]> = (_wanted, signal) =>
    new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
  for (const { input, transition, routes } of rolledBack().turns) {
    const { phase } = input.status;
    const ask = phase === "Progressing" ? { askForTheRecord: silent } : {};
    recorder.record({ canary, input, transition, routes, tookMs: 1, ...ask });
  }
  expect(new Set(clock.sleeping())).toEqual(new Set([10_000]));
  await clock.advance(10_000);
  await recorder.flush();
  expect(runs()[0]?.["status"]).toMatchObject({ verdict: "rolled-back" });
  expect(clock.sleeping()).toEqual([]);
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

const aRun = (name: string, verdict: string, day: number, canary = "podinfo"): KubeObject => ({
  ...{ apiVersion: "", kind: "" },
  metadata: {
    name,
    labels: { "aviary.flagger.app/canary": canaryLabel(canary), "aviary.flagger.app/verdict": verdict },
  },
  spec: { canary, startedAt: new Date(day * 86_400_000).toISOString() },
});
const namesOf = (runs: readonly KubeObject[]) => runs.map(({ metadata }) => metadata.name);

it("the oldest runs of a Canary go as a whole, and the last of each kind stays at any age", () => {
  const runs = [1, 2, 3].flatMap((day) => [aRun(`ok-${day}`, "promoted", day), aRun(`bad-${day}`, "rolled-back", day)]);
  const now = 10 * 86_400_000;
  expect(namesOf(outdated(runs, { runs: 2, days: 90, total: 100 }, now))).toEqual(["bad-1", "ok-1"]);
  expect(namesOf(outdated(runs, { runs: 9, days: 1, total: 100 }, now))).toEqual(["bad-1", "ok-1", "bad-2", "ok-2"]);
  expect(namesOf(outdated(runs, { runs: 9, days: 90, total: 5 }, now))).toEqual(["ok-1"]);
  expect(namesOf(outdated(runs, { runs: 9, days: 90, total: 0 }, now))).toEqual(["bad-1", "ok-1", "bad-2", "ok-2"]);
  expect(outdated([aRun("now", "running", 9)], { runs: 1, days: 90, total: 0 }, now)).toEqual([]);
});

it("runs of Canaries whose long names begin alike are counted apart, and the label is one that Kubernetes takes", () => {
  const [one, other] = [`${"a".repeat(62)}-one`, `${"a".repeat(62)}-other`];
  expect(canaryLabel(one)).toBe("a".repeat(62));
  expect(canaryLabel(other)).toBe(canaryLabel(one));
  const runs = [1, 2].flatMap((day) => [
    aRun(`one-${day}`, "promoted", day, one),
    aRun(`other-${day}`, "promoted", day, other),
  ]);
  expect(outdated(runs, { runs: 2, days: 90, total: 100 }, 10 * 86_400_000)).toEqual([]);
});

it("a new run deletes what is too old", async () => {
  const { client, stored, runs } = createClient();
  const most = DEFAULT_RETENTION.runs;
  for (let i = 0; i <= most; i += 1) stored.set(`old-${i}`, aRun(`old-${i}`, "promoted", 20_450 + i));
  const recorder = createRunRecorder(optionsOf(client));
  recorded(rolledBack(), recorder);
  await recorder.flush();
  expect(runs()).toHaveLength(most + 1);
  expect(stored.has("old-0")).toBe(false);
});

/** The requests of each window, and the checks behind the first failure, as an operator asks them after the turn. */
function asking(turn: Turn, unasked: StoryTurn["unasked"] = []): Turn {
  const isJudged = turn.input.observation.answers.some(({ probe }) => probe.kind === "metric");
  if (!isJudged) return turn;
  return {
    ...turn,
    askForTheRecord: async ({ windowMs }) => ({
      answers: unasked.map((probe) => ({ probe, answer: { kind: "value", value: 250 } as const })),
      canary: { requests: windowMs / 1000, failed: 1 },
      primary: { requests: (4 * windowMs) / 1000, failed: 0 },
    }),
  };
}

it("one write for each judged interval, one for the beginning, one for the action, and what was asked for the record", async () => {
  const { client, runs } = createClient();
  let writes = 0;
  const counted = {
    ...client,
    create: (...args: Parameters<typeof client.create>) => {
      writes += 1;
      return client.create(...args);
    },
    mergePatch: (...args: Parameters<typeof client.mergePatch>) => {
      writes += 1;
      return client.mergePatch(...args);
    },
  };
  const parts = {
    analysis: { metrics: [...PARTS.analysis.metrics, { name: "request-duration", thresholdRange: { max: 500 } }] },
  };
  const story = rolledBack(parts);
  const recorder = createRunRecorder(optionsOf(counted));
  const canary = aCanary(parts);
  let judged = 0;
  for (const { input, transition, routes, unasked } of story.turns) {
    const turn = asking({ canary, input, transition, routes, tookMs: 1 }, unasked);
    if (turn.askForTheRecord !== undefined) judged += 1;
    recorder.record(turn);
    await recorder.flush();
  }
  const { status } = runs()[0] as KubeFields;
  expect(judged).toBeGreaterThan(5);
  expect(writes).toBeLessThanOrEqual(judged + 2);
  expect(status.sentence).toMatch(
    /^Rolled back at step 2 of 5 \(20 %\): .* \(5 failed checks\); [\d,]+ requests met it, \d+ failed\.$/,
  );
  expect(status.requests.canary).toBeGreaterThan(0);
  expect(status.traffic.at(-1)).toMatchObject({ promised: 20, measured: 20 });
  const extra = status.checks.filter(({ forTheRecord }: KubeFields) => forTheRecord);
  expect(extra).toHaveLength(5);
  expect(extra[0]).toMatchObject({ check: "request-duration", value: 250, max: 500, passed: true });
});

it("the journal of a run is decided again as it was, and holds no secret", async () => {
  const { client, runs } = createClient();
  const secret = "s3cr3t";
  const parts = {
    analysis: {
      ...PARTS.analysis,
      webhooks: [
        { name: "load", type: "rollout", url: `http://u:${secret}@tester/?key=${secret}`, metadata: { token: secret } },
      ],
    },
  };
  const recorder = createRunRecorder(optionsOf(client));
  const story = rolledBack(parts);
  recorded(story, recorder, parts);
  await recorder.flush();
  const text = gunzipSync(Buffer.from((runs()[0] as KubeFields).status.journal, "base64")).toString();
  expect(text).not.toContain(secret);
  const turns = replay(text.split("\n").map((line) => JSON.parse(line)));
  expect(turns.length).toBeGreaterThan(5);
  for (const { transition, next } of turns) expect(JSON.parse(JSON.stringify(transition?.status))).toEqual(next);
});

it("a long run keeps its failures, and numbers of the rest", () => {
  const check = (i: number) => ({ check: "errors", value: i, passed: i % 50 !== 0 });
  const [canary, story] = [aCanary(PARTS), rolledBack()];
  const judged = story.turns.find(({ input }) =>
    input.observation.answers.some(({ probe }) => probe.kind === "metric"),
  );
  if (judged === undefined) throw new Error("nothing was judged");
  let record = EMPTY_RECORD;
  for (let i = 0; i < 1000; i += 1) {
    const { value, passed } = check(i);
    const answers = judged.input.observation.answers.map(({ probe }) => ({
      probe,
      answer: { kind: "value" as const, value: passed ? 100 : value / 100 },
    }));
    const input = { ...judged.input, observation: { ...judged.input.observation, answers } };
    record = addTurn(record, { canary, ...judged, input, routes: judged.routes, tookMs: 1 }, undefined);
  }
  expect(record.checks.length).toBeLessThanOrEqual(MOST_ENTRIES);
  expect(record.checks.filter(({ passed }) => !passed)).toHaveLength(20);
  expect(record.folded?.["request-success-rate"]).toMatchObject({ min: 100, max: 100 });
});

it("what people do after the end is added, and the end stays as it was", async () => {
  const { client, runs } = createClient();
  const story = rolledBack();
  const first = createRunRecorder(optionsOf(client));
  recorded(story, first);
  await first.flush();
  const { sentence } = (runs()[0] as KubeFields).status;
  const before = story.turns.length;
  story.act("undo");
  story.run(5);
  const second = createRunRecorder(optionsOf(client));
  recorded({ ...story, turns: story.turns.slice(before) }, second);
  await second.flush();
  const { status } = runs()[0] as KubeFields;
  expect(status).toMatchObject({ verdict: "rolled-back", sentence });
  expect(status.people.at(-1)).toMatchObject({ verb: "undo" });
});

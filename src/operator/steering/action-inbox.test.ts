import { expect, it } from "vitest";
import type { ObjectCache, ObjectRemover, ObjectWriter } from "../../ports/kube.ts";
import type { KubeFields, KubeObject, ResourceType } from "../../ports/kubernetes.ts";
import { SILENT_LOG } from "../../ports/log.ts";
import { STEERING } from "../../ports/steering.ts";
import { until } from "../../testing/until.ts";
import { createActionInbox } from "./action-inbox.ts";

const REF = { namespace: "test", name: "podinfo" };
const SIGNAL = new AbortController().signal;
const NOW = Date.parse("2026-01-01T00:00:00Z");

function stage(...objects: readonly KubeObject[]) {
  const patches: KubeFields[] = [];
  const deleted: string[] = [];
  const cacheOf = (type: ResourceType) =>
    ({
      list: (namespace = "") =>
        objects.filter(({ kind, metadata }) => kind === type.kind && ["", metadata.namespace].includes(namespace)),
      get: (namespace: string, name: string) =>
        objects.find(
          ({ kind, metadata }) => kind === type.kind && metadata.namespace === namespace && metadata.name === name,
        ),
      onChange: () => () => undefined,
    }) as unknown;
  const writer = {
    mergePatch: async (_ref: unknown, patch: KubeFields) => {
      patches.push(patch);
      return {};
    },
    delete: async ({ name }: { name: string }) => {
      deleted.push(name);
      return true;
    },
  } as unknown as ObjectWriter & ObjectRemover;
  const track = (type: ResourceType) => cacheOf(type) as ObjectCache;
  return {
    inbox: createActionInbox({ track, writer, log: SILENT_LOG, namespace: "", home: "aviary" }),
    patches,
    deleted,
  };
}

const action = (name: string, spec: KubeFields, seconds: number, status?: KubeFields): KubeObject => ({
  apiVersion: "aviary.flagger.app/v1alpha1",
  kind: STEERING.action.kind,
  metadata: { name, namespace: "test", uid: `uid-${name}`, creationTimestamp: `2026-01-01T00:00:0${seconds}Z` },
  spec: { canary: "podinfo", by: "alice", ...spec },
  ...(status === undefined ? {} : { status }),
});

const freeze = (spec: KubeFields): KubeObject => ({
  apiVersion: "aviary.flagger.app/v1alpha1",
  kind: STEERING.freeze.kind,
  metadata: { name: "sale", namespace: "test" },
  spec: { by: "carol", ...spec },
});

it("of the actions of a Canary that are not answered the oldest is read, and then the next one", async () => {
  const { inbox } = stage(
    action("later", { verb: "resume" }, 5),
    action("first", { verb: "pause", for: "2h", expiresAfter: "1m", reason: "look" }, 1),
    action("beside", { verb: "pause" }, 5),
    action("done", { verb: "abort" }, 0, { phase: "Applied" }),
    action("other", { verb: "abort", canary: "another" }, 0),
    action("unknown", { verb: "rewind" }, 0),
  );
  const next = async () => {
    const { actions } = inbox.read(REF, NOW);
    const answers = actions.map(({ id }) => ({ id, outcome: "applied", message: "" }) as const);
    await inbox.answer(REF, answers, { now: NOW }, SIGNAL);
    return actions;
  };
  expect(await next()).toEqual([
    {
      ...{ id: "uid-first", name: "first", verb: "pause", by: "alice", reason: "look", expect: {} },
      ...{ at: NOW + 1000, expiresAt: NOW + 61_000, forMs: 7_200_000 },
    },
  ]);
  expect(await next()).toMatchObject([{ name: "beside" }]);
  expect(await next()).toMatchObject([{ name: "later", expiresAt: NOW + 5000 + 600_000 }]);
  expect(await next()).toEqual([]);
});

it("an answer is written once, and the action is not looked at again, however old the cache is", async () => {
  const { inbox, patches } = stage(action("first", { verb: "pause" }, 1));
  const answer = { id: "uid-first", outcome: "applied", message: "paused at 20 %" } as const;
  await inbox.answer(REF, [answer], { now: NOW, run: "run-1" }, SIGNAL);
  expect(patches).toEqual([
    { status: { phase: "Applied", message: "paused at 20 %", at: "2026-01-01T00:00:00.000Z", run: "run-1" } },
  ]);
  expect(inbox.read(REF, NOW).actions).toEqual([]);
});

it("a freeze counts from when it begins until it ends, for the Canaries that it names", () => {
  const from = "2026-01-01T01:00:00Z";
  const until = "2026-01-01T02:00:00Z";
  const { inbox } = stage(freeze({ from, until, canaries: ["podinfo"], reason: "sale" }));
  expect(inbox.read(REF, NOW)).toEqual({ actions: [], recheckAt: Date.parse(from) });
  expect(inbox.read(REF, Date.parse(from))).toEqual({
    actions: [],
    freeze: { name: "sale", by: "carol", reason: "sale", runs: "finish", until: Date.parse(until) },
    recheckAt: Date.parse(until),
  });
  expect(inbox.read(REF, Date.parse(until))).toEqual({ actions: [] });
  expect(inbox.read({ ...REF, name: "another" }, Date.parse(from))).toEqual({ actions: [] });
});

const HOUR = 3_600_000;

it("a freeze by schedule stands in its windows, in its own time zone, and says when it ends", () => {
  // NOW is a Thursday, 01:00 in Berlin.
  const spec = { schedule: "0 0 * * 4", duration: "2h", timeZone: "Europe/Berlin", reason: "night" };
  const { inbox } = stage(freeze(spec));
  expect(inbox.read(REF, NOW)).toMatchObject({
    freeze: { name: "sale", by: "carol", reason: "night", until: NOW + HOUR },
    recheckAt: NOW + HOUR,
  });
  const after = inbox.read(REF, NOW + HOUR);
  expect(after.freeze).toBeUndefined();
  expect(after.recheckAt).toBe(NOW - HOUR + 7 * 24 * HOUR);
});

it("windows end with the freeze itself, and a schedule that cannot be read freezes nothing", () => {
  const until = "2026-01-01T00:30:00Z";
  const { inbox } = stage(freeze({ schedule: "0 0 * * *", duration: "2h", until }));
  expect(inbox.read(REF, NOW).freeze?.until).toBe(Date.parse(until));
  expect(inbox.read(REF, NOW + HOUR).freeze).toBeUndefined();
  expect(stage(freeze({ schedule: "no no no no no", duration: "2h" })).inbox.read(REF, NOW).freeze).toBeUndefined();
});

it("a freeze of the cluster counts in the operator's own namespace alone", () => {
  const wide = (namespace: string) => {
    const object = freeze({ scope: "cluster" });
    return { ...object, metadata: { ...object.metadata, namespace } };
  };
  expect(stage(wide("aviary")).inbox.read(REF, NOW).freeze).toMatchObject({ name: "aviary/sale", by: "carol" });
  expect(stage(wide("test")).inbox.read(REF, NOW).freeze).toBeUndefined();
  expect(stage(wide("other")).inbox.read(REF, NOW).freeze).toBeUndefined();
});

it("a freeze by labels concerns the Canaries that carry them", () => {
  const canary = (labels: KubeFields): KubeObject => ({
    apiVersion: "flagger.app/v1beta1",
    kind: "Canary",
    metadata: { ...REF, labels },
  });
  const selected = freeze({ selector: { matchLabels: { team: "payments" } } });
  expect(stage(selected, canary({ team: "payments" })).inbox.read(REF, NOW).freeze).toMatchObject({ name: "sale" });
  expect(stage(selected, canary({ team: "search" })).inbox.read(REF, NOW).freeze).toBeUndefined();
});

it("answered actions are deleted after an hour, and at most 200 are kept; what no turn answers expires", async () => {
  const at = (ms: number) => new Date(NOW - ms).toISOString();
  const recent = Array.from({ length: 205 }, (_, i) =>
    action(`recent-${i}`, { verb: "pause" }, 0, { phase: "Applied", at: at(i * 1000) }),
  );
  const old = action("old", { verb: "pause" }, 0, { phase: "Refused", at: at(HOUR + 1000) });
  const lost = action("lost", { verb: "pause", canary: "gone", expiresAfter: "1m" }, 0);
  const { inbox, deleted, patches } = stage(...recent, old, {
    ...lost,
    metadata: { ...lost.metadata, creationTimestamp: at(HOUR) },
  });
  inbox.read(REF, NOW);
  await until("old actions are deleted", () => deleted.length >= 6 && patches.length > 0);
  expect(deleted.sort()).toEqual(["old", ...[200, 201, 202, 203, 204].map((i) => `recent-${i}`)].sort());
  expect(patches).toMatchObject([{ status: { phase: "Expired", message: "it was not applied in time" } }]);
});

import { expect, it } from "vitest";
import type { ObjectCache, ObjectWriter } from "../../ports/kube.ts";
import type { KubeFields, KubeObject, ResourceType } from "../../ports/kubernetes.ts";
import { SILENT_LOG } from "../../ports/log.ts";
import { STEERING } from "../../ports/steering.ts";
import { createActionDesk } from "./action-desk.ts";

const REF = { namespace: "test", name: "podinfo" };
const SIGNAL = new AbortController().signal;
const NOW = Date.parse("2026-01-01T00:00:00Z");

function stage(...objects: readonly KubeObject[]) {
  const patches: KubeFields[] = [];
  const cacheOf = (type: ResourceType) =>
    ({ list: () => objects.filter(({ kind }) => kind === type.kind), onChange: () => () => undefined }) as unknown;
  const writer = {
    mergePatch: async (_ref: unknown, patch: KubeFields) => {
      patches.push(patch);
      return {};
    },
  } as unknown as ObjectWriter;
  const track = (type: ResourceType) => cacheOf(type) as ObjectCache;
  return { desk: createActionDesk({ track, writer, log: SILENT_LOG, namespace: "" }), patches };
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

it("actions of a Canary that are not answered come in the order of their creation", () => {
  const { desk } = stage(
    action("later", { verb: "resume" }, 5),
    action("first", { verb: "pause", for: "2h", expiresAfter: "1m", reason: "look" }, 1),
    action("done", { verb: "abort" }, 0, { phase: "Applied" }),
    action("other", { verb: "abort", canary: "another" }, 0),
  );
  const { actions } = desk.look(REF, NOW);
  expect(actions.map(({ name }) => name)).toEqual(["first", "later"]);
  expect(actions[0]).toEqual({
    ...{ id: "uid-first", name: "first", verb: "pause", by: "alice", reason: "look", expect: {} },
    ...{ at: NOW + 1000, expiresAt: NOW + 61_000, forMs: 7_200_000 },
  });
  expect(actions[1]?.expiresAt).toBe(NOW + 5000 + 600_000);
});

it("an answer is written once, and the action is not looked at again, however old the cache is", async () => {
  const { desk, patches } = stage(action("first", { verb: "pause" }, 1));
  const answer = { id: "uid-first", outcome: "applied", message: "paused at 20 %" } as const;
  await desk.answer(REF, [answer], { now: NOW, run: "run-1" }, SIGNAL);
  expect(patches).toEqual([
    { status: { phase: "Applied", message: "paused at 20 %", at: "2026-01-01T00:00:00.000Z", run: "run-1" } },
  ]);
  expect(desk.look(REF, NOW).actions).toEqual([]);
});

it("a freeze counts from when it begins until it ends, for the Canaries that it names", () => {
  const from = "2026-01-01T01:00:00Z";
  const until = "2026-01-01T02:00:00Z";
  const { desk } = stage(freeze({ from, until, canaries: ["podinfo"], reason: "sale" }));
  expect(desk.look(REF, NOW)).toEqual({ actions: [], recheckAt: Date.parse(from) });
  expect(desk.look(REF, Date.parse(from))).toEqual({
    actions: [],
    freeze: { name: "sale", by: "carol", reason: "sale", runs: "finish", until: Date.parse(until) },
    recheckAt: Date.parse(until),
  });
  expect(desk.look(REF, Date.parse(until))).toEqual({ actions: [] });
  expect(desk.look({ ...REF, name: "another" }, Date.parse(from))).toEqual({ actions: [] });
});

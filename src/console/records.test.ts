/** What the console keeps in memory of the cluster's objects. */
import { expect, it } from "vitest";
import { canaryPart, recordPart } from "./records.ts";

const RECORD = {
  ...{ apiVersion: "aviary.flagger.app/v1alpha1", kind: "CanaryRun" },
  metadata: { name: "podinfo-1", namespace: "test", uid: "u", resourceVersion: "7", labels: { a: "b" } },
  spec: {
    canary: "podinfo",
    startedAt: "2026-01-01T00:00:00Z",
    images: { app: "podinfo:2" },
    steps: Array(50).fill({}),
  },
  status: {
    ...{ verdict: "rolled-back", sentence: "Rolled back.", endedAt: "2026-01-01T00:10:00Z" },
    people: [{ by: "alice", verb: "pause", reason: "x".repeat(2000) }],
    journal: "j".repeat(20_000),
    checks: Array.from({ length: 200 }, (_, index) => ({
      ...{ check: index % 2 === 0 ? "rate" : "duration", passed: index % 4 !== 0, detail: "d".repeat(100) },
    })),
  },
};

it("keeps of a release on record what lists and figures show: less than 1 KB of 50 KB", () => {
  const part = recordPart(RECORD);
  expect(JSON.stringify(RECORD).length).toBeGreaterThan(50_000);
  expect(JSON.stringify(part).length).toBeLessThan(1000);
  expect(part).toEqual({
    ...{ apiVersion: "aviary.flagger.app/v1alpha1", kind: "CanaryRun" },
    metadata: { name: "podinfo-1", namespace: "test", uid: "u", resourceVersion: "7" },
    spec: { canary: "podinfo", startedAt: "2026-01-01T00:00:00Z", images: { app: "podinfo:2" } },
    status: {
      ...{ verdict: "rolled-back", sentence: "Rolled back.", endedAt: "2026-01-01T00:10:00Z" },
      people: [{ by: "alice" }],
      tallies: [
        { check: "rate", asked: 100, failed: 50 },
        { check: "duration", asked: 100, failed: 0 },
      ],
    },
  });
});

it.each([
  ["nothing", {}],
  ["checks and people that are no lists", { spec: null, status: { checks: "none", people: { by: "alice" } } }],
  ["entries that are no objects", { status: { checks: [null, 7], people: [null, "alice"] } }],
])("keeps a record with %s, and throws no error", (_, fields) => {
  const odd = { apiVersion: "v", kind: "CanaryRun", metadata: { name: "odd" }, ...fields };
  expect(recordPart(odd as never)).toMatchObject({ metadata: { name: "odd" } });
});

it("keeps a Canary without its long annotations: 10 MB of them fill no memory", () => {
  const annotations = { "kubectl.kubernetes.io/last-applied": "x".repeat(10_000_000), "aviary.flagger.app/hold": "{}" };
  const canary = { apiVersion: "v", kind: "Canary", metadata: { name: "podinfo", annotations }, spec: { a: 1 } };
  expect(canaryPart(canary)).toEqual({
    ...canary,
    metadata: { name: "podinfo", annotations: { "aviary.flagger.app/hold": "{}" } },
  });
});

import { describe, expect, it } from "vitest";
import { type KubeObject, RESOURCES } from "../../ports/kubernetes.ts";
import { createManualClock } from "../../testing/manual-clock.ts";
import { createFights, type Fight, fightText } from "./fights.ts";

const BY = { namespace: "test", name: "podinfo" };
const SERVICE = { type: RESOURCES.service, ...BY };
const NOT_ABORTED = new AbortController().signal;
const PATCH = { spec: { selector: { app: "podinfo-primary" } } };

function managed(...entries: readonly object[]): KubeObject {
  return { apiVersion: "v1", kind: "Service", metadata: { ...BY, managedFields: entries } as KubeObject["metadata"] };
}

function arena(read: () => Promise<KubeObject | undefined> = () => Promise.resolve(undefined)) {
  const clock = createManualClock(Date.UTC(2026, 0, 1));
  const fights: Fight[] = [];
  let reads = 0;
  const ring = createFights({
    clock,
    read: () => {
      reads += 1;
      return read();
    },
    onFight: (canary, fight) => {
      expect(canary).toEqual(BY);
      fights.push(fight);
    },
  });
  return {
    clock,
    fights,
    reads: () => reads,
    repair: (patch: object = PATCH) => ring.repair(SERVICE, patch, BY, NOT_ABORTED),
    refuse: () => ring.refused(SERVICE),
  };
}

describe("a fight over an object", () => {
  it("is announced once, with the name of the other writer, however long it lasts", async () => {
    const { fights, reads, repair, clock } = arena(() =>
      Promise.resolve(
        managed(
          { manager: "flagger", operation: "Update", time: "2026-01-01T00:00:09Z" },
          { manager: "kubectl-create", operation: "Update", time: "2026-01-01T00:00:01Z" },
          { manager: "kustomize-controller", operation: "Apply", time: "2026-01-01T00:00:08Z" },
          { manager: "kube-controller-manager", subresource: "status", time: "2026-01-01T00:00:10Z" },
        ),
      ),
    );
    for (let i = 0; i < 50; i += 1) {
      await repair();
      await clock.advance(30_000);
    }
    expect(fights.map(fightText)).toEqual([
      'field manager "kustomize-controller" keeps changing spec.selector of Service podinfo.test, and Aviary puts it back ' +
        "each time: let kustomize-controller ignore these fields",
    ]);
    expect(reads()).toBe(1);
  });

  const deployer = {
    manager: "kubectl-client-side-apply",
    operation: "Update",
    apiVersion: "apps/v1",
    time: "2026-01-01T00:00:09Z",
    fieldsType: "FieldsV1",
    fieldsV1: { "f:spec": { "f:template": { "f:spec": { "f:containers": {} } }, "f:selector": {} } },
  };
  /** As a real API server writes it when an autoscaler, or `kubectl scale`, sets the replicas. */
  const scaler = (manager: string, time: string) => ({
    ...{ manager, operation: "Update", apiVersion: "apps/v1", time, fieldsType: "FieldsV1", subresource: "scale" },
    fieldsV1: { "f:spec": { "f:replicas": {} } },
  });
  const status = {
    ...{ manager: "kubelet", operation: "Update", time: "2026-01-01T00:00:20Z", subresource: "status" },
    fieldsV1: { "f:status": { "f:replicas": {} }, "f:spec": { "f:replicas": {} } },
  };
  it.each([
    [
      "an autoscaler",
      "kube-controller-manager",
      { spec: { replicas: 0 } },
      scaler("kube-controller-manager", "2026-01-01T00:00:03Z"),
    ],
    ["KEDA", "keda", { spec: { replicas: 0 } }, scaler("keda", "2026-01-01T00:00:03Z")],
    [
      "a writer of a part",
      "deployer",
      { spec: { template: { spec: { nodeName: null } } } },
      {
        ...scaler("deployer", "2026-01-01T00:00:01Z"),
        fieldsV1: { "f:spec": { "f:template": { "f:spec": { "f:nodeName": {} } } } },
      },
    ],
    [
      "of fields that no writer owns, the last of all writers",
      "kubectl-client-side-apply",
      { metadata: { labels: { a: "b" } } },
      scaler("keda", "2026-01-01T00:00:30Z"),
    ],
  ])("names the owner of the fields: %s", async (_, name, patch, entry) => {
    const ours = { ...scaler("flagger", "2026-01-01T00:00:40Z") };
    const { fights, repair } = arena(() => Promise.resolve(managed(deployer, entry, ours, status)));
    for (let i = 0; i < 3; i += 1) await repair(patch);
    expect(fights.map(({ manager }) => manager)).toEqual([name]);
  });

  it("is announced without a name when the API server gives none", async () => {
    const { fights, repair } = arena(() => Promise.reject(new Error("no answer")));
    for (let i = 0; i < 3; i += 1) await repair();
    expect(fights.map(({ manager }) => manager)).toEqual([undefined]);
  });

  it("that begins again after ten quiet minutes is another one", async () => {
    const { fights, repair, clock } = arena();
    for (let i = 0; i < 3; i += 1) await repair();
    await clock.advance(600_001);
    for (let i = 0; i < 3; i += 1) await repair();
    expect(fights).toHaveLength(2);
  });
});

describe("no fight is", () => {
  it("is not what the API server refuses again and again", async () => {
    const { fights, repair, refuse } = arena();
    for (let i = 0; i < 9; i += 1) {
      await repair();
      refuse();
    }
    expect(fights).toEqual([]);
  });

  it("a release that writes one weight after the other", async () => {
    const { fights, repair } = arena();
    for (const weight of [10, 20, 30, 0, 10, 20, 30, 0]) await repair({ spec: { http: [{ weight }] } });
    expect(fights).toEqual([]);
  });

  it("one slip of a hand, or two", async () => {
    const { fights, repair } = arena();
    await repair();
    await repair();
    expect(fights).toEqual([]);
  });
});

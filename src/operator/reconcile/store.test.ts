import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CanaryStatus } from "../../core/status/canary.ts";
import { toWire } from "../../core/status/status.ts";
import { applyMergePatch } from "../../json/merge-patch.ts";
import { KubeError, type ObjectWriter } from "../../ports/kube.ts";
import type { KubeFields, KubeObject } from "../../ports/kubernetes.ts";
import { aWireCanary } from "../../testing/canary.ts";
import { PARSE_OPTIONS } from "../../testing/tables.ts";
import { createFreshSnapshot } from "../cluster/read-your-writes.ts";
import { WriteFailure } from "../cluster/write.ts";
import { OWED_ALERTS } from "../notify/owed-alerts-annotation.ts";
import { FINALIZER } from "./finalizer.ts";
import { createCanaryStore } from "./store.ts";

const REF = { namespace: "test", name: "podinfo" };
const NOT_ABORTED = new AbortController().signal;

/** One Canary behind an API server that merges patches, and prunes our memory when told to. */
function stage(
  canary: KubeObject,
  pruning = false,
  refuses: (patch: KubeFields) => boolean = () => false,
  refusal = new KubeError(500, "InternalError", "etcd is away"),
) {
  let stored = canary;
  /** What the cache shows; absent: what is stored. */
  let cached: KubeObject | undefined;
  const patches: KubeFields[] = [];
  const writer: ObjectWriter = {
    create: () => Promise.reject(new Error("nothing is created here")),
    mergePatch(_ref, patch, { resourceVersion }) {
      patches.push(patch);
      if (resourceVersion !== undefined && resourceVersion !== stored.metadata.resourceVersion) {
        return Promise.reject(new KubeError(409, "Conflict", "the object has been modified"));
      }
      if (refuses(patch)) return Promise.reject(refusal);
      if (Object.keys(patch).length === 0) return Promise.resolve(stored);
      stored = structuredClone(applyMergePatch(stored, JSON.parse(JSON.stringify(patch))));
      if (pruning) delete stored["status"].aviary;
      stored.metadata.resourceVersion = String(Number(stored.metadata.resourceVersion) + 1);
      return Promise.resolve(stored);
    },
  };
  const store = createCanaryStore(
    writer,
    createFreshSnapshot(() => cached ?? stored),
    PARSE_OPTIONS,
  );
  return {
    store,
    patches,
    stored: () => stored,
    overwrite: (object: KubeObject) => {
      stored = object;
    },
    /** From now on the cache shows this object instead of the stored one. */
    lag: (object: KubeObject | undefined) => {
      cached = object;
    },
  };
}

function loaded(store: ReturnType<typeof stage>["store"]) {
  const found = store.load(REF);
  if (found?.kind !== "canary") throw new Error(JSON.stringify(found));
  return found.canary;
}

const checksums = fc.dictionary(fc.constantFrom("configmap/a", "configmap/b", "secret/c"), fc.constantFrom("1", "2"));
const condition = fc.record({
  type: fc.constant("Promoted"),
  status: fc.constantFrom("True", "False", "Unknown"),
  reason: fc.constantFrom("Progressing", "Failed"),
  message: fc.string(),
  lastUpdateTime: fc.constant("2026-01-01T00:00:00Z"),
  lastTransitionTime: fc.constant("2026-01-01T00:00:00Z"),
});
const alert = fc.record({ message: fc.string(), severity: fc.constant("error" as const), metadata: fc.boolean() });

/** A status of a run, with and without each of its optional parts. */
const aStatus: fc.Arbitrary<CanaryStatus> = fc
  .record({
    phase: fc.constantFrom("Progressing" as const, "Promoting" as const),
    failedChecks: fc.nat(3),
    canaryWeight: fc.nat(100),
    iterations: fc.nat(3),
    applied: fc.option(fc.record({ spec: fc.constantFrom("a", "b"), configs: checksums }, { requiredKeys: ["spec"] }), {
      nil: undefined,
    }),
    promotedSpec: fc.constantFrom("", "a"),
    cookies: fc.record({
      canary: fc.constantFrom("", "c=1"),
      primary: fc.constantFrom("", "p=1"),
      previous: fc.constantFrom("", "c=0"),
    }),
    conditions: fc.array(condition, { maxLength: 1 }),
    writtenAt: fc.constantFrom(0, 1_000_000),
    phaseSince: fc.nat(),
    announced: fc.option(fc.record({ reason: fc.constant("Suspended"), message: fc.string() }), { nil: undefined }),
    owedAlerts: fc.array(alert, { maxLength: 2 }),
    step: fc.nat(3),
    plan: fc.option(fc.constant("weights"), { nil: undefined }),
    hold: fc.oneof(
      fc.constant({ kind: "none" }),
      fc.record({ kind: fc.constant("until"), at: fc.integer({ min: 1 }) }),
      fc.record({ kind: fc.constant("after-routes"), notBefore: fc.nat() }),
    ),
    serving: fc.constantFrom("as-planned", "primary-alone", "canary-alone"),
    stage: fc.constantFrom("preparing", "put-off", "prepared"),
    primaryWeight: fc.nat(100),
    skipping: fc.boolean(),
    shiftedAt: fc.option(fc.nat(), { nil: undefined }),
  })
  .map((fields) => JSON.parse(JSON.stringify(fields)) as CanaryStatus);

const PROMOTED = {
  type: "Promoted",
  status: "True",
  reason: "Succeeded",
  lastUpdateTime: "2026-01-01T00:00:00Z",
  lastTransitionTime: "2026-01-01T00:00:00Z",
} as const;

it("what cannot be meant is loaded with the Canary, for an event; one that leaves is not doubted", () => {
  const doubtful = aWireCanary({ analysis: { interval: "5min" } });
  expect(stage(doubtful).store.load(REF)).toMatchObject({ doubts: [expect.stringContaining("write 5m")] });
  const leaving = { ...doubtful, metadata: { ...doubtful.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
  expect(stage(leaving).store.load(REF)).toMatchObject({ doubts: [] });
});

describe("a status that cannot be written", () => {
  const webhook = new KubeError(500, "InternalError", 'failed calling webhook "w.example"');
  const role = new KubeError(403, "Forbidden", 'cannot patch resource "canaries/status" in API group "flagger.app"');
  const away = new KubeError(500, "InternalError", "etcd is away");
  it.each([
    [webhook, WriteFailure, /^status of canary podinfo.test cannot be written, and the rollout waits: failed calling/],
    [role, WriteFailure, /grant the operator's role the verb patch on canaries\/status.flagger.app$/],
    [away, KubeError, /^etcd is away$/],
  ])("because of %s is an event where a person can mend it", async (refusal, type, text) => {
    const { store } = stage(aWireCanary(), false, () => true, refusal);
    const canary = loaded(store);
    const saved = store.save(canary, { ...canary.status, canaryWeight: 10 }, NOT_ABORTED);
    await expect(saved).rejects.toThrow(text);
    await expect(saved).rejects.toBeInstanceOf(type);
  });

  it("the same holds of the finalizers, and of a Canary that is only asked whether it is the latest", async () => {
    const refused = () => {
      const { store } = stage(aWireCanary(), false, () => true, role);
      return { store, canary: loaded(store) };
    };
    const text = "canary podinfo.test cannot be written, and the rollout waits: cannot patch resource";
    const [one, other] = [refused(), refused()];
    await expect(one.store.setFinalizer(one.canary, true, NOT_ABORTED)).rejects.toThrow(`finalizers of ${text}`);
    const confirmed = other.store.confirm(other.canary, NOT_ABORTED);
    await expect(confirmed).rejects.toThrow(text);
    await expect(confirmed).rejects.toBeInstanceOf(WriteFailure);
  });
});

describe("Canaries in the API server", () => {
  it("are asked whether they are still what was loaded; what was not is read again", async () => {
    const { store, stored, overwrite, lag } = stage(aWireCanary());
    const canary = loaded(store);
    await store.confirm(canary, NOT_ABORTED);
    await store.confirm(canary, NOT_ABORTED);
    const old = stored();
    overwrite({ ...old, metadata: { ...old.metadata, resourceVersion: "99" } });
    lag(old);
    await expect(store.confirm(canary, NOT_ABORTED)).rejects.toMatchObject({ code: 409 });
  });

  it("a status that no operator writes is refused with what to do, and crashes nothing", () => {
    const { store } = stage(aWireCanary({ status: { phase: "Dancing" } }));
    expect(store.load(REF)).toMatchObject({
      kind: "invalid",
      problem: 'status.phase "Dancing" is not a phase of a Canary: clear it to initialise the Canary again',
    });
  });

  it.each([
    ["that has just been made", undefined, "Held: ", "Unknown"],
    [
      "at rest",
      { phase: "Succeeded", conditions: [{ ...PROMOTED, message: "Canary analysis completed. Held: before." }] },
      "Canary analysis completed. Held: ",
      "True",
    ],
  ])(
    "a refused spec %s is announced in the condition, once, and the rest of the status stays",
    async (_, status, text, is) => {
      const wire = aWireCanary({ analysis: { stepWeight: 0 }, ...(status === undefined ? {} : { status }) });
      const { store, stored, patches } = stage(wire);
      for (let turn = 0; turn < 2; turn += 1) {
        const invalid = store.load(REF);
        if (invalid?.kind !== "invalid") throw new Error("the spec is not refused");
        await store.refuse(invalid, 0, NOT_ABORTED);
      }
      expect(patches).toHaveLength(1);
      const { conditions, ...rest } = stored()["status"];
      expect(conditions).toMatchObject([
        {
          type: "Promoted",
          status: is,
          message: expect.stringContaining(`${text}invalid canary spec: spec.analysis needs`),
        },
      ]);
      expect(rest).toEqual(status === undefined ? {} : { phase: "Succeeded" });
    },
  );

  it("one that leaves may leave with any fault in its spec", () => {
    const broken = aWireCanary({ analysis: { stepWeight: 0 } });
    expect(stage(broken).store.load(REF)).toMatchObject({ kind: "invalid" });
    const leaving = { ...broken, metadata: { ...broken.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
    expect(stage(leaving).store.load(REF)).toMatchObject({ kind: "canary", canary: { deleting: true } });
  });

  it.each([true, false])(
    "Q10: the finalizer is put on (%s) or off by writing the finalizers and nothing else",
    async (on) => {
      const others = ["other.example.com/keep"];
      const wire = aWireCanary();
      const before = on ? others : [...others, FINALIZER];
      const { store, patches, stored } = stage({ ...wire, metadata: { ...wire.metadata, finalizers: before } });
      await store.setFinalizer(loaded(store), on, NOT_ABORTED);
      expect(patches).toEqual([{ metadata: { finalizers: on ? [...others, FINALIZER] : others } }]);
      expect(stored()["spec"]).toEqual(wire["spec"]);
    },
  );

  it.each([false, true])(
    "remembers what it wrote, also when it is pruned (%s), until another writer writes",
    async (pruning) => {
      const { store, stored, overwrite } = stage(
        aWireCanary({ status: { phase: "Initialized", lastAppliedSpec: "a", lastPromotedSpec: "a" } }),
        pruning,
      );
      const canary = loaded(store);
      expect(canary.status.foreign).toBe(true);
      const status = {
        ...canary.status,
        phase: "Initialized",
        drain: { kind: "until", at: 1234 },
        announced: { reason: "Suspended", message: "waiting" },
      } as typeof canary.status;
      await store.save(canary, status, NOT_ABORTED);
      expect("aviary" in stored()["status"]).toBe(!pruning);
      expect(loaded(store).status).toMatchObject({
        drain: { kind: "until", at: 1234 },
        announced: { reason: "Suspended", message: "waiting" },
      });
      expect(loaded(store).status.foreign).toBeUndefined();
      const { aviary: _ours, ...wire } = stored()["status"];
      overwrite({
        ...stored(),
        metadata: { ...stored().metadata, resourceVersion: "99" },
        status: { ...wire, failedChecks: 3 },
      });
      expect(loaded(store).status).toMatchObject({ drain: { kind: "none" }, failedChecks: 3, foreign: true });
    },
  );

  describe("store the status that was saved, and nothing of the one before", () => {
    const configs = (...names: readonly string[]) =>
      Object.fromEntries(names.map((name) => [`configmap/${name}`, "1"]));

    it.each<[string, Record<string, string> | undefined]>([
      ["a reference that is no longer there", configs("settings")],
      ["another name, as configMapGenerator makes it", configs("settings", "colour-7f")],
      ["no reference at all", {}],
      ["no tracking", undefined],
    ])("tracked configs: %s", async (_, wanted) => {
      const { store, stored } = stage(aWireCanary({ status: { phase: "Initialized", lastAppliedSpec: "a" } }));
      for (const tracked of [configs("settings", "colour-5d"), wanted, configs("settings", "colour-5d"), wanted]) {
        const canary = loaded(store);
        const applied = { spec: "a", ...(tracked === undefined ? {} : { configs: tracked }) };
        await store.save(canary, { ...canary.status, applied }, NOT_ABORTED);
        expect(stored()["status"].trackedConfigs).toEqual(tracked);
        expect(loaded(store).status.applied).toEqual(applied);
      }
    });

    it("any two statuses, one after the other", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(aStatus, { minLength: 2, maxLength: 4 }), async (statuses) => {
          const { store, stored } = stage(aWireCanary({ status: { phase: "Initialized" } }));
          for (const status of statuses) {
            await store.save(loaded(store), status, NOT_ABORTED);
            expect(stored()["status"]).toEqual(JSON.parse(JSON.stringify(toWire(status))));
          }
        }),
        { seed: 7, numRuns: 200 },
      );
    });
  });

  describe("that another writer wrote meanwhile", () => {
    const initialized = () => aWireCanary({ status: { phase: "Initialized", lastAppliedSpec: "a" } });
    const written = (object: KubeObject, metadata: KubeFields, status: KubeFields = {}): KubeObject => ({
      ...object,
      metadata: { ...object.metadata, resourceVersion: "99", ...metadata },
      status: { ...object["status"], ...status },
    });

    it("is not given its finalizer: those that others added would be lost", async () => {
      const { store, stored, overwrite } = stage(initialized());
      const canary = loaded(store);
      overwrite(written(initialized(), { finalizers: ["other.example.com/keep"] }));
      await expect(store.setFinalizer(canary, true, NOT_ABORTED)).rejects.toThrow("has been modified");
      expect(stored().metadata.finalizers).toEqual(["other.example.com/keep"]);
    });

    it("is known when the cache has it; until then Aviary's own last write is the latest", async () => {
      const { store, stored, overwrite, lag } = stage(initialized());
      lag(initialized());
      const canary = loaded(store);
      await store.save(canary, { ...canary.status, failedChecks: 1 }, NOT_ABORTED);
      expect(loaded(store).status.failedChecks).toBe(1);
      overwrite(written(stored(), {}, { failedChecks: 7 }));
      const late = loaded(store);
      await expect(store.save(late, { ...late.status, failedChecks: 2 }, NOT_ABORTED)).rejects.toThrow(
        "has been modified",
      );
      expect(loaded(store).status.failedChecks).toBe(1);
      lag(undefined);
      expect(loaded(store).status.failedChecks).toBe(7);
    });

    it("or made again, has nothing to do with the one before, whose memory goes", async () => {
      const { store, stored, overwrite } = stage(initialized(), true);
      const canary = loaded(store);
      const draining = {
        ...canary.status,
        phase: "Initialized",
        drain: { kind: "until", at: 1234 },
      } as typeof canary.status;
      await store.save(canary, draining, NOT_ABORTED);
      expect(loaded(store).status).toMatchObject({ drain: { kind: "until", at: 1234 } });
      overwrite(written(stored(), { uid: "another" }));
      expect(loaded(store).status).toMatchObject({ drain: { kind: "none" }, foreign: true });
    });
  });

  describe("with Flagger's CRD, owed alerts", () => {
    const initialized = () => aWireCanary({ status: { phase: "Initialized", lastAppliedSpec: "a" } });
    const ALERT = { message: "Failed checks threshold reached 5", severity: "error", metadata: false } as const;

    it("outlive the process in an annotation, which goes with them", async () => {
      const first = stage(initialized(), true);
      const canary = loaded(first.store);
      const saved = await first.store.save(canary, { ...canary.status, owedAlerts: [ALERT] }, NOT_ABORTED);
      expect(saved.resourceVersion).toBe(first.stored().metadata.resourceVersion);
      const next = stage(first.stored(), true);
      expect(loaded(next.store).status).toMatchObject({ owedAlerts: [ALERT], foreign: true });
      const again = loaded(next.store);
      await next.store.save(again, { ...again.status, owedAlerts: [] }, NOT_ABORTED);
      expect(next.stored().metadata.annotations).toEqual({});
      await next.store.save(loaded(next.store), { ...again.status, owedAlerts: [] }, NOT_ABORTED);
      expect(next.patches).toHaveLength(3);
    });

    it("are in the status alone when the API server keeps it", async () => {
      const { store, stored, patches } = stage(initialized());
      const canary = loaded(store);
      await store.save(canary, { ...canary.status, owedAlerts: [ALERT] }, NOT_ABORTED);
      expect(stored().metadata.annotations).toBeUndefined();
      expect(patches).toHaveLength(1);
    });

    it("do not undo a turn when they cannot be noted; an unreadable note counts as none", async () => {
      const { store } = stage(initialized(), true, (patch) => patch.metadata !== undefined);
      const canary = loaded(store);
      await store.save(canary, { ...canary.status, owedAlerts: [ALERT] }, NOT_ABORTED);
      expect(loaded(store).status.owedAlerts).toEqual([ALERT]);
      for (const text of ["{", "7", '[{"message":1}]']) {
        const object = initialized();
        object.metadata.annotations = { [OWED_ALERTS]: text };
        expect(loaded(stage(object, true).store).status.owedAlerts).toEqual([]);
      }
    });
  });
});

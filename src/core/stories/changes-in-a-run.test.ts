/** Edits, crashes and lost pods in the middle of a run. */
import { describe, expect, it } from "vitest";
import { aCanary, type CanaryParts } from "../../testing/canary.ts";
import { createModel, type Fate, type Model, type Release } from "../../testing/model.ts";
import { MESH } from "../../testing/story.ts";
import type { HookType } from "../spec/spec.ts";
import { endOf } from "../turn/waits.ts";

const release = (spec: string, asPrimary: Fate = "quick"): Release => ({
  spec,
  configs: {},
  asCanary: "quick",
  asPrimary,
});
const gate = (type: HookType) => ({ type, name: type, url: "http://gate/" });

/** Everything that happens by itself within so many seconds. */
function pass(model: Model, seconds: number): Model {
  const until = model.now + seconds * 1_000;
  for (;;) {
    while (model.turn() !== undefined);
    const due = model.due();
    if (due === undefined || due > until) break;
    model.now = due;
  }
  model.now = until;
  return model;
}

function put(model: Model, what: Release): void {
  if (model.target !== undefined) Object.assign(model.target, { release: what, since: model.now, surviving: true });
}

/** Initialised with v0, and v1 on its way for so many seconds. */
function begun(parts: CanaryParts, seconds: number, next = release("v1")): Model {
  const model = createModel(aCanary(parts), MESH, { pods: true, scales: true }, release("v0"));
  pass(model, 60);
  put(model, next);
  return pass(model, seconds);
}

function edit(model: Model, parts: CanaryParts): void {
  const { analysis, strategy } = aCanary(parts).spec;
  model.canary = { ...model.canary, spec: { ...model.canary.spec, analysis, strategy } };
}

describe("a deleted primary that is recreated from an unapproved target", () => {
  const REMADE = "podinfo-primary.test was deleted and made again of what the target holds";

  it.each<[string, CanaryParts, number]>([
    ["in the middle of a run", { analysis: { stepWeights: [50] } }, 5],
    ["while its release waited for approval", { analysis: { webhooks: [gate("confirm-rollout")] } }, 5],
  ])("%s is recorded as promoted, so that the previous revision is a new release", (_when, parts, seconds) => {
    const model = createModel(aCanary(parts), MESH, { pods: true, scales: true }, release("v0"));
    pass(model, 60);
    model.answer = (probe) =>
      probe.kind === "hook" && probe.type === "confirm-rollout"
        ? { kind: "refused", detail: "no" }
        : { kind: "passed" };
    put(model, release("v1"));
    pass(model, seconds);
    model.primary = undefined;
    model.turn();
    expect(model.primary).toMatchObject({ release: { spec: "v1" } });
    expect(model.status.promotedSpec).toBe("v1");
    expect(model.timeline.at(-1)).toContain(REMADE);
    model.answer = () => ({ kind: "passed" });
    put(model, release("v0"));
    pass(model, 300);
    expect(model.status).toMatchObject({ phase: "Succeeded", promotedSpec: "v0" });
    expect(model.primary).toMatchObject({ release: { spec: "v0" } });
  });

  it("at rest, in the same turn as a new revision, is recorded as promoted and alerted", () => {
    const model = pass(createModel(aCanary(), MESH, { pods: true, scales: true }, release("v0")), 60);
    model.primary = undefined;
    put(model, release("v1"));
    model.turn();
    expect(model.status).toMatchObject({ phase: "Initialized", promotedSpec: "v1", applied: { spec: "v1" } });
    expect(model.status.owedAlerts).toMatchObject([{ severity: "error" }]);
    put(model, release("v0"));
    pass(model, 300);
    expect(model.status).toMatchObject({ phase: "Succeeded", promotedSpec: "v0" });
  });
});

describe("a step", () => {
  it("is held for the interval of the present spec: a shorter one counts at once, a longer one from the next step on", () => {
    const model = begun({ analysis: { interval: "60s", stepWeights: [50, 60] } }, 10);
    const { now } = model;
    const held = (interval: string) => {
      edit(model, { analysis: { interval, stepWeights: [50, 60] } });
      model.turn();
      return "hold" in model.status && endOf(model.status.hold);
    };
    const before = held("60s");
    expect(held("90s")).toBe(before);
    expect(held("10s")).toBe(now + 10_000);
  });

  it("whose routes were changed while the primary lacked pods is held again before it is judged", () => {
    const model = begun({ analysis: { stepWeights: [50, 60] } }, 10);
    expect(model.status).toMatchObject({ phase: "Progressing", canaryWeight: 50 });
    if (model.primary !== undefined) model.primary.lost = { from: model.now, until: model.now + 1_000 };
    model.routes = { primary: 100, canary: 0, mirror: false };
    model.turn();
    expect(model.status).toMatchObject({ serving: "canary-alone" });
    // The hold counts from when the step has its own routes again.
    if (model.primary !== undefined) model.primary.lost = { from: 0, until: 0 };
    model.turn();
    expect(model.status).toMatchObject({ canaryWeight: 50, hold: { kind: "until", at: model.now + 15_000 } });
    expect(model.status).toMatchObject({ serving: "as-planned" });
  });

  it.each<[string, CanaryParts["analysis"], number, CanaryParts["analysis"]]>([
    ["a weight for blue/green", { stepWeights: [10, 20, 30, 40] }, 40, { iterations: 1 }],
    [
      "an A/B test for blue/green",
      { iterations: 5, match: [{ headers: { a: { exact: "b" } } }] },
      40,
      { iterations: 1 },
    ],
    ["more iterations of blue/green for fewer", { iterations: 5 }, 40, { iterations: 2 }],
  ])(
    "of %s, edited in the middle of the run, starts the run over with all traffic on the primary",
    (_what, before, seconds, after) => {
      const model = begun({ analysis: before ?? {} }, seconds);
      expect(model.status).toMatchObject({ phase: "Progressing", step: 3 });
      edit(model, { analysis: after ?? {} });
      model.turn();
      expect(model.status).toMatchObject({ phase: "Progressing", step: 0 });
      expect(model.routes).toEqual({ primary: 100, canary: 0, mirror: false });
      expect(model.timeline.at(-1)).toContain(
        "Strategy of podinfo.test was changed! Restarting analysis for podinfo.test",
      );
      expect(pass(model, 300).status).toMatchObject({ phase: "Succeeded", promotedSpec: "v1" });
    },
  );

  it("of a finished A/B test, edited to weights, keeps all traffic on the canary until the primary is ready", () => {
    const match = [{ headers: { a: { exact: "b" } } }];
    const model = begun({ analysis: { iterations: 1, match } }, 20, release("v1", "slow"));
    expect(model.status.phase).toBe("Promoting");
    edit(model, { analysis: { stepWeights: [50] } });
    model.turn();
    expect(model.routes).toEqual({ primary: 0, canary: 100, mirror: false });
  });
});

describe("a promotion", () => {
  it("whose weight is known from Flagger's fields alone keeps that weight", () => {
    const model = begun({ analysis: { stepWeights: [50], stepWeightPromotion: 10 } }, 25);
    expect(model.status).toMatchObject({ phase: "Promoting", primaryWeight: 60, canaryWeight: 40 });
    model.turn("forgets");
    expect(model.status).toMatchObject({ phase: "Promoting", primaryWeight: 60 });
    expect(model.routes).toEqual({ primary: 60, canary: 40, mirror: false });
  });

  it.each<[string, CanaryParts, object]>([
    [
      "an A/B test after it had waited for approval",
      {
        analysis: {
          iterations: 1,
          match: [{ headers: { a: { exact: "b" } } }],
          webhooks: [gate("confirm-promotion")],
        },
      },
      { primary: 0, canary: 100, mirror: false },
    ],
    [
      "a release that is not judged",
      { spec: { skipAnalysis: true }, analysis: { iterations: 1 } },
      { primary: 100, canary: 0, mirror: false },
    ],
  ])("of %s, known from Flagger's fields alone, moves no traffic before its time", (_what, parts, routes) => {
    const model = begun(parts, 0, release("v1", "slow"));
    let waited = false;
    model.answer = () => (waited ? { kind: "passed" } : { kind: "refused", detail: "no" });
    while (model.status.phase !== "Promoting") {
      waited ||= model.status.phase === "WaitingPromotion";
      if (model.turn() === undefined) model.now = model.due() ?? Number.NaN;
    }
    model.turn("forgets");
    expect(model.routes).toEqual(routes);
  });

  it("that failed takes its traffic from a canary without pods before it calls the post-rollout hooks", () => {
    const parts = { analysis: { stepWeights: [50], webhooks: [gate("post-rollout")] } };
    const model = begun(parts, 0, release("v1", "stuck"));
    while (model.status.phase !== "Failed") {
      if (model.turn() === undefined) model.now = model.due() ?? Number.NaN;
    }
    expect(model.status).toMatchObject({ owesPostRollout: true, canaryWeight: 100 });
    if (model.target !== undefined) model.target.lost = { from: model.now, until: model.now + 60_000 };
    const turn = model.turn();
    expect(turn?.input.observation.answers).toEqual([]);
    expect(model.status).toMatchObject({ owesPostRollout: true, canaryWeight: 0 });
    model.turn();
    expect(model.status).toMatchObject({ owesPostRollout: false });
  });
});

describe("the canary keeps its pods while proxies may still send it requests", () => {
  it("after a crash right after the initialisation, where Flagger's CRD pruned the drain", () => {
    const model = createModel(aCanary(), MESH, { pods: true, scales: true }, release("v0"));
    while (model.status.phase !== "Initialized") {
      if (model.turn() === undefined) model.now = model.due() ?? Number.NaN;
    }
    model.turn("forgets");
    expect(model.target?.up).toBe(true);
    expect(pass(model, 10).target?.up).toBe(false);
  });

  it("after a rollback that comes a moment after a newer revision restarted the run", () => {
    const model = begun({ analysis: { stepWeights: [50], threshold: 1, webhooks: [gate("rollback")] } }, 0);
    model.answer = (probe) =>
      probe.kind === "hook" && probe.type === "rollback" ? { kind: "refused", detail: "no" } : { kind: "passed" };
    pass(model, 10);
    expect(model.routes).toMatchObject({ canary: 50 });
    put(model, release("v2"));
    model.turn();
    model.answer = () => ({ kind: "passed" });
    pass(model, 2);
    expect([model.status.phase, model.target?.up]).toEqual(["Failed", true]);
    expect(pass(model, 5).target?.up).toBe(false);
  });
});

describe("a primary that loses all of its pods in the middle of a run", () => {
  const breaks = (analysis: NonNullable<CanaryParts["analysis"]>) => {
    const model = begun({ analysis }, 10);
    if (model.primary !== undefined) model.primary.lost = { from: model.now, until: model.now + 300_000 };
    return pass(model, 100);
  };

  it("is covered by a canary that can serve, which gets all of the traffic", () => {
    const model = breaks({ stepWeights: [20, 50] });
    expect(model.status).toMatchObject({ phase: "Failed", recovery: { kind: "restoring" }, canaryWeight: 100 });
    expect(model.routes).toEqual({ primary: 0, canary: 100, mirror: false, everyone: true });
    expect(model.target?.up).toBe(true);
    expect(model.timeline.find((line) => line.includes("cannot serve"))).toContain(
      "podinfo-primary.test cannot serve, routing all traffic to canary until it can",
    );
    pass(model, 300);
    expect(model.status).toMatchObject({
      phase: "Failed",
      recovery: { kind: "none" },
      canaryWeight: 0,
      promotedSpec: "v0",
    });
    expect(model.routes).toEqual({ primary: 100, canary: 0, mirror: false });
    expect([model.primary?.release.spec, model.target?.up]).toEqual(["v0", false]);
  });

  it("is not covered by a canary that has had no traffic yet", () => {
    const model = breaks({ iterations: 5 });
    expect(model.status).toMatchObject({ phase: "Failed", recovery: { kind: "none" }, canaryWeight: 0 });
  });
});

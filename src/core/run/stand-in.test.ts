/** A canary that has users serves everyone while the primary has no pods. */
import { describe, expect, it } from "vitest";
import { type Story, tell } from "../../testing/story.ts";
import { fromWire, toWire } from "../status/status.ts";

const HINTS = { intervalMs: 10_000, iterations: 0, weights: [20, 50], mirror: false };
const AWAY = { kind: "progressing", detail: "podinfo-primary.test not ready: 0 of 2" } as const;
const MATCH = [{ headers: { "x-canary": { exact: "insider" } } }];

/** The run stands on its first step. */
function onFirstStep(analysis: Readonly<Record<string, unknown>> = { stepWeights: [20, 50] }): Story {
  const story = tell({ analysis: { interval: "10s", threshold: 3, ...analysis } });
  story.run(60);
  story.world.revision = { spec: "v2" };
  story.run(5);
  story.timeline.length = 0;
  return story;
}

function lose(story: Story): void {
  story.world.primary = AWAY;
  story.world.primaryAvailable = 0;
  story.run(1);
}

function recover(story: Story): void {
  story.world.primary = { kind: "ready" };
  story.world.primaryAvailable = 2;
  story.run(1);
}

function runUntil(story: Story, phase: string): void {
  for (let i = 0; i < 60 && story.status.phase !== phase; i += 1) story.run(1);
  expect(story.status.phase).toBe(phase);
}

const routesOf = (story: Story) => story.turns.at(-1)?.routes;
const EVERYONE = { primary: 0, canary: 100, mirror: false, everyone: true };

describe("a primary that loses all of its pods in a run", () => {
  it("leaves its users to the canary until it has a pod again; the step then counts anew", () => {
    const story = onFirstStep();
    lose(story);
    expect(routesOf(story)).toEqual(EVERYONE);
    expect(story.status).toMatchObject({ phase: "Progressing", step: 1, canaryWeight: 20, failedChecks: 0 });
    expect(story.timeline.at(-1)).toMatch(/routing all traffic to canary until it can: .* not ready: 0 of 2$/);
    story.run(120);
    expect(story.status).toMatchObject({ phase: "Progressing", step: 1, serving: "canary-alone" });
    recover(story);
    expect(routesOf(story)).toEqual({ primary: 80, canary: 20, mirror: false });
    story.run(8);
    expect(story.status).toMatchObject({ phase: "Progressing", step: 1 });
    story.run(120);
    expect(story.status.phase).toBe("Succeeded");
    expect(story.timeline.filter((line) => /cannot serve|can serve again/.test(line))).toHaveLength(2);
  });

  it("ends the run when it goes away more often than the threshold allows", () => {
    const story = onFirstStep();
    for (let outage = 1; outage <= 3; outage += 1) {
      lose(story);
      expect(story.status).toMatchObject({ phase: "Progressing", serving: "canary-alone", outages: outage });
      recover(story);
    }
    lose(story);
    expect(story.status).toMatchObject({ phase: "Failed", canaryWeight: 100 });
    expect(routesOf(story)).toMatchObject({ primary: 0, canary: 100 });
    expect(story.timeline.join("\n")).toContain(
      "podinfo-primary.test is unstable: its pods went away 4 times, more often than analysis.threshold",
    );
    recover(story);
    expect(routesOf(story)).toEqual({ primary: 100, canary: 0, mirror: false });
  });

  it("leaves those whom an A/B test does not match to the canary, too", () => {
    const story = onFirstStep({ iterations: 3, match: MATCH });
    lose(story);
    expect(routesOf(story)).toEqual(EVERYONE);
  });

  it.each([
    ["that is mirrored", { mirror: true, stepWeights: [50] }],
    ["of blue/green", { iterations: 3 }],
  ])("leaves no user to a canary %s, which no user has met", (_, analysis) => {
    const story = onFirstStep(analysis);
    lose(story);
    expect(routesOf(story)).toMatchObject({ primary: 100, canary: 0 });
  });

  it.each(["Progressing", "Promoting"])(
    "for good reason, because an autoscaler brought it to none, keeps its share in %s",
    (phase) => {
      const story = onFirstStep({ stepWeights: [50], stepWeightPromotion: 30 });
      for (let i = 0; i < 60 && story.status.phase !== phase; i += 1) story.run(1);
      story.world.primaryAvailable = 0;
      story.run(1);
      expect(routesOf(story)?.primary).toBeGreaterThan(0);
      story.run(240);
      expect(story.status.phase).toBe("Succeeded");
    },
  );

  it("does not get requests back because the canary loses its pods, too; and the canary does not when the primary returns", () => {
    const story = onFirstStep();
    lose(story);
    story.world.canary = { kind: "progressing", detail: "podinfo.test not ready: 0 of 2" };
    story.world.canaryAvailable = 0;
    story.run(10);
    expect(routesOf(story)).toEqual(EVERYONE);
    const before = story.turns.length;
    recover(story);
    const since = story.turns.slice(before).map(({ routes }) => routes);
    expect(since.filter((routes) => routes?.canary !== 0)).toEqual([]);
    expect(story.status).toMatchObject({ failedChecks: 1 });
  });

  it("ends the run when it stays away longer than its deadline, and the canary goes on serving", () => {
    const story = onFirstStep();
    lose(story);
    story.world.primary = { kind: "stuck", detail: "podinfo-primary.test not ready: exceeded its progress deadline" };
    story.run(5);
    expect(story.status).toMatchObject({ phase: "Failed", recovery: { kind: "restoring" }, canaryWeight: 100 });
  });

  it("is remembered on the wire; where that memory is pruned, no step is skipped", () => {
    const story = onFirstStep();
    lose(story);
    const wire = toWire(story.status);
    expect(fromWire(wire, HINTS)).toMatchObject({ step: 1, serving: "canary-alone", outages: 1 });
    const { aviary: _pruned, ...flagger } = wire;
    expect(fromWire(flagger, HINTS)).toMatchObject({ step: 1, canaryWeight: 20 });
  });
});

describe("a primary that loses all of its pods in its promotion", () => {
  const AB = { iterations: 1, match: MATCH };

  it.each([
    ["by weights", { stepWeights: [50] }],
    ["by A/B", AB],
    ["in steps", { stepWeights: [50], stepWeightPromotion: 30 }],
  ])("leaves its users to the canary until it is ready (%s)", (_, analysis) => {
    const story = onFirstStep(analysis);
    story.world.onPromoted = () => {
      story.world.primary = AWAY;
      story.world.primaryAvailable = 0;
    };
    story.run(30);
    expect(story.status).toMatchObject({ phase: "Promoting", covering: "full" });
    expect(routesOf(story)).toEqual(EVERYONE);
    recover(story);
    story.run(120);
    expect(story.status.phase).toBe("Succeeded");
  });

  it("in the middle of its shift begins the shift anew, and fails the promotion when that comes again and again", () => {
    const story = onFirstStep({ stepWeights: [50], stepWeightPromotion: 30, threshold: 2 });
    const isShifting = () => "primaryWeight" in story.status && story.status.primaryWeight > 0;
    for (let i = 0; i < 60 && !isShifting(); i += 1) story.run(1);
    expect(story.status).toMatchObject({ phase: "Promoting", primaryWeight: 80 });
    lose(story);
    expect(routesOf(story)).toEqual(EVERYONE);
    expect(story.status).toMatchObject({ phase: "Promoting", primaryWeight: 0, failedChecks: 1 });
    recover(story);
    for (let i = 0; i < 60 && !isShifting(); i += 1) story.run(1);
    expect(routesOf(story)).toEqual({ primary: 80, canary: 20, mirror: false });
    lose(story);
    expect(story.status).toMatchObject({ phase: "Failed", canaryWeight: 100 });
  });

  it("after it has taken over everything, beside the canary that is still there, takes over anew", () => {
    const story = onFirstStep({ stepWeights: [50], threshold: 2 });
    runUntil(story, "Finalising");
    lose(story);
    expect(routesOf(story)).toEqual(EVERYONE);
    expect(story.status).toMatchObject({ phase: "Promoting", covering: "full", failedChecks: 1, canaryWeight: 100 });
    recover(story);
    runUntil(story, "Finalising");
    expect(routesOf(story)).toEqual({ primary: 100, canary: 0, mirror: false });
    lose(story);
    expect(story.status).toMatchObject({ phase: "Failed", canaryWeight: 100 });
    expect(routesOf(story)).toEqual(EVERYONE);
  });

  it("that its autoscaler leaves without pods after the promotion failed is waited for with a Warning", () => {
    const story = onFirstStep({ stepWeights: [50] });
    story.world.onPromoted = () => {
      story.world.primary = { kind: "stuck", detail: "podinfo-primary.test not ready: exceeded its progress deadline" };
      story.world.primaryAvailable = 0;
    };
    story.run(20);
    story.world.primary = { kind: "ready" };
    story.run(20);
    expect(routesOf(story)).toEqual(EVERYONE);
    expect(story.timeline.at(-1)).toContain("kubectl scale deployment/podinfo-primary --replicas=1 -n test");
    recover(story);
    expect(routesOf(story)).toEqual({ primary: 100, canary: 0, mirror: false });
  });

  it("for longer than its deadline is restored, and the canary serves meanwhile", () => {
    const story = onFirstStep({ stepWeights: [50] });
    story.world.onPromoted = () => {
      story.world.primary = { kind: "stuck", detail: "podinfo-primary.test not ready: exceeded its progress deadline" };
      story.world.primaryAvailable = 0;
    };
    story.run(20);
    expect(story.status).toMatchObject({ phase: "Failed", canaryWeight: 100 });
    expect(routesOf(story)).toEqual(EVERYONE);
  });
});

/** People act on a run: each verb does what it says, once, on the situation that the person saw. */
import { describe, expect, it } from "vitest";
import type { CanaryParts } from "../../testing/canary.ts";
import { type Story, tell } from "../../testing/story.ts";
import { INTENTS } from "../intents/table.ts";
import { VERBS } from "./steering.ts";

const METRICS = [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "1m" }];

/** On step 2 of 5, at 20 %, in the middle of its hold. */
function running(parts: CanaryParts = {}): Story {
  const story = tell({ ...parts, analysis: { metrics: METRICS, ...parts.analysis } });
  story.world.answer = (probe) => (probe.kind === "metric" ? { kind: "value", value: 100 } : { kind: "passed" });
  story.run(60);
  story.world.revision = { spec: "v2" };
  story.run(20);
  expect(story.status).toMatchObject({ phase: "Progressing", step: 2, canaryWeight: 20 });
  story.timeline.length = 0;
  return story;
}

/** v2 was promoted after v1. */
function promoted(): Story {
  const story = running();
  story.run(300);
  expect(story.status).toMatchObject({ phase: "Succeeded", promotedSpec: "v2" });
  return story;
}

function promoteTwoMore(story: Story): void {
  for (const spec of ["v3", "v4"]) {
    story.world.revision = { spec };
    story.run(400);
    expect(story.status).toMatchObject({ phase: "Succeeded", promotedSpec: spec });
  }
}

const weights = ({ timeline }: Story) => timeline.map((line) => line.split(" ").slice(0, 3).join(" "));

it("every verb has its rule", () => {
  expect(Object.keys(INTENTS)).toEqual(VERBS);
});

describe("pause", () => {
  it("holds the weight until a person resumes, and checks go on", () => {
    const story = running();
    story.act("pause", { reason: "watching payments" });
    const asked = story.asked.length;
    story.run(300);
    expect(story.answers).toEqual(["applied: paused at 20 %, checks go on"]);
    expect(story.status).toMatchObject({ phase: "Progressing", step: 2, paused: { by: "alice" } });
    expect(story.asked.length - asked).toBeGreaterThan(15);
    story.act("resume");
    story.run(14);
    expect(story.status).toMatchObject({ step: 2 });
    story.run(300);
    expect(story.status).toMatchObject({ phase: "Succeeded", promotedSpec: "v2" });
  });

  it("leaves the guard on: the threshold still rolls back", () => {
    const story = running();
    story.act("pause");
    story.run(20);
    story.world.answer = () => ({ kind: "value", value: 50 });
    story.run(300);
    expect(story.status).toMatchObject({ phase: "Failed", cause: { kind: "threshold", step: 2, weight: 20 } });
    expect(story.status.paused).toBeUndefined();
  });

  it("ends by itself after its time", () => {
    const story = running();
    story.act("pause", { forMs: 120_000 });
    story.run(100);
    expect(story.status).toMatchObject({ step: 2 });
    story.run(300);
    expect(story.status).toMatchObject({ phase: "Succeeded" });
  });

  it("asks no checks when they are frozen, too", () => {
    const story = running();
    story.act("pause", { freezeChecks: true });
    story.run(1);
    const asked = story.asked.length;
    story.run(300);
    expect(story.asked.length).toBe(asked);
  });

  it("holds the shift to the primary in a promotion", () => {
    const story = running({ analysis: { stepWeightPromotion: 10 } });
    story.act("promote-full");
    story.run(1);
    story.act("pause");
    story.run(300);
    expect(story.status).toMatchObject({ phase: "Promoting", paused: { by: "alice" } });
    story.act("resume");
    story.run(300);
    expect(story.status).toMatchObject({ phase: "Succeeded" });
  });
});

describe("promote", () => {
  it("enters the next step now, which is then held and judged", () => {
    const story = running();
    story.act("promote");
    story.run(1);
    expect(story.answers).toEqual(["applied: step 2 -> 3"]);
    expect(story.status).toMatchObject({ step: 3, canaryWeight: 30 });
    story.run(13);
    expect(story.status).toMatchObject({ step: 3 });
  });

  it("is refused while the canary is not ready", () => {
    const story = running();
    story.world.canary = { kind: "progressing", detail: "canary not ready" };
    story.act("promote");
    story.run(1);
    expect(story.answers).toEqual(["refused: the canary is not ready"]);
    expect(story.status).toMatchObject({ step: 2 });
  });

  it("skips one step when it is clicked twice: the second click saw another step", () => {
    const story = running();
    story.act("promote", { expect: { step: 2 } });
    story.act("promote", { expect: { step: 2 } });
    story.run(1);
    expect(story.answers).toEqual(["applied: step 2 -> 3", "refused: the run is at step 3 by now"]);
    expect(story.status).toMatchObject({ step: 3 });
  });

  it("to the end skips the rest of the checks, and waits for the primary", () => {
    const story = running();
    story.world.onPromoted = () => {
      story.world.primary = { kind: "progressing", detail: "primary not ready" };
    };
    story.act("promote-full");
    story.run(60);
    expect(story.status).toMatchObject({ phase: "Promoting", canaryWeight: 20 });
    story.world.primary = { kind: "ready" };
    story.run(60);
    expect(story.status).toMatchObject({ phase: "Succeeded", promotedSpec: "v2" });
  });
});

describe("abort and retry", () => {
  it("roll back at once, name the person, and run the same revision again", () => {
    const story = running();
    story.act("abort", { reason: "wrong image" });
    story.run(30);
    expect(story.answers).toEqual(["applied: weight 20 -> 0, rolled back"]);
    expect(story.status).toMatchObject({
      phase: "Failed",
      cause: { kind: "abort", by: "alice", reason: "wrong image", step: 2, steps: 5, weight: 20 },
    });
    expect(story.status.conditions[0]?.message).toBe(
      'Canary analysis failed, Deployment scaled to zero. Aborted at step 2 of 5 (20 %) by alice: "wrong image".',
    );
    expect(story.alerts).toContain("warn Rolling back, aborted by alice");
    const first = story.status.run?.id;
    story.act("retry");
    story.run(300);
    expect(story.status).toMatchObject({ phase: "Succeeded", promotedSpec: "v2", cause: { kind: "promoted" } });
    expect(story.status.run?.id).not.toBe(first);
  });

  it("retry is refused when there is nothing to release", () => {
    const story = running();
    story.act("abort");
    story.run(10);
    story.world.revision = { spec: "v1" };
    story.act("retry");
    story.run(10);
    expect(story.answers[1]).toBe("refused: the target holds the promoted revision, there is nothing to release");
  });
});

describe("approve", () => {
  const gated = { analysis: { webhooks: [{ type: "confirm-promotion", name: "ask", url: "http://gate/" }] } };

  function atGate(): Story {
    const story = running(gated);
    story.world.answer = (probe) =>
      probe.kind === "hook" ? { kind: "refused", detail: "closed" } : { kind: "value", value: 100 };
    story.run(120);
    expect(story.status).toMatchObject({ phase: "WaitingPromotion" });
    return story;
  }

  it("opens the gate for this step, and the checks must pass all the same", () => {
    const story = atGate();
    story.world.answer = (probe) =>
      probe.kind === "hook" ? { kind: "refused", detail: "closed" } : { kind: "value", value: 50 };
    story.act("approve");
    story.run(1);
    expect(story.answers).toEqual(["applied: gate ask (confirm-promotion) is open for this step"]);
    expect(story.status).toMatchObject({ phase: "WaitingPromotion", failedChecks: 1 });
    story.world.answer = () => ({ kind: "value", value: 100 });
    story.run(60);
    expect(story.status).toMatchObject({ phase: "Succeeded" });
    expect(story.status.approved).toBeUndefined();
  });

  it("names the gates when there is none of that name; refuse rolls back", () => {
    const story = atGate();
    story.act("approve", { gate: "other" });
    story.act("refuse", { reason: "not today" });
    story.run(5);
    expect(story.answers).toEqual(['refused: no gate "other" is ahead', "applied: refused, rolled back"]);
    expect(story.status).toMatchObject({ phase: "Failed", cause: { kind: "abort", reason: "not today" } });
  });
});

describe("skip and set-weight", () => {
  it("skip goes forward, and names the gates in between", () => {
    const webhooks = [{ type: "confirm-traffic-increase", name: "more", url: "http://gate/" }];
    const story = running({ analysis: { webhooks } });
    story.act("skip", { toStep: 4 });
    story.act("skip", { toStep: 4, gatesToo: true });
    story.act("skip", { toStep: 1 });
    story.run(1);
    expect(story.answers).toEqual([
      "refused: gates are in between: more",
      "applied: step 2 -> 4",
      "refused: the run is at step 4 already",
    ]);
    expect(story.status).toMatchObject({ step: 4, canaryWeight: 40 });
  });

  it("set-weight holds there, and resume goes on with the next larger step", () => {
    const story = running();
    story.act("set-weight", { toWeight: 25 });
    story.run(100);
    expect(story.status).toMatchObject({ canaryWeight: 25, paused: { by: "alice" } });
    story.act("set-weight", { toWeight: 90 });
    story.act("resume");
    story.run(16);
    expect(story.answers.slice(1)).toEqual([
      "refused: the largest weight of this Canary is 50",
      "applied: goes on from 25 %",
    ]);
    expect(weights(story).at(-1)).toMatch(/Progressing 70\/30$/);
  });
});

describe("an action", () => {
  it("expires, and is refused when the run or the revision is another by now", () => {
    const story = running();
    story.act("abort", { expiresAt: story.now });
    story.act("abort", { expect: { run: "podinfo-earlier" } });
    story.act("abort", { expect: { revision: "v1" } });
    story.run(1);
    expect(story.answers.map((answer) => answer.split(" ").slice(0, 4).join(" "))).toEqual([
      "expired: it was not",
      "refused: the run is",
      "refused: the revision is",
    ]);
    expect(story.status).toMatchObject({ phase: "Progressing", step: 2 });
  });

  it("acts once, also when the operator dies before the object is answered", () => {
    const story = running();
    story.act("promote", { id: "one" });
    story.run(1);
    story.act("promote", { id: "one" });
    story.run(1);
    expect(story.answers).toEqual(["applied: step 2 -> 3", "applied: step 2 -> 3"]);
    expect(story.status).toMatchObject({ step: 3 });
  });

  it("skip ends a pause, as promote does", () => {
    const story = running();
    story.act("pause");
    story.run(5);
    story.act("skip", { toStep: 4 });
    story.run(5);
    expect(story.status).toMatchObject({ step: 4 });
    expect(story.status.paused).toBeUndefined();
  });

  it("undo says what to do instead where no earlier revision is kept", () => {
    const story = tell();
    story.run(60);
    story.act("undo");
    story.run(5);
    expect(story.answers[0]).toMatch(/^refused: no earlier revision is kept: revert the target/);
  });

  it("undo gives the primary its earlier revision back, and the target is left as it is", () => {
    const story = promoted();
    story.act("undo", { reason: "checkout breaks" });
    story.run(5);
    expect(story.answers).toEqual(["applied: the primary gets its earlier revision back, the target stays as it is"]);
    story.run(300);
    expect(story.status).toMatchObject({
      phase: "Failed",
      recovery: { kind: "none" },
      promotedSpec: "v1",
      applied: { spec: "v2" },
      cause: { kind: "undo", by: "alice", reason: "checkout breaks" },
    });
    expect(story.turns.at(-1)?.routes).toMatchObject({ primary: 100 });
    const undone = story.turns.slice(-10);
    expect(undone.every(({ routes }) => routes?.primary === 100)).toBe(true);
  });

  it("what is undone is released again by retry, and a second undo has nothing to give back", () => {
    const story = promoted();
    story.act("undo");
    story.run(100);
    story.act("undo");
    story.run(5);
    expect(story.answers.at(-1)).toMatch(/^refused: no earlier revision is kept/);
    story.act("retry");
    story.run(400);
    expect(story.status).toMatchObject({ phase: "Succeeded", promotedSpec: "v2" });
  });

  it("undo of a run whose revision is not the kept one is refused", () => {
    const story = promoted();
    story.act("undo", { toRun: "podinfo-long-ago" });
    story.run(5);
    expect(story.answers[0]).toMatch(/^refused: the revision of run podinfo-long-ago is not kept/);
  });

  it("undo --to gives the primary the revision of an earlier run back, and forgets those that came after it", () => {
    const story = promoted();
    const first = story.status.run?.id ?? "";
    promoteTwoMore(story);
    const others = story.turns.flatMap(({ input }) => input.status.run?.id ?? []).filter((id) => id !== first);
    expect(new Set(others).size).toBe(2);
    story.act("undo", { toRun: "podinfo-long-ago" });
    story.run(5);
    expect(story.answers.at(-1)).toContain(`is not kept, only those of ${others[0]}, ${first}: revert the target`);
    story.act("undo", { toRun: first });
    story.run(300);
    expect(story.answers.at(-1)).toMatch(/^applied/);
    expect(story.status).toMatchObject({
      ...{ phase: "Failed", recovery: { kind: "none" }, promotedSpec: "v2", applied: { spec: "v4" } },
      cause: { kind: "undo" },
    });
    story.act("undo", { toRun: first });
    story.run(5);
    expect(story.answers.at(-1)).toMatch(/^refused/);
  });

  it("undo --to is refused where the configuration of the earlier revision is not kept", () => {
    const story = promoted();
    const first = story.status.run?.id ?? "";
    promoteTwoMore(story);
    story.world.changedConfigs = ["configmap/settings"];
    story.act("undo", { toRun: first });
    story.run(5);
    expect(story.answers[0]).toContain(`refused: the configuration of run ${first} is not kept (configmap/settings)`);
  });

  it("undo is refused where all pods of the primary would be replaced at once", () => {
    const story = promoted();
    story.world.gap = true;
    story.act("undo");
    story.run(5);
    expect(story.answers[0]).toMatch(/^refused: all pods of the primary would be replaced at once/);
  });

  it("undo is refused there also while the last pods of the canary go, because they get no traffic", () => {
    const story = promoted();
    Object.assign(story.world, { gap: true, lingers: true });
    story.act("undo");
    story.run(5);
    expect(story.answers[0]).toMatch(/^refused: all pods of the primary would be replaced at once/);
  });
});

describe("a freeze", () => {
  it("keeps a run from beginning, says who and why, and lets it begin when it ends", () => {
    const story = tell();
    story.run(60);
    story.timeline.length = 0;
    story.world.freeze = { name: "sale", by: "carol", reason: "black friday", runs: "finish" };
    story.world.revision = { spec: "v2" };
    story.run(100);
    expect(story.timeline).toEqual([
      "60s Initialized 100/0 A new revision waits: frozen by carol (sale): black friday",
    ]);
    story.world.freeze = undefined;
    story.run(200);
    expect(story.status).toMatchObject({ phase: "Succeeded", promotedSpec: "v2" });
  });

  it("holds a run that is under way when it says so, and lets it finish else", () => {
    const held = running();
    held.world.freeze = { name: "sale", by: "carol", runs: "hold" };
    held.run(200);
    expect(held.status).toMatchObject({ phase: "Progressing", step: 2 });
    const finishing = running();
    finishing.world.freeze = { name: "sale", by: "carol", runs: "finish" };
    finishing.run(300);
    expect(finishing.status).toMatchObject({ phase: "Succeeded" });
  });
});

describe("an override of a freeze", () => {
  const sale = { name: "sale", by: "carol", runs: "finish" } as const;
  const why = { reason: "payments are down" };

  it("lets the revision that waits begin, is recorded with its reason, and ends with the run", () => {
    const story = tell();
    story.run(60);
    story.world.freeze = sale;
    story.world.revision = { spec: "v2" };
    story.run(60);
    story.act("override", why);
    story.run(30);
    expect(story.answers).toEqual(["applied: goes on though frozen by carol (sale): payments are down"]);
    expect(story.status).toMatchObject({
      phase: "Progressing",
      override: { by: "alice", reason: "payments are down", freeze: "sale", revision: { spec: "v2" } },
    });
    story.run(400);
    expect(story.status).toMatchObject({ phase: "Succeeded", promotedSpec: "v2" });
    expect(story.status.override).toBeUndefined();
    story.world.revision = { spec: "v3" };
    story.run(200);
    expect(story.status).toMatchObject({ phase: "Succeeded", promotedSpec: "v2" });
    expect(story.timeline.at(-1)).toContain("A new revision waits: frozen by carol (sale)");
  });

  it("is for one freeze: another one holds the run until a person overrides that one, too", () => {
    const story = running();
    story.world.freeze = { ...sale, runs: "hold" };
    story.act("override", why);
    story.run(5);
    const [other, { step }] = [{ ...sale, name: "audit", runs: "hold" } as const, story.status as { step: number }];
    story.world.freeze = other;
    story.run(300);
    expect(story.status).toMatchObject({ phase: "Progressing", step });
    story.act("override", why);
    story.run(5);
    expect(story.status.override).toMatchObject({ freeze: "audit", also: ["sale"] });
    story.world.freeze = { ...sale, runs: "hold" };
    story.run(300);
    expect(story.status).toMatchObject({ phase: "Succeeded", promotedSpec: "v2" });
  });

  it("lets a run go on that a freeze holds, and keeps its checks", () => {
    const story = running();
    story.world.freeze = { ...sale, runs: "hold" };
    story.run(200);
    story.act("override", why);
    story.world.answer = (probe) => (probe.kind === "hook" ? { kind: "passed" } : { kind: "value", value: 10 });
    story.run(200);
    expect(story.status.phase).toBe("Failed");
    expect(story.status.override).toBeUndefined();
  });

  it("is for one revision: another one that comes meanwhile is frozen", () => {
    const story = tell();
    story.run(60);
    story.world.freeze = sale;
    story.world.revision = { spec: "v2" };
    story.world.primary = { kind: "progressing", detail: "1 of 2 pods" };
    story.run(5);
    story.act("override", why);
    story.run(5);
    expect(story.status.override).toBeDefined();
    story.world.revision = { spec: "v3" };
    story.world.primary = { kind: "ready" };
    story.run(100);
    expect(story.status).toMatchObject({ phase: "Initialized", promotedSpec: "v1" });
    expect(story.status.override).toBeUndefined();
  });

  it("is refused without a freeze, without a reason, twice, and where the freeze holds nothing", () => {
    const idle = tell();
    idle.run(60);
    idle.act("override", why);
    idle.run(5);
    idle.world.freeze = sale;
    idle.act("override", why);
    idle.run(5);
    const free = running();
    free.world.freeze = sale;
    free.act("override", why);
    free.run(5);
    const held = running();
    held.world.freeze = { ...sale, runs: "hold" };
    held.act("override", { reason: " " });
    held.act("override", why);
    held.act("override", why);
    held.run(5);
    expect([...idle.answers, ...free.answers, ...held.answers]).toEqual([
      "refused: nothing is frozen",
      "refused: no new revision waits",
      "refused: sale lets runs that are under way finish",
      "refused: an override needs a reason",
      "applied: goes on though frozen by carol (sale): payments are down",
      "refused: already overridden by alice",
    ]);
  });

  it("lets a revision that failed be tried again", () => {
    const story = running();
    story.world.answer = (probe) => (probe.kind === "hook" ? { kind: "passed" } : { kind: "value", value: 10 });
    story.run(200);
    expect(story.status.phase).toBe("Failed");
    story.world.answer = () => ({ kind: "value", value: 100 });
    story.world.freeze = sale;
    story.act("retry");
    story.run(5);
    story.act("override", why);
    story.run(5);
    story.act("retry");
    story.run(400);
    expect(story.answers[0]).toBe("refused: frozen by carol (sale)");
    expect(story.status).toMatchObject({ phase: "Succeeded", promotedSpec: "v2" });
  });
});

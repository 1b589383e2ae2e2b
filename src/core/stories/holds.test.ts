/** What keeps a Canary where it is can be read in its condition and its memory. */
import { describe, expect, it } from "vitest";
import { type Story, tell } from "../../testing/story.ts";
import { fromWire, toWire } from "../status/status.ts";
import type { Answer, Probe } from "../turn/observation.ts";

const HINTS = { intervalMs: 15_000, iterations: 0, weights: [50], mirror: false };
const messageOf = ({ status }: Story) => toWire(status).conditions?.[0]?.message;
const hook = (type: string) => ({ name: `ask-${type}`, type, url: "http://gate.invalid/" });

function releasedBehind(type: string): Story {
  const story = tell({ analysis: { stepWeights: [50], webhooks: [hook(type)] } });
  story.run(60);
  const closed: Answer = { kind: "refused", detail: "closed" };
  story.world.answer = (probe: Probe) => (probe.kind === "hook" ? closed : { kind: "passed" });
  story.world.revision = { spec: "v2" };
  story.run(60);
  return story;
}

describe("a gate that is closed", () => {
  it.each([
    ["confirm-rollout", "Waiting", "Waiting for approval."],
    ["confirm-traffic-increase", "Progressing", "New revision detected, progressing canary analysis."],
    ["confirm-promotion", "WaitingPromotion", "Waiting for approval."],
  ])("of type %s is named by the condition in %s, after Flagger's text, and by the memory", (type, phase, text) => {
    const story = releasedBehind(type);
    expect(story.status.phase).toBe(phase);
    expect(messageOf(story)).toMatch(
      new RegExp(`^${text} Held: Halt .* advancement waiting for .*approval ask-${type}$`),
    );
    const wire = toWire(story.status);
    expect(wire.aviary?.gate).toBe(`ask-${type}`);
    expect(fromWire(wire, HINTS).announced).toEqual(story.status.announced);
  });

  it("is no longer named when it is open", () => {
    const story = releasedBehind("confirm-traffic-increase");
    story.world.answer = () => ({ kind: "passed" });
    story.run(60);
    expect(story.status.phase).not.toBe("Waiting");
    expect(messageOf(story)).not.toContain("Held:");
    expect(toWire(story.status).aviary?.gate).toBeUndefined();
  });
});

describe("a suspended Canary", () => {
  it("says so in its condition, and only as long as it is suspended", () => {
    const story = tell({ analysis: { stepWeights: [50] } });
    story.run(60);
    story.world.revision = { spec: "v2" };
    story.run(5);
    expect(messageOf(story)).toBe("New revision detected, progressing canary analysis.");
    story.world.suspended = true;
    story.run(30);
    expect(story.status.phase).toBe("Progressing");
    expect(messageOf(story)).toBe(
      "New revision detected, progressing canary analysis. Held: suspended, nothing happens until spec.suspend is false.",
    );
    story.world.suspended = false;
    story.run(1);
    expect(messageOf(story)).not.toContain("Held:");
  });
});

describe("a warning", () => {
  it("stands in the condition as long as it lasts; what a rollback said before it stays", () => {
    const story = tell({ analysis: { stepWeights: [50], threshold: 1 } });
    story.run(60);
    story.world.revision = { spec: "v2" };
    story.world.canary = { kind: "stuck", detail: "canary deployment podinfo.test not ready: deadline" };
    story.run(30);
    const before = messageOf(story);
    expect(before).toContain("Canary analysis failed, Deployment scaled to zero. ");
    story.world.warning = "deployment podinfo.test is paused";
    story.run(5);
    expect(messageOf(story)).toBe(`${before} Held: deployment podinfo.test is paused`);
    story.world.warning = undefined;
    story.run(5);
    expect(messageOf(story)).toBe(before);
  });
});

/** The alerts that people get: the contract's list, with every way to fail. */
import { describe, expect, it } from "vitest";
import { released, type Story, tell } from "../../testing/story.ts";
import type { Answer } from "../turn/observation.ts";

const RATE = { name: "request-success-rate", thresholdRange: { min: 99 } };
const hook = (type: string, more: object = {}) => ({ type, name: type, url: "http://hook.test/", ...more });
const STUCK = { kind: "stuck", detail: "T-primary.NS not ready: deadline" } as const;
const REFUSED: Answer = { kind: "refused", detail: "no" };

const NEW = "info New revision detected, progressing canary analysis.";

describe("a release that fails is alerted, with its reason", () => {
  const ways: readonly (readonly [what: string, parts: object, script: (story: Story) => void, alert: string])[] = [
    [
      "checks that fail",
      { analysis: { metrics: [RATE], threshold: 2 } },
      (story) => {
        story.world.answer = () => ({ kind: "value", value: 50 });
      },
      "error Failed checks threshold reached 2",
    ],
    [
      "a rollback by hand",
      { analysis: { webhooks: [hook("rollback")] } },
      () => undefined,
      "warn Rolling back manual webhook invoked",
    ],
    [
      "a canary that is stuck",
      {},
      (story) => {
        story.run(1);
        story.world.canary = STUCK;
      },
      `error Progress deadline exceeded ${STUCK.detail}`,
    ],
    [
      "a canary that no request can reach any more",
      { analysis: { threshold: 1 } },
      (story) => {
        story.run(1);
        story.world.canary = { kind: "progressing", detail: "0 of 1" };
        story.world.canaryAvailable = 0;
      },
      "error Failed checks threshold reached 1",
    ],
    [
      "a primary that is stuck in the middle",
      {},
      (story) => {
        story.run(1);
        story.world.primary = STUCK;
      },
      `error Progress deadline exceeded ${STUCK.detail}`,
    ],
    [
      "a primary that cannot take over",
      { analysis: { stepWeights: [50] } },
      (story) => {
        story.world.onPromoted = () => {
          story.world.primary = STUCK;
        };
      },
      `error Promotion failed, primary not ready: ${STUCK.detail}`,
    ],
  ];

  it.each(ways)("%s", (_what, parts, script, alert) => {
    const story = released(parts);
    script(story);
    story.run(600);
    expect(story.status.phase).toBe("Failed");
    expect(story.alerts).toEqual([NEW, alert]);
  });

  it("a primary that is stuck before the release begins, which is not begun", () => {
    const story = released();
    story.world.primary = STUCK;
    story.run(60);
    expect(story.status.phase).toBe("Failed");
    expect(story.alerts).toEqual([`error Progress deadline exceeded ${STUCK.detail}`]);
  });

  it("a first primary that is stuck", () => {
    const story = tell();
    story.world.primary = STUCK;
    story.run(60);
    expect(story.status.phase).toBe("Failed");
    expect(story.alerts).toEqual([`error Progress deadline exceeded ${STUCK.detail}`]);
  });
});

describe("other alerts", () => {
  it("a first deployment, a release that is promoted, one that is not judged", () => {
    const first = tell();
    first.run(60);
    expect(first.alerts).toEqual(["info New Deployment detected, initialization completed."]);
    const story = released();
    story.run(600);
    expect(story.alerts).toEqual([NEW, "info Canary analysis completed successfully, promotion finished."]);
    const unjudged = released({ spec: { skipAnalysis: true } });
    unjudged.run(600);
    expect(unjudged.alerts).toEqual([NEW, "info Canary analysis was skipped, promotion finished."]);
  });

  it.each([
    ["confirm-rollout", ["warn Canary is waiting for approval."]],
    ["confirm-traffic-increase", [NEW, "warn Canary traffic increase is waiting for approval."]],
    ["confirm-promotion", [NEW, "warn Canary promotion is waiting for approval."]],
  ])("a wait at %s, once, unless it is muted", (type, alerts) => {
    for (const muteAlert of [false, true]) {
      const story = released({ analysis: { webhooks: [hook(type, { muteAlert })] } });
      story.world.answer = (probe) => (probe.kind === "hook" ? REFUSED : { kind: "passed" });
      story.run(600);
      expect(story.alerts).toEqual(alerts.filter((alert) => !(muteAlert && alert.startsWith("warn"))));
    }
  });
});

it("a release that is rolled back by hand before anything else is not announced as begun, as with Flagger", () => {
  const story = released({ analysis: { webhooks: [hook("rollback"), hook("pre-rollout")] } });
  story.timeline.length = 0;
  story.run(60);
  const texts = story.timeline.map((line) => line.split(" ").slice(3).join(" "));
  expect(texts).toEqual([
    "New revision detected! Scaling up podinfo.test",
    "Rollback check rollback passed",
    "Rolling back podinfo.test manual webhook invoked",
    "Canary failed! Scaling down podinfo.test",
  ]);
  const going = released({ analysis: { webhooks: [hook("rollback"), hook("pre-rollout")] } });
  going.timeline.length = 0;
  going.world.answer = (probe) => (probe.kind === "hook" && probe.type === "rollback" ? REFUSED : { kind: "passed" });
  going.run(5);
  expect(going.timeline.map((line) => line.split(" ").slice(3).join(" ")).slice(0, 4)).toEqual([
    "New revision detected! Scaling up podinfo.test",
    "Rollback hook rollback not signaling a rollback",
    "Starting canary analysis for podinfo.test",
    "Pre-rollout check pre-rollout passed",
  ]);
});

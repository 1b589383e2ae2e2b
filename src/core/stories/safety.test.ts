import { describe, expect, it } from "vitest";
import { aSpec } from "../../testing/canary.ts";
import { MESH, released, tell } from "../../testing/story.ts";
import { planFor } from "../plan/plan.ts";
import { routesFor } from "../routes.ts";

const NOT_READY = (detail: string, progress = detail) => ({ kind: "progressing", detail, progress }) as const;
const STUCK = (detail: string) => ({ kind: "stuck", detail }) as const;

describe("safe promotion", () => {
  const PROGRESS = "0 out of 2 new replicas have been updated";
  const SLOW = `podinfo-primary.test not ready: waiting for rollout to finish: ${PROGRESS}`;
  const BAD = 'podinfo-primary.test not ready: deployment "podinfo-primary" exceeded its progress deadline';

  it("a primary that does not become ready never receives the traffic, and the canary keeps its own", () => {
    const story = released({ analysis: { stepWeights: [50] } });
    story.world.onPromoted = () => {
      story.world.primary = NOT_READY(SLOW, PROGRESS);
    };
    story.run(300);
    expect(story.status).toMatchObject({ phase: "Promoting", canaryWeight: 50 });
    expect(story.timeline.slice(-3)).toMatchInlineSnapshot(`
      [
        "75s Promoting 50/50 Copying podinfo.test template spec to podinfo-primary.test",
        "75s Promoting 50/50 Waiting for podinfo-primary.test rollout to finish: 0 out of 2 new replicas have been updated",
        "90s Promoting 50/50 podinfo-primary.test not ready: waiting for rollout to finish: 0 out of 2 new replicas have been updated",
      ]
    `);
    story.world.primary = { kind: "ready" };
    story.run(10);
    expect(story.status.phase).toBe("Succeeded");
  });

  it("gives the primary its last promoted revision back when the new one is bad, then the traffic", () => {
    const story = released({ analysis: { stepWeights: [50] } });
    story.world.onPromoted = () => {
      story.world.primary = STUCK(BAD);
    };
    story.run(30);
    expect(story.status).toMatchObject({
      phase: "Failed",
      recovery: { kind: "restoring" },
      canaryWeight: 100,
      promotedSpec: "v1",
    });
    story.world.primary = { kind: "ready" };
    story.run(30);
    expect(story.status).toMatchObject({
      phase: "Failed",
      recovery: { kind: "none" },
      canaryWeight: 0,
      promotedSpec: "v1",
    });
    expect(story.timeline).toMatchInlineSnapshot(`
      [
        "60s Progressing 100/0 New revision detected! Scaling up podinfo.test",
        "60s Progressing 50/50 Starting canary analysis for podinfo.test",
        "60s Progressing 50/50 Advance podinfo.test canary weight 50",
        "75s Promoting 50/50 Copying podinfo.test template spec to podinfo-primary.test",
        "75s Failed 0/100 Promotion of podinfo.test failed, primary not ready: podinfo-primary.test not ready: deployment "podinfo-primary" exceeded its progress deadline",
        "75s Failed 0/100 podinfo-primary.test not ready: deployment "podinfo-primary" exceeded its progress deadline",
        "90s Failed 100/0 Restored podinfo-primary.test, routing all traffic to primary",
      ]
    `);
    expect(story.alerts).toContain(`error Promotion failed, primary not ready: ${BAD}`);
  });

  it("Q39: a canary that dies while the ready primary takes over does not undo the promotion", () => {
    const story = released({ analysis: { stepWeights: [50] } });
    story.run(16);
    story.world.canary = STUCK("canary deployment podinfo.test not ready: deadline");
    story.run(60);
    expect(story.status.phase).toBe("Succeeded");
  });

  it("never promotes what the target got after the last check", () => {
    const story = released({ analysis: { stepWeights: [50] } });
    story.run(14);
    story.now += 1_000;
    story.world.revision = { spec: "v3" };
    story.run(1);
    expect(story.timeline.at(-3)).toContain("Restarting analysis for podinfo.test");
    expect(story.status).toMatchObject({ phase: "Progressing", applied: { spec: "v3" } });
  });
});

describe("a canary that cannot serve", () => {
  it("gets no traffic while none of its pods is available, and its share back afterwards", () => {
    const story = released({});
    const plan = planFor(aSpec(), MESH);
    story.run(16);
    expect(routesFor(plan, story.status)).toEqual({ primary: 80, canary: 20, mirror: false });
    story.world.canaryAvailable = 0;
    story.world.canary = NOT_READY("canary deployment podinfo.test not ready: 0 of 1");
    story.run(5);
    expect(routesFor(plan, story.status)).toEqual({ primary: 100, canary: 0, mirror: false });
    story.world.canaryAvailable = 1;
    story.world.canary = { kind: "ready" };
    story.run(1);
    expect(routesFor(plan, story.status)).toEqual({ primary: 80, canary: 20, mirror: false });
    expect(story.timeline.filter((line) => line.includes("not ready"))).toHaveLength(1);
  });

  it("is rolled back with an alert when it is stuck (Q21)", () => {
    const story = released({});
    story.run(1);
    story.world.canary = STUCK("canary deployment podinfo.test not ready: deadline");
    story.run(0);
    expect(story.status.phase).toBe("Failed");
    expect(story.alerts).toContain(
      "error Progress deadline exceeded canary deployment podinfo.test not ready: deadline",
    );
  });
});

describe("routes that another writer changed", () => {
  it("are restored, and the step is held once more before it is judged", () => {
    const story = released({ analysis: { metrics: [{ name: "request-success-rate" }] } });
    story.world.answer = () => ({ kind: "value", value: 100 });
    story.run(1);
    story.asked.length = 0;
    story.world.routesInForce = false;
    story.run(15);
    expect(story.asked).toEqual([]);
    expect(story.timeline.at(-1)).toContain("are not as promised, restoring them");
  });
});

describe("bootstrap", () => {
  it("is over when the routes lead to the primary, with the revision that the primary was made of", () => {
    const story = tell({});
    story.world.routesInForce = false;
    story.run(30);
    expect(story.status).toMatchObject({ phase: "Initializing", stage: "switching" });
    expect(routesFor(planFor(aSpec(), MESH), story.status)).toEqual({ primary: 100, canary: 0, mirror: false });
    expect(story.timeline.filter((line) => line.includes("Initialization done"))).toEqual([]);
    expect(story.timeline.filter((line) => line.includes("metrics providers")).length).toBeLessThanOrEqual(1);
    story.world.revision = { spec: "v2" };
    story.world.routesInForce = true;
    story.run(0);
    expect(story.timeline.join("\n")).toContain("Initialization done! podinfo.test");
    expect(story.status).toMatchObject({ phase: "Progressing", promotedSpec: "v1", applied: { spec: "v2" } });
  });

  it("Q19: a primary that is stuck leaves the target serving, and mending the target tries again", () => {
    const story = tell({});
    story.world.primary = STUCK("podinfo-primary.test not ready: deadline");
    story.run(10);
    expect(story.status).toMatchObject({ phase: "Failed", promotedSpec: "" });
    expect(routesFor(planFor(aSpec(), MESH), story.status)).toBeUndefined();
    story.world.revision = { spec: "v2" };
    story.world.primary = NOT_READY("podinfo-primary.test not ready: 0 of 1");
    story.run(1);
    expect(story.status.phase).toBe("Initializing");
    story.world.primary = { kind: "ready" };
    story.run(1);
    expect(story.status).toMatchObject({ phase: "Initialized", promotedSpec: "v2" });
  });
});

describe("after a failure", () => {
  const failed = () => {
    const story = released({ analysis: { threshold: 1, metrics: [{ name: "request-success-rate", threshold: 99 }] } });
    story.world.answer = () => ({ kind: "value", value: 10 });
    story.run(120);
    expect(story.status.phase).toBe("Failed");
    return story;
  };

  it("Q24: nothing is written while nothing changes", () => {
    const story = failed();
    const before = story.status;
    story.run(600);
    expect(story.status).toBe(before);
  });

  it("the failed revision is not tried again by itself", () => {
    const story = failed();
    story.timeline.length = 0;
    story.run(600);
    expect(story.timeline).toEqual([]);
  });

  it("a failed revision that is rolled back by hand and applied again is a new release", () => {
    const story = failed();
    story.world.revision = { spec: "v1" };
    story.run(10);
    expect(story.status).toMatchObject({ phase: "Failed", applied: { spec: "v1" } });
    story.world.revision = { spec: "v2" };
    story.run(1);
    expect(story.status.phase).toBe("Progressing");
  });

  it("Q25: a revision that arrives while the primary is not ready is not forgotten", () => {
    const story = failed();
    story.world.primary = NOT_READY("podinfo-primary.test not ready: 1 of 2");
    story.world.revision = { spec: "v3" };
    story.run(30);
    expect(story.status.phase).toBe("Failed");
    story.world.primary = { kind: "ready" };
    story.run(1);
    expect(story.status).toMatchObject({ phase: "Progressing", applied: { spec: "v3" } });
  });
});

describe("suspend", () => {
  it("is announced again when it comes again, in the middle of a hold, too", () => {
    const [running, suspended] = [tell(), tell({ spec: { suspend: true } })];
    const suspend = () => {
      suspended.status = running.status;
      suspended.run(1);
      running.status = suspended.status;
    };
    running.run(30);
    for (const seconds of [30, 5, 0]) {
      suspend();
      if (seconds > 0) running.world.revision = { spec: "v2" };
      running.run(seconds);
    }
    expect(suspended.timeline.map((line) => line.replace(/^.*?skipping/, "skipping"))).toEqual(
      Array.from({ length: 3 }, () => "skipping canary run as object is suspended"),
    );
  });

  it("Q17: says once that it is suspended and does nothing", () => {
    const story = tell({ spec: { suspend: true } });
    story.run(600);
    expect(story.timeline).toHaveLength(1);
  });
});

describe("trouble at rest", () => {
  it("is announced again when it comes again", () => {
    const story = tell();
    story.run(60);
    for (const _time of [1, 2]) {
      story.world.primary = { kind: "stuck", detail: "podinfo-primary.test not ready: it is stuck" };
      story.run(60);
      story.world.primary = { kind: "ready" };
      story.run(60);
    }
    expect(story.timeline.filter((line) => line.endsWith("it is stuck"))).toHaveLength(2);
    expect(story.status.announced).toBe(undefined);
  });
});

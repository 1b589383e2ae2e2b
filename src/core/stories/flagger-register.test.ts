/**
 * The entries of docs/reference/flagger-register.md that the core decides. Departures are listed in
 * docs/reference/departures.md.
 */
import { describe, expect, it } from "vitest";
import { aSpec, aWireCanary } from "../../testing/canary.ts";
import { MESH, released, tell } from "../../testing/story.ts";
import { PARSE_OPTIONS } from "../../testing/tables.ts";
import { planFor } from "../plan/plan.ts";
import { ALL_TO_PRIMARY } from "../plan/steps.ts";
import { routesFor } from "../routes.ts";
import { parseSpec } from "../spec/parse.ts";
import { fromWire, toWire } from "../status/status.ts";
import { violation } from "../turn/checks.ts";

const HOOK = (type: string) => ({ type, name: type, url: "http://hook.test/" });
const REF = { namespace: "test", name: "podinfo" };

const condition = (story: ReturnType<typeof tell>) => toWire(story.status).conditions?.[0];
const stuck = (detail: string) => ({ kind: "stuck", detail }) as const;

describe("conditions", () => {
  it("Q6: a failed promotion says that the target was scaled to zero, too", () => {
    const story = released({ analysis: { stepWeights: [50] } });
    story.world.onPromoted = () => {
      story.world.primary = stuck("deadline");
    };
    story.run(30);
    expect(condition(story)).toMatchObject({
      status: "False",
      reason: "Failed",
      message:
        "Canary analysis failed, Deployment scaled to zero. " +
        "Rolled back in the promotion: the primary did not become ready: deadline.",
    });
  });

  it("Q7: Terminating carries the message of an initialisation", () => {
    const story = released();
    story.world.deleting = true;
    story.run(0);
    expect(condition(story)).toMatchObject({
      reason: "Terminating",
      status: "Unknown",
      message: "New Deployment detected, starting initialization.",
    });
  });

  it("Q5: Terminated is never written, however a Canary ends", () => {
    const story = released();
    story.world.deleting = true;
    story.run(600);
    expect(story.status.phase).toBe("Terminating");
  });
});

describe("the spec", () => {
  it("Q3: a Canary without a Service is read; a missing port is reported where the port is needed", () => {
    const wire = { ...aWireCanary().spec, service: undefined };
    const parsed = parseSpec(wire, "test", PARSE_OPTIONS);
    expect(parsed).toMatchObject({ kind: "valid", spec: { service: { name: "podinfo", port: 0 } } });
  });

  it("Q44, M14: durations are compared in whole milliseconds", () => {
    const [metric] = aSpec({ analysis: { metrics: [{ name: "request-duration", thresholdRange: { max: 0.9 } }] } })
      .analysis.metrics;
    if (metric === undefined) throw new Error("no metric");
    expect(violation({ kind: "metric", metric, source: "duration", of: "canary" }, 1, REF)).toBe(
      "Halt podinfo.test advancement request duration 1ms > 0s",
    );
    expect(violation({ kind: "metric", metric, source: "duration", of: "canary" }, 0, REF)).toBeUndefined();
  });

  it("M5: without any limit a query may not be positive", () => {
    const [metric] = aSpec({ analysis: { metrics: [{ name: "errors", query: "up" }] } }).analysis.metrics;
    if (metric === undefined) throw new Error("no metric");
    expect(violation({ kind: "metric", metric, source: "query", of: "canary" }, 0.001, REF)).toBe(
      "Halt podinfo.test advancement errors 0.00 > 0",
    );
    expect(violation({ kind: "metric", metric, source: "query", of: "canary" }, 0, REF)).toBeUndefined();
  });
});

describe("a run", () => {
  it("Q22: rollback hooks are not asked while a release waits for approval", () => {
    const story = released({ analysis: { webhooks: [HOOK("confirm-rollout"), HOOK("rollback")] } });
    story.world.answer = (probe) =>
      probe.kind === "hook" && probe.type === "confirm-rollout"
        ? { kind: "refused", detail: "no" }
        : { kind: "passed" };
    story.run(60);
    expect(story.status.phase).toBe("Waiting");
    expect(story.asked.filter((asked) => asked.startsWith("rollback"))).toEqual([]);
  });

  it("Q30: blue/green asks the promotion gate before the switch and again before the copy", () => {
    const story = released({ analysis: { iterations: 1, webhooks: [HOOK("confirm-promotion")] } });
    let answers = 0;
    story.world.answer = () => {
      answers += 1;
      return answers === 1 ? { kind: "passed" } : { kind: "refused", detail: "no" };
    };
    story.run(60);
    expect(story.status.phase).toBe("WaitingPromotion");
    expect(story.timeline.at(-1)).toContain("0/100 Halt podinfo.test advancement waiting for promotion approval");
  });

  it("Q31: a pre-rollout hook that fails is called and announced again every interval", () => {
    const story = released({ analysis: { threshold: 3, webhooks: [HOOK("pre-rollout")] } });
    story.world.answer = () => ({ kind: "refused", detail: "no" });
    story.run(60);
    expect(story.timeline.filter((line) => line.includes("Starting canary analysis"))).toHaveLength(3);
    expect(story.status.phase).toBe("Failed");
  });

  it("Q31: behind a closed traffic gate neither pre-rollout hooks nor their announcement are repeated (ADR 0002)", () => {
    const story = released({ analysis: { webhooks: [HOOK("pre-rollout"), HOOK("confirm-traffic-increase")] } });
    story.world.answer = (probe) =>
      probe.kind === "hook" && probe.type === "pre-rollout" ? { kind: "passed" } : { kind: "refused", detail: "no" };
    story.run(120);
    expect(story.status).toMatchObject({ phase: "Progressing", step: 0, failedChecks: 0 });
    expect(story.timeline.filter((line) => line.includes("Starting canary analysis"))).toHaveLength(1);
    expect(story.asked.filter((asked) => asked.startsWith("pre-rollout"))).toHaveLength(1);
    expect(story.asked.filter((asked) => asked.startsWith("confirm-traffic")).length).toBeGreaterThan(5);
  });

  it("Q33: a newer revision restarts the analysis without asking for approval again", () => {
    const story = released({ analysis: { webhooks: [HOOK("confirm-rollout")] } });
    story.run(20);
    story.asked.length = 0;
    story.world.revision = { spec: "v3" };
    story.run(1);
    expect(story.timeline.find((line) => line.includes("Restarting analysis for podinfo.test"))).toBeDefined();
    expect(story.asked).toEqual([]);
  });

  it("Q35: a revision that arrives while the primary takes over is released afterwards", () => {
    const story = released({ analysis: { stepWeights: [100], stepWeightPromotion: 25 } });
    story.run(16);
    expect(story.status.phase).toBe("Promoting");
    story.world.revision = { spec: "v3" };
    story.run(80);
    const said = story.timeline.map((line) => line.replace(/^\S+ \S+ \S+ /, ""));
    expect(said.indexOf("Promotion completed! Scaling down podinfo.test")).toBeLessThan(
      said.lastIndexOf("New revision detected! Scaling up podinfo.test"),
    );
    expect(story.status.applied?.spec).toBe("v3");
  });

  it("Q36, Q37: after a rollback the counters are zero, and post-rollout hooks get the phase Failed", () => {
    const metrics = [{ name: "request-success-rate", threshold: 99 }];
    const story = released({ analysis: { threshold: 2, metrics, webhooks: [HOOK("post-rollout")] } });
    const told: string[] = [];
    story.world.answer = (probe) => {
      if (probe.kind === "hook") told.push(probe.phase);
      return probe.kind === "metric" ? { kind: "value", value: 0 } : { kind: "passed" };
    };
    story.run(60);
    expect(toWire(story.status)).toMatchObject({ phase: "Failed", failedChecks: 0, iterations: 0 });
    expect(told).toEqual(["Failed"]);
  });

  it("Q41: a stuck primary fails an analysed release at once, and skipAnalysis is the way out", () => {
    const judged = released();
    judged.world.primary = stuck("podinfo-primary.test not ready: deadline");
    judged.run(1);
    expect(judged.status.phase).toBe("Failed");
    const skipped = released({ spec: { skipAnalysis: true } });
    skipped.world.primary = stuck("podinfo-primary.test not ready: deadline");
    skipped.run(60);
    expect(skipped.status.phase).toBe("Succeeded");
  });

  it("Q20: while the run waits for the promotion the weight stays in the status, and iterations are never negative", () => {
    const story = released({ analysis: { stepWeights: [50], webhooks: [HOOK("confirm-promotion")] } });
    story.world.answer = () => ({ kind: "refused", detail: "no" });
    story.run(40);
    expect(toWire(story.status)).toMatchObject({ phase: "WaitingPromotion", canaryWeight: 50, iterations: 0 });
    const counted = released({ analysis: { iterations: 3, webhooks: [HOOK("confirm-promotion")] } });
    counted.world.answer = () => ({ kind: "refused", detail: "no" });
    counted.run(60);
    expect(toWire(counted.status)).toMatchObject({ phase: "WaitingPromotion", iterations: 2 });
  });

  it("Q23: a promotion whose canary has weight 0 goes on to its end; Flagger's stops", () => {
    const analysis = { stepWeights: [50], stepWeightPromotion: 25 };
    const story = released({ analysis });
    story.run(200);
    const shifts = story.timeline.filter((line) => line.includes("primary weight"));
    expect(shifts.map((line) => line.split(" ").at(-1))).toEqual(["75", "100"]);
    // The operator died after it had saved the last shift and before it saved Finalising.
    const left = released({ analysis });
    left.run(16);
    expect(left.status.phase).toBe("Promoting");
    const { aviary: _memory, ...wire } = toWire(left.status);
    const hints = { intervalMs: 15_000, iterations: 0, weights: [50], mirror: false };
    left.status = fromWire({ ...wire, canaryWeight: 0 }, hints);
    expect(routesFor(planFor(aSpec({ analysis }), MESH), left.status)).toEqual(ALL_TO_PRIMARY);
    left.timeline.length = 0;
    left.run(200);
    expect(left.status.phase).toBe("Succeeded");
    expect(left.timeline.filter((line) => line.includes("0/100") || line.includes("75/25"))).toEqual([]);
  });

  it("Q26: after a failed promotion no traffic goes back to a primary that is not ready", () => {
    const story = released({ analysis: { stepWeights: [50] } });
    story.world.onPromoted = () => {
      story.world.primary = stuck("deadline");
    };
    story.run(30);
    story.world.revision = { spec: "v3" };
    story.run(300);
    expect(story.status).toMatchObject({ phase: "Failed", canaryWeight: 100 });
  });

  it("Q88: the primary's cookie is made once and never rotated", () => {
    const sessionAffinity = { cookieName: "canary", primaryCookieName: "primary" };
    const story = released({ analysis: { stepWeights: [50], sessionAffinity } });
    story.run(100);
    const first = story.status.cookies.primary;
    story.world.revision = { spec: "v3" };
    story.run(100);
    expect(first).toMatch(/^primary=[a-zA-Z]{10}$/);
    expect(story.status.cookies.primary).toBe(first);
  });

  it("R18: a cookie without a name that Flagger kept for the primary is replaced by one with a name", () => {
    const hints = { intervalMs: 15_000, iterations: 0, weights: [50], mirror: false };
    expect(fromWire({ primarySessionAffinityCookie: "=AbCdEfGhIj" }, hints).cookies.primary).toBe("");
    expect(fromWire({ primarySessionAffinityCookie: "p=AbCdEfGhIj" }, hints).cookies.primary).toBe("p=AbCdEfGhIj");
  });

  it("Q89, R19: a repeated turn makes the same cookie, so a write conflict loses none", () => {
    const sessionAffinity = { cookieName: "canary" };
    const cookies = [1, 2].map(() => {
      const story = released({ analysis: { stepWeights: [50], sessionAffinity } });
      story.run(1);
      return story.status.cookies.canary;
    });
    expect(cookies[0]).toMatch(/^canary=[a-zA-Z]{10}$/);
    expect(cookies[0]).toBe(cookies[1]);
  });
});

describe("the initialisation", () => {
  const metrics = [{ name: "request-success-rate", thresholdRange: { min: 99 } }];

  it("M11: a metric server that does not answer is announced and delays nothing", () => {
    const story = tell({ analysis: { metrics } });
    story.world.answer = () => ({ kind: "error", message: "prometheus not avaiable: x" });
    story.run(60);
    expect(story.timeline.map((line) => line.split(" ").slice(3).join(" "))).toEqual([
      "Error checking metric providers: prometheus not avaiable: x",
      "Initialization done! podinfo.test",
    ]);
  });

  it("M18: metric servers that answer are announced, once", () => {
    const story = tell({ analysis: { metrics } });
    story.world.primary = { kind: "progressing", detail: "0 out of 1 new replicas have been updated" };
    story.run(60);
    story.world.primary = { kind: "ready" };
    story.run(60);
    const said = story.timeline.filter((line) => line.includes("metrics providers are available"));
    expect(said).toHaveLength(1);
    expect(story.status.phase).toBe("Initialized");
  });
});

/** Boundary cases of single decisions: equal limits, infinite values, pruned memory, equal times. */
import { describe, expect, it } from "vitest";
import { aCanary, aSpec } from "../../testing/canary.ts";
import { decided, MESH } from "../../testing/story.ts";
import { planFor } from "../plan/plan.ts";
import { routesFor } from "../routes.ts";
import type { Metric } from "../spec/spec.ts";
import type { CanaryStatus } from "../status/canary.ts";
import { fromWire, toWire } from "../status/status.ts";
import type { Situation } from "../take-turn.ts";
import { violation } from "../turn/checks.ts";
import { promotionId } from "../turn/identity.ts";
import { NO_WAIT } from "../turn/waits.ts";

const REF = { namespace: "test", name: "podinfo" };
const HINTS = { intervalMs: 15_000, iterations: 0, weights: [50], mirror: false };

describe("boundaries", () => {
  it("a promotion in steps moves the traffic step by step after a blue/green run, too", () => {
    const plan = planFor(aSpec({ analysis: { iterations: 1, stepWeightPromotion: 20 } }), MESH);
    const onStep = { step: 2, hold: NO_WAIT, serving: "as-planned", skipping: false } as const;
    const shifted = { ...aCanary().status, primaryWeight: 70, canaryWeight: 30 };
    const status: CanaryStatus = { ...shifted, phase: "Promoting", ...onStep };
    expect(routesFor(plan, status)).toEqual({ primary: 70, canary: 30, mirror: false });
  });

  it.each([
    [98.99, "success rate 98.99% < 99%"],
    [Number.NaN, "success rate NaN% > 99%"],
  ])("a success rate of %d fails a minimum of 99, and 99 passes it", (value, text) => {
    const metric: Metric = { name: "request-success-rate", interval: "1m", threshold: 0, thresholdRange: { min: 99 } };
    expect(violation({ kind: "metric", metric, source: "success-rate", of: "canary" }, value, REF)).toContain(text);
    expect(violation({ kind: "metric", metric, source: "success-rate", of: "canary" }, 99, REF)).toBe(undefined);
  });

  it.each([
    [Number.POSITIVE_INFINITY, "errors +Inf > 5"],
    [Number.NEGATIVE_INFINITY, "errors -Inf < 5"],
  ])("the infinite value %d fails, with a text that is true", (value, text) => {
    const metric: Metric = { name: "errors", interval: "1m", threshold: 0, thresholdRange: { max: 5 } };
    expect(violation({ kind: "metric", metric, source: "template", of: "canary" }, value, REF)).toContain(text);
  });

  it("a promotion of changed configs has an identity of its own", () => {
    const id = (checksum: string) => promotionId("uid", { spec: "v1", configs: { "configmap/a": checksum } });
    expect(id("1")).not.toBe(id("2"));
  });

  it("a restarted operator knows that the primary is being restored, also where the canary has no traffic", () => {
    const failed = {
      phase: "Failed",
      recovery: { kind: "restoring" },
      owesPostRollout: false,
      drain: NO_WAIT,
      canaryWeight: 0,
    } as const;
    expect(fromWire(toWire({ ...aCanary().status, ...failed }), HINTS)).toMatchObject({
      phase: "Failed",
      recovery: { kind: "restoring" },
    });
  });

  it("a promotion whose end was pruned waits until one drain after its late routes are in force", () => {
    const canary = aCanary();
    const plan = planFor(canary.spec, MESH);
    const ready = { kind: "ready" } as const;
    const target = { revision: { spec: "v2" }, readiness: ready, available: 1, scaledDown: false };
    const primary = { exists: true, readiness: ready, available: 1, promotionId: promotionId("uid", { spec: "v2" }) };
    const now = 1_767_225_600_000;
    const turn = (status: CanaryStatus, at: number, routesInForce: boolean) =>
      decided({
        ...{ ref: REF, uid: "uid", spec: canary.spec, plan, status, alertsDelivered: 0, deleting: false, now: at },
        readings: { target, primary, routesInForce },
      }).status;
    const forgotten: CanaryStatus = { ...canary.status, phase: "Finalising", hold: NO_WAIT, applied: { spec: "v2" } };
    const away = turn(forgotten, now, false);
    expect(turn(away, now + 1000, false)).toBe(away);
    const back = turn(away, now + 2000, true);
    expect(back).toMatchObject({ phase: "Finalising", hold: { kind: "until", at: now + 2000 + 3000 } });
    expect(turn(back, now + 5000, true)).toMatchObject({ phase: "Succeeded" });
  });

  it("the same decision in the same millisecond writes no status, because each write would wake the next turn", () => {
    const canary = aCanary();
    const plan = planFor(canary.spec, MESH);
    const ready = { kind: "ready" } as const;
    const target = { revision: { spec: "v1" }, readiness: ready, available: 1, scaledDown: false };
    const primary = { exists: true, readiness: ready, available: 1, promotionId: promotionId("uid", { spec: "v1" }) };
    const draining = {
      phase: "Initialized",
      drain: { kind: "until", at: 1 },
      applied: { spec: "v1" },
      promotedSpec: "v1",
    } as const;
    const turn = (status: CanaryStatus): Situation => ({
      ...{ ref: REF, uid: "uid", spec: canary.spec, plan, status, alertsDelivered: 0, deleting: false, now: 1000 },
      readings: { target, primary, routesInForce: false },
    });
    const drainedAnew = decided(turn({ ...canary.status, ...draining })).status;
    expect(drainedAnew).toMatchObject({ phase: "Initialized", drain: { kind: "after-routes", notBefore: 1000 } });
    expect(decided(turn(drainedAnew)).status).toBe(drainedAnew);
  });
});

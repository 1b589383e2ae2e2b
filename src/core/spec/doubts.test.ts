/** What is accepted, but cannot be meant: which field, why, and what to write instead. */
import { describe, expect, it } from "vitest";
import { aCanary, type CanaryParts } from "../../testing/canary.ts";
import { PARSE_OPTIONS } from "../../testing/tables.ts";
import { doubtsOf, doubtText } from "./doubts.ts";

const doubts = (parts: CanaryParts) => doubtsOf(aCanary(parts).spec, PARSE_OPTIONS.rules).map(doubtText);
const ofMetric = (metric: object) => doubts({ analysis: { metrics: [{ interval: "1m", ...metric }] } });
const ofHook = (hook: object) => doubts({ analysis: { webhooks: [{ name: "a", url: "http://a.test/", ...hook }] } });

describe("doubts", () => {
  it("a Canary as the documentation shows it has none", () => {
    const metrics = [
      { name: "request-success-rate", thresholdRange: { min: 99 }, interval: "1m" },
      { name: "request-duration", thresholdRange: { max: 500 }, interval: "1h30m" },
      { name: "own", templateRef: { name: "own" }, thresholdRange: { min: 1, max: 1 }, interval: "1d" },
      { name: "inline", query: "vector(1)", interval: "30s" },
    ];
    const webhooks = [{ name: "gate", url: "https://gate.test/check", timeout: "5s" }];
    expect(doubts({ analysis: { metrics, webhooks } })).toEqual([]);
    expect(doubts({ spec: { skipAnalysis: true }, analysis: { interval: "5min" } })).toEqual([]);
  });

  it.each([
    ["5min", 'spec.analysis.interval: "5min" is no duration: it counts as 1m; write 5m'],
    ["1m 30s", 'spec.analysis.interval: "1m 30s" is no duration: it counts as 1m; write 1m30s'],
    ["2 Hours", 'spec.analysis.interval: "2 Hours" is no duration: it counts as 1m; write 2h'],
    ["1d", 'spec.analysis.interval: "1d" is no duration: it counts as 1m; use a duration such as 30s, 1m or 1h30m'],
  ])("the interval %s", (interval, text) => {
    expect(doubts({ analysis: { interval } })).toEqual([text]);
  });

  it("a metric that is neither built in nor has a query or template, and the built-in one that is meant", () => {
    expect(ofMetric({ name: "request-sucess-rate" })).toEqual([
      'spec.analysis.metrics[0].name: "request-sucess-rate" is no built-in metric ' +
        '(did you mean "request-success-rate"?) and has neither a templateRef nor a query: its check always fails; ' +
        "use one of request-success-rate, request-duration, or give it a templateRef",
    ]);
    expect(ofMetric({ name: "p99-latency" })[0]).not.toContain("did you mean");
  });

  it("the window of a metric", () => {
    const name = "request-duration";
    expect(ofMetric({ name, interval: "5min" })).toEqual([
      'spec.analysis.metrics[0].interval: "5min" is no duration: its queries fail; write 5m',
    ]);
  });

  it.each([
    [{ min: 5, max: 3 }, "min 5 is above max 3: no value passes; swap them, or leave one out"],
    [{ min: 101 }, "a success rate is a percentage: no value is 101 or more; use a number from 0 to 100"],
    [{ min: 0.99 }, "a success rate is a percentage: 0.99 lets nearly every release pass; write 99"],
  ])("the range %j of a success rate", (thresholdRange, text) => {
    expect(ofMetric({ name: "request-success-rate", thresholdRange })).toEqual([expect.stringContaining(text)]);
  });

  it("a duration that looks like seconds", () => {
    expect(ofMetric({ name: "request-duration", thresholdRange: { max: 0.5 } })).toEqual([
      "spec.analysis.metrics[0].thresholdRange.max: a request duration is in milliseconds: " +
        "hardly any release is within 0.5; write 500",
    ]);
  });

  it("a webhook that cannot be called", () => {
    expect(ofHook({ url: "flagger-loadtester.test/gate/check" })).toEqual([
      'spec.analysis.webhooks[0].url: "flagger-loadtester.test/gate/check" is no HTTP address: ' +
        "the webhook cannot be called; write http://flagger-loadtester.test/gate/check",
    ]);
    expect(ofHook({ timeout: "10 s" })).toEqual([
      'spec.analysis.webhooks[0].timeout: "10 s" is no duration: every call of the webhook fails; write 10s',
    ]);
  });

  it("weights that fall, and a first step above the last", () => {
    expect(doubts({ analysis: { stepWeights: [10, 5] } })).toEqual([expect.stringContaining("5 follows 10")]);
    expect(doubts({ analysis: { stepWeight: 60 } })).toEqual([
      "spec.analysis.stepWeight: 60 is above maxWeight 50: the first step gives the canary 60 %; use at most 50",
    ]);
  });

  it("fields that the provider does not look at", () => {
    const ingressRef = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", name: "podinfo" };
    expect(doubts({ spec: { provider: "istio", ingressRef } })).toEqual([
      "spec.ingressRef: the provider istio does not look at it; " +
        "leave it out, or set spec.provider to nginx or skipper or traefik",
    ]);
    const service = { gateways: ["mesh"], delegation: false };
    expect(doubts({ spec: { provider: "gatewayapi:v1" }, service })).toEqual([expect.stringContaining("gateways")]);
    expect(doubts({ spec: { provider: "istio" }, service })).toEqual([]);
  });
});

import { describe, expect, it } from "vitest";
import { aSpec, aWireCanary, type CanaryParts } from "../../testing/canary.ts";
import { PARSE_OPTIONS } from "../../testing/tables.ts";
import { type ParseOptions, parseSpec } from "./parse.ts";

function problemOf(parts: CanaryParts, options: Partial<ParseOptions> = {}): string {
  const parsed = parseSpec(aWireCanary(parts).spec, "test", { ...PARSE_OPTIONS, ...options });
  return parsed.kind === "invalid" ? parsed.problem : "valid";
}

describe("defaults", () => {
  it("are those of the contract", () => {
    const { analysis, service, ...spec } = aSpec();
    expect(spec).toMatchObject({
      provider: "istio",
      progressDeadlineSeconds: 600,
      skipAnalysis: false,
      strategy: "canary",
    });
    expect(service).toMatchObject({ name: "podinfo", portName: "http", targetPort: 9898, portDiscovery: false });
    expect(analysis).toMatchObject({ intervalMs: 15_000, primaryReadyThreshold: 100, canaryReadyThreshold: 100 });
  });

  it.each([
    ["", 60_000],
    ["1x", 60_000],
    ["5s", 10_000],
    ["1m30s", 90_000],
  ])("interval %j is %d ms", (interval, ms) => {
    expect(aSpec({ analysis: { interval } }).analysis.intervalMs).toBe(ms);
  });

  it.each([
    [0, 1],
    [-3, 1],
    [7, 7],
  ])("threshold %d means %d", (threshold, effective) => {
    expect(aSpec({ analysis: { threshold } }).analysis.threshold).toBe(effective);
  });

  it.each([0, "0", ""])("target port %j is the port itself; a Service with a port named 0 is refused", (targetPort) => {
    expect(aSpec({ service: { targetPort } }).service.targetPort).toBe(9898);
  });

  it("Q2: without any analysis it is skipped", () => {
    expect(aSpec({ spec: { analysis: undefined } }).skipAnalysis).toBe(true);
  });

  it("Q2: the deprecated canaryAnalysis is read where analysis is absent", () => {
    const spec = aSpec({ spec: { analysis: undefined, canaryAnalysis: { stepWeight: 7, interval: "20s" } } });
    expect(spec).toMatchObject({ skipAnalysis: false, analysis: { stepWeight: 7, intervalMs: 20_000 } });
  });

  it("Q43, M1: a metric without interval looks at one minute", () => {
    expect(aSpec({ analysis: { metrics: [{ name: "x", query: "up" }] } }).analysis.metrics[0]?.interval).toBe("1m");
  });

  it("Q72: an alert without severity wants everything", () => {
    const alerts = [{ name: "on-call", providerRef: { name: "slack" } }];
    expect(aSpec({ analysis: { alerts } }).analysis.alerts[0]).toMatchObject({
      severity: "info",
      providerRef: { name: "slack", namespace: "test" },
    });
  });

  it("a hook without a type is a rollout hook", () => {
    const webhooks = [{ name: "load", url: "http://x" }];
    expect(aSpec({ analysis: { webhooks } }).analysis.webhooks[0]?.type).toBe("rollout");
  });
});

describe("refusals say what, where and what to do", () => {
  it.each<[string, CanaryParts, string]>([
    [
      "Q4: a fraction where a whole number belongs",
      { analysis: { stepWeight: 2.5 } },
      "invalid canary spec: spec.analysis.stepWeight: must be a whole number, found 2.5",
    ],
    [
      "Q4: a number that is too large for a whole one",
      { analysis: { threshold: 1e300 } },
      "invalid canary spec: spec.analysis.threshold: must be a whole number, found 1e+300",
    ],
    [
      "Q16: more iterations than a plan can hold, which would end the operator",
      { analysis: { iterations: 1e9 } },
      "invalid canary spec: spec.analysis.iterations: must be at most 10000, found 1000000000",
    ],
    [
      "Q28: a step that leads nowhere",
      { analysis: { stepWeight: 0 } },
      "invalid canary spec: spec.analysis needs iterations, stepWeights or a stepWeight greater than 0: no step could ever be taken",
    ],
    [
      "Q8: a Knative target without the provider",
      { spec: { targetRef: { apiVersion: "serving.knative.dev/v1", kind: "Service", name: "x" } } },
      "invalid canary spec: can't use  provider with Knative Service as target: set spec.provider to knative",
    ],
    [
      "Q8: the Knative provider without the target",
      { spec: { provider: "knative" } },
      "invalid canary spec: can't use apps/v1/Deployment as target if provider is set to knative: set spec.provider to the provider of this target, or spec.targetRef to a Service of serving.knative.dev/v1",
    ],
    [
      "one cookie for both",
      { analysis: { sessionAffinity: { cookieName: "c", primaryCookieName: "c" } } },
      "invalid canary spec: can't use the same cookie name for both primary and cookie name; please update them to be different (spec.analysis.sessionAffinity.cookieName and primaryCookieName)",
    ],
    [
      "an unknown target kind",
      { spec: { targetRef: { apiVersion: "batch/v1", kind: "Job", name: "x" } } },
      'invalid canary spec: spec.targetRef.kind "Job" cannot be released, use one of Deployment, DaemonSet, StatefulSet, Service',
    ],
    [
      "a hook without address",
      { analysis: { webhooks: [{ name: "x" }] } },
      "invalid canary spec: spec.analysis.webhooks[0].url: is required",
    ],
    [
      "an analysis that is no object, which went for none at all: the revision was promoted unjudged",
      { spec: { analysis: [{ stepWeight: 10 }] } },
      'invalid canary spec: spec.analysis: must be an object, found [{"stepWeight":10}]',
    ],
    [
      "a target port that is neither number nor name, which went for none",
      { service: { targetPort: { port: 9898 } } },
      'invalid canary spec: spec.service.targetPort: must be a whole number or a text, found {"port":9898}',
    ],
    [
      "a match whose headers are no conditions",
      { analysis: { match: [{ headers: { "x-user": "insider" } }] } },
      'invalid canary spec: spec.analysis.match[0].headers.x-user: must be an object, found "insider"',
    ],
  ])("%s", (_what, parts, problem) => {
    expect(problemOf(parts)).toBe(problem);
  });

  it("an empty analysis is one without steps, not none", () => {
    expect(problemOf({ spec: { analysis: {} } })).toContain("no step could ever be taken");
  });

  it("Q8: a Knative target names its provider itself, though the operator's is Knative", () => {
    const targetRef = { apiVersion: "serving.knative.dev/v1", kind: "Service", name: "x" };
    expect(problemOf({ spec: { targetRef } }, { meshProvider: "knative" })).toContain("can't use  provider");
    expect(problemOf({ spec: { targetRef, provider: "knative" } })).toBe("valid");
    expect(problemOf({ spec: { targetRef, provider: "knative", autoscalerRef: { name: "x" } } })).toBe(
      "invalid canary spec: can't use autoscaler with Knative Service: remove spec.autoscalerRef, Knative scales by itself",
    );
  });

  it("references across namespaces, when they are forbidden", () => {
    const metrics = [{ name: "m", templateRef: { name: "latency", namespace: "other" } }];
    expect(problemOf({ analysis: { metrics } })).toBe("valid");
    expect(problemOf({ analysis: { metrics } }, { noCrossNamespaceRefs: true })).toBe(
      "invalid canary spec: can't access metric template latency.other, cross-namespace references are blocked: name one of this namespace in spec.analysis.metrics",
    );
  });
});

describe("bounds", () => {
  const many = (count: number, entry: object) => Array.from({ length: count }, () => entry);
  it.each<[string, CanaryParts, string]>([
    [
      "step weights",
      { analysis: { stepWeights: Array(200_000).fill(1) } },
      "stepWeights: must have at most 100 entries",
    ],
    [
      "metrics",
      { analysis: { metrics: many(51, { name: "m", query: "q" }) } },
      "metrics: must have at most 50 entries",
    ],
    [
      "webhooks",
      { analysis: { webhooks: many(51, { name: "w", url: "http://x" }) } },
      "webhooks: must have at most 50 entries, found 51",
    ],
    [
      "alerts",
      { analysis: { alerts: many(51, { name: "a", providerRef: { name: "p" } }) } },
      "alerts: must have at most 50 entries",
    ],
    [
      "a query",
      { analysis: { metrics: [{ name: "m", query: "x".repeat(70_000) }] } },
      "query: must have at most 65536 characters, found 70000",
    ],
    [
      "an address",
      { analysis: { webhooks: [{ name: "w", url: `http://${"x".repeat(3000)}` }] } },
      "url: must have at most 2048 characters",
    ],
    [
      "retries",
      { analysis: { webhooks: [{ name: "w", url: "http://x", retries: 2_147_483_647 }] } },
      "retries: must be at most 1000, found 2147483647",
    ],
    [
      "a metric server",
      { spec: { metricsServer: `http://${"x".repeat(3000)}` } },
      "metricsServer: must have at most 2048",
    ],
  ])("of %s are refused in plain words", (_, parts, problem) => expect(problemOf(parts)).toContain(problem));
});

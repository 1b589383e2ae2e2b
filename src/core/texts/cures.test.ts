/** Every kind of object that a Canary may name, missing: the condition names object, field, cause and cure. */
import { describe, expect, it } from "vitest";
import { RESOURCES, type ResourceType } from "../../ports/kubernetes.ts";
import { aCanary } from "../../testing/canary.ts";
import { getQueryError } from "../../workloads/not-found.ts";
import type { CanaryStatus } from "../status/canary.ts";
import { conditionsFor } from "../status/conditions.ts";
import { withCure } from "./cures.ts";
import { sentenceOf } from "./words.ts";

const NOW = Date.UTC(2026, 0, 1);
const missing = (type: ResourceType) => getQueryError({ type, namespace: "test", name: "web" });

const ROWS: readonly (readonly [string, string])[] = [
  [missing(RESOURCES.deployment), "spec.targetRef"],
  [missing(RESOURCES.daemonSet), "spec.targetRef"],
  [missing(RESOURCES.statefulSet), "spec.targetRef"],
  [missing(RESOURCES.service), "spec.targetRef"],
  [missing(RESOURCES.hpa), "spec.autoscalerRef"],
  [missing(RESOURCES.scaledObject), "spec.autoscalerRef"],
  ['Knative Service web.test get query error: services.serving.knative.dev "web" not found', "spec.targetRef"],
  ['ingress web.test get query error: ingresses.networking.k8s.io "web" not found', "spec.ingressRef"],
  ['APISIX route web.test get query error: apisixroutes.apisix.apache.org "web" not found', "spec.routeRef"],
  ['upstreams.gloo.solo.io "web" not found', "spec.upstreamRef"],
  ['Metric template web.test error: metrictemplate.flagger.app "web" not found', "spec.analysis.metrics[].templateRef"],
  ['alertprovider.flagger.app "web" not found', "spec.analysis.alerts[].providerRef"],
  ['configmaps "web" not found', "the reference to it in the pod template of the target"],
  ['secrets "web" not found', "the reference to it in the pod template of the target"],
  ['Metric template a.test error: secrets "web" not found', "the secretRef that names it"],
];

describe("an object that is missing", () => {
  it.each(ROWS)("%s", (text, field) => {
    expect(withCure(text)).toBe(`${text}: create web, or correct ${field}`);
    const status = { ...aCanary().status, phase: "Initialized", drain: { kind: "none" } };
    const announced = { reason: "TargetProblem", message: text };
    const [condition] = conditionsFor(
      { ...status, announced } as unknown as CanaryStatus,
      "Deployment",
      NOW,
      undefined,
    );
    expect(condition?.message).toMatch(/ Held: /);
    expect(condition?.message?.endsWith(`Held: ${text}: create web, or correct ${field}`)).toBe(true);
  });

  it.each([
    [
      "Metric template web.test query render error: template parsing failed",
      "correct spec.query of the MetricTemplate",
    ],
    ["Metric template web.test provider x error: unknown", "correct spec.provider of the MetricTemplate"],
    ["Metric template web.test secret keys error: no text", "correct the Secret that the MetricTemplate names"],
  ])("%s: the same of a template that is malformed", (text, cure) => {
    expect(withCure(text)).toBe(`${text}: ${cure}`);
    const failure = { check: "mine", source: "template", detail: text } as const;
    expect(sentenceOf({ kind: "threshold", step: 1, steps: 5, weight: 10, failedChecks: 5, failure })).toBe(
      `Rolled back at step 1 of 5 (10 %): mine had no value: ${text}: ${cure} (5 failed checks).`,
    );
  });

  it.each(["waiting for podinfo", 'pod "web" not found in time', 'widgets.example.com "web" not found'])(
    "is not what %s says",
    (text) => expect(withCure(text)).toBe(text),
  );
});

/** The entries of docs/reference/flagger-register.md that the shell decides. */
import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { canaryCrd } from "../../crd/index.ts";
import { SILENT_LOG } from "../../ports/log.ts";
import type { Turn } from "../../ports/recorder.ts";
import { createLogger } from "../../recorders/log/logger.ts";
import { createMetricsRecorder } from "../../recorders/metrics/recorder.ts";
import { createRouters } from "../../routers/table.ts";
import { createServicesRouter } from "../../services/services.ts";
import { aCanary } from "../../testing/canary.ts";
import { tell } from "../../testing/story.ts";
import { TABLES } from "../../testing/tables.ts";
import { systemClock } from "../../time/system-clock.ts";
import { createAutoscalers } from "../../workloads/autoscalers.ts";
import { createWorkloads } from "../../workloads/table.ts";
import { type AdapterTables, chooseAdapters } from "../adapters.ts";
import { measure } from "../measure/metric-check.ts";
import { combineRecorders } from "./recorders.ts";

const NOT_ABORTED = new AbortController().signal;

describe("the register", () => {
  it("Q1: the stray `required` on the list of mirrors stays in the CRD's text", () => {
    const text = JSON.stringify(canaryCrd());
    expect(text).toMatch(/"mirror":\{[^[]*"required":\["backendRef"\]|"required":\["backendRef"\][^[]*"items"/);
  });

  it("Q13: the series of a Canary go with it, and its namespace counts down to 0", async () => {
    const registry = new Registry();
    const recorder = createMetricsRecorder({ registry, version: "1.44.0", meshProvider: "istio" });
    const canary = aCanary();
    const { status } = canary;
    const input = { observation: { answers: [] } } as unknown as Turn["input"];
    const routes = { primary: 90, canary: 10, mirror: false };
    recorder.record({ canary, input, transition: { status, events: [] }, routes, tookMs: 1 });
    expect(await registry.metrics()).toContain('flagger_canary_weight{workload="podinfo",namespace="test"} 10');
    recorder.forget(canary.ref);
    const after = await registry.metrics();
    expect(after).toContain('flagger_canary_total{namespace="test"} 0');
    expect(after).not.toContain('workload="podinfo"');
  });

  it("a listener that fails hurts neither the turn nor the other listeners", () => {
    const heard: string[] = [];
    const broken = {
      record() {
        throw new Error("broken");
      },
      announce() {
        throw new Error("broken");
      },
      forget() {},
    };
    const whole = { record() {}, announce: () => void heard.push("said"), forget() {} };
    const event = { type: "Normal", reason: "Initialized", message: "x", phase: "" } as const;
    combineRecorders([broken, whole], SILENT_LOG).announce(aCanary(), event);
    expect(heard).toEqual(["said"]);
  });

  it("Q18: a Canary that is being deleted takes no step, and begins no rollout", () => {
    const story = tell({});
    story.run(60);
    story.world.deleting = true;
    story.world.revision = { spec: "v2" };
    story.run(600);
    expect(story.timeline.filter((line) => line.includes("New revision"))).toEqual([]);
    expect(story.asked).toEqual([]);
  });

  it("Q42, M4: an inline query whose template is broken says so instead of sending an empty query", async () => {
    const canary = aCanary({ analysis: { metrics: [{ name: "errors", query: "{{ nonsense }}" }] } });
    const [metric] = canary.spec.analysis.metrics;
    if (metric === undefined) throw new Error("no metric");
    const ports = {
      metricsServer: "http://127.0.0.1:1",
      meshProvider: "istio",
      read: () => Promise.resolve(undefined),
      log: SILENT_LOG,
      clock: systemClock,
      workloads: TABLES.workloads,
    };
    const answer = await measure(canary, { kind: "metric", metric, source: "query", of: "canary" }, ports, NOT_ABORTED);
    expect(answer).toMatchObject({
      kind: "error",
      message: expect.stringMatching(/^Prometheus query failed for errors: template parsing failed: /),
    });
  });

  it("Q60: an autoscaler of an unknown kind is refused by its name, and by what it could be", () => {
    const canary = aCanary({ spec: { autoscalerRef: { kind: "VerticalPodAutoscaler", name: "podinfo" } } });
    const options = { selectorLabels: ["app"], includeLabelPrefixes: [], configTracking: true };
    const tables: AdapterTables = {
      routers: createRouters({ setOwnerRefs: true }),
      workloads: createWorkloads(options),
      autoscalers: createAutoscalers(options),
      services: createServicesRouter(),
    };
    expect(chooseAdapters(canary, tables)).toEqual({
      kind: "problem",
      detail:
        'spec.autoscalerRef.kind "VerticalPodAutoscaler" is not known: use one of HorizontalPodAutoscaler, ScaledObject',
    });
  });

  it("Q75: the log level `warning` means warn", () => {
    const lines: string[] = [];
    const log = createLogger({ level: "warning", encoding: "json", write: (line) => void lines.push(line) });
    log.info({}, "quiet");
    log.warn({}, "loud");
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(["loud"]);
  });
});
